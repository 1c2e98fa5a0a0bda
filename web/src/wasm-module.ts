/** How the engine's WebAssembly module is loaded. */

import * as glue from "./wasm/atelier_web.js";
import * as cpuGlue from "./wasm/atelier_web_cpu.js";
import { AtelierError, messageOf } from "./errors.js";
import type { WireWasm } from "./protocol.js";
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

/** Compiles and starts an engine's module; `wasm` may be its file, its address, or its code. */
export async function loadWasm(engine: "gpu" | "cpu", wasm: WireWasm | undefined): Promise<LoadedWasm> {
  const module = await compile(wasm ?? fileOf(engine).href);
  const exports = engine === "gpu" ? glue : cpuGlue;
  const { memory } = await exports.default({ module_or_path: module });
  exposeMemory(memory);
  return { wasm: exports, module };
}

/** Beside this script. Bundlers know files by these very expressions, and a script of a blob has nothing beside it. */
function fileOf(engine: "gpu" | "cpu"): URL {
  if (engine === "gpu") return new URL("./wasm/atelier_web_bg.wasm", import.meta.url);
  return new URL("./wasm/atelier_web_cpu_bg.wasm", import.meta.url);
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
