/** The engine's WebAssembly module: what it exports, and how it is loaded. */

import * as glue from "./wasm/atelier_web.js";
import { AtelierError, messageOf } from "./errors.js";
import type { WireWasm } from "./protocol.js";
import type { Blueprint, ModelInfo, RunRecord } from "./types.js";

/** Files as the engine reads them; paths are relative and '/'-separated. */
export interface WasmSource {
  /** For messages. */
  readonly name: string;
  /** Bytes; undefined where there is no such file. */
  size(path: string): Promise<number | undefined>;
  /** Exactly the bytes `start` to `end`, `end` not included. */
  read(path: string, start: number, end: number): Promise<Uint8Array>;
}

/** A picture to be made, as the engine takes it. */
export interface WasmRequest {
  prompt?: string;
  width?: number;
  height?: number;
  steps?: number;
  guidance?: number;
  seed: number;
  temperature?: number;
  blueprint?: Blueprint;
  metadata: boolean;
  images: { width: number; height: number; data: Uint8Array; name: string }[];
  name: string;
}

/** A picture as the engine gives it. */
export interface WasmPicture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array<ArrayBuffer>;
  readonly png: Uint8Array<ArrayBuffer>;
  readonly record: RunRecord;
}

/** An open model. */
export interface WasmEngine {
  info(): ModelInfo;
  /** `onEvent` gets the events of a run and stops it by returning true. */
  generate(request: WasmRequest, onEvent: (event: object) => boolean): Promise<WasmPicture>;
  /** Frees the stage that is on the device. */
  release(): void;
  free(): void;
}

/** SHA-256 in pieces. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  /** Lower-case hexadecimal; it begins anew. */
  digest(): string;
  free(): void;
}

/** What the module exports, of what is used. */
export interface Wasm {
  readonly Engine: {
    open(source: WasmSource, options: { defaultLimits: boolean; subgroups: boolean }): Promise<WasmEngine>;
  };
  readonly Hasher: new () => Hasher;
}

/** The loaded module, and its code for the next worker. */
export interface LoadedWasm {
  readonly wasm: Wasm;
  readonly module: WebAssembly.Module;
}

/** Compiles and starts the module; `wasm` may be its file, its address, or its code. */
export async function loadWasm(wasm: WireWasm | undefined): Promise<LoadedWasm> {
  const module = await compile(wasm ?? new URL("./wasm/atelier_web_bg.wasm", import.meta.url).href);
  const { memory } = await glue.default({ module_or_path: module });
  // Where whoever debugs this worker finds it.
  Object.assign(globalThis, { atelierMemory: memory });
  return { wasm: glue as unknown as Wasm, module };
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
