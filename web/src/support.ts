/** Which engine this browser can run, and which it should. */

import { AtelierError } from "./errors.js";
import type { EngineChoice, EngineInUse, Support } from "./types.js";

/** The smallest module with an instruction for vectors. */
const VECTORS = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

/** Asks for WebGPU and for a graphics adapter, and for what the CPU engine needs; no device is made. */
export async function isSupported(): Promise<Support> {
  const graphics = await lookAtGraphics();
  if (graphics === undefined) return { supported: true, engine: { kind: "gpu" } };
  if (hasCpuEngine()) return { supported: true, engine: { kind: "cpu", why: graphics } };
  // A slow picture is better than none.
  if (graphics === "software-adapter") return { supported: true, engine: { kind: "gpu" } };
  return { supported: false, code: graphics, message: MESSAGES[graphics] };
}

/** The engine for a choice. Rejects where there is none. */
export async function chooseEngine(choice: EngineChoice): Promise<EngineInUse> {
  if (choice === "cpu") {
    if (hasCpuEngine()) return { kind: "cpu", why: "asked" };
    throw new AtelierError("no-webgpu", "the CPU engine needs workers and vector instructions (WebAssembly SIMD)");
  }
  if (choice === "auto") {
    const support = await isSupported();
    if (support.supported) return support.engine;
    throw new AtelierError(support.code, support.message);
  }
  if (choice !== "gpu") {
    throw new AtelierError("bad-request", `engine: expected auto, gpu or cpu, found ${JSON.stringify(choice)}`);
  }
  const graphics = await lookAtGraphics();
  // Whoever asks for the GPU may have one in software.
  if (graphics === undefined || graphics === "software-adapter") return { kind: "gpu" };
  throw new AtelierError(graphics, MESSAGES[graphics]);
}

const MESSAGES = {
  "no-webgpu": "this browser has no WebGPU, or the page is not secure (https)",
  "no-adapter": "WebGPU finds no graphics adapter",
} as const;

/** What speaks against the GPU, if anything does. */
async function lookAtGraphics(): Promise<"no-webgpu" | "no-adapter" | "software-adapter" | undefined> {
  // Older browsers have no such property, whatever the types say.
  const gpu = (globalThis.navigator as Partial<Navigator> | undefined)?.gpu;
  if (!gpu) return "no-webgpu";
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  if (!adapter) return "no-adapter";
  return isSoftware(adapter) ? "software-adapter" : undefined;
}

/** An adapter that computes on the CPU is many times slower than the engine that is made for it. */
function isSoftware(adapter: GPUAdapter): boolean {
  // Where it stands has changed, and older browsers have neither.
  const { info, isFallbackAdapter } = adapter as Partial<GPUAdapter> & { readonly isFallbackAdapter?: boolean };
  return (info?.isFallbackAdapter ?? isFallbackAdapter) === true;
}

function hasCpuEngine(): boolean {
  return typeof Worker !== "undefined" && WebAssembly.validate(VECTORS);
}
