/** How the engine's WebAssembly module is loaded. */

import * as glue from "./wasm/atelier_web.js";
import * as cpuGlue from "./wasm/atelier_web_cpu.js";
import { AtelierError, messageOf } from "./errors.js";
import type { WireWasm } from "./protocol.js";
import { VERSION } from "./version.js";
import { exposeMemory } from "./wgpu-workarounds.js";

/** An open model, as far as it is used. */
export type OpenModel = Pick<glue.Engine, "info" | "generate">;

/** SHA-256 in pieces. */
export type Hasher = Pick<glue.Hasher, "update" | "digest" | "state" | "restore" | "free">;

/** What the module exports, as far as it is used. */
export interface Wasm {
  readonly Engine: { open(...from: Parameters<typeof glue.Engine.open>): Promise<OpenModel> };
  readonly Hasher: new () => Hasher;
  readonly check: typeof glue.check;
}

/** The loaded module, and its code for the next worker. */
export interface LoadedWasm {
  readonly wasm: Wasm;
  readonly module: WebAssembly.Module;
}

/**
 * Compiles and starts an engine's module; `wasm` may be its file, its address, or its code. Rejects with the code `other-version`
 * where it is of another build than this script.
 */
export async function loadWasm(engine: "gpu" | "cpu", wasm: WireWasm): Promise<LoadedWasm> {
  const module = await compile(wasm);
  const exports = engine === "gpu" ? glue : cpuGlue;
  const memory = await start(exports, module, `the ${engine === "gpu" ? "GPU" : "CPU"} engine's WebAssembly file`);
  exposeMemory(memory);
  return { wasm: exports, module };
}

async function start(exports: typeof glue, module: WebAssembly.Module, what: string): Promise<WebAssembly.Memory> {
  let found = "one that asks for other things of its script";
  let cause: unknown;
  try {
    const { memory } = await exports.default({ module_or_path: module });
    found = exports.version();
    if (found === VERSION) return memory;
  } catch (error) {
    // What two builds expect of each other may differ before a version can be asked for.
    if (!(error instanceof WebAssembly.LinkError) && !(error instanceof TypeError)) throw error;
    cause = error;
  }
  const problem = `${what}: expected version ${VERSION}, as its script has, found ${found}`;
  throw new AtelierError("other-version", problem, { cause });
}

async function compile(wasm: WireWasm): Promise<WebAssembly.Module> {
  if (wasm instanceof WebAssembly.Module) return wasm;
  if (typeof wasm !== "string") return WebAssembly.compile(wasm);
  try {
    const response = await fetch(wasm);
    if (!response.ok) throw new Error(`the server answers ${response.status}`);
    // Some static servers do not know the type of .wasm files, and streaming insists on it.
    const streams = response.headers.get("Content-Type")?.split(";")[0]?.trim() === "application/wasm";
    return await (streams ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer()));
  } catch (error) {
    throw new AtelierError("network", `${wasm}: cannot be fetched: ${messageOf(error)}`, { cause: error });
  }
}
