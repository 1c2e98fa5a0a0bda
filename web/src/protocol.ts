/** What the page's side and the worker say to each other. */

import type { WireError } from "./errors.js";
import type { DownloadEvent, ModelInfo } from "./types.js";
import type { KernelCheck } from "./generated/atelier.js";
import type { Wanted } from "./sources/latest.js";
import type { DeviceCheck, RunInput, RunReport } from "./wasm/atelier_web.js";

/** Where a model's files are; addresses are absolute, as a worker may have no base of its own. */
export type WireSource =
  | ({ readonly kind: "url" } & Wanted)
  /** `notes`: whether may be noted which files were compared with their hashes. */
  | { readonly kind: "files"; readonly files: ReadonlyMap<string, Blob>; readonly notes: boolean };

/** The WebAssembly file: bytes, an address, or what another worker compiled. */
export type WireWasm = BufferSource | WebAssembly.Module | string;

/** Where requests may be made: never, only for what is not on this device, or also to look for a new version. */
export type Requests = "never" | "missing" | "fresh";

/** How a model is opened. */
export interface WireOpen {
  readonly source: WireSource;
  /** Where requests for the model may be made. */
  readonly requests: Requests;
  readonly engine: "gpu" | "cpu";
  /** The engine's. */
  readonly wasm: WireWasm;
  readonly defaultLimits: boolean;
  /** Variants that kernels are to do without. */
  readonly avoid: readonly string[];
}

/** How a device is checked. */
export type WireCheck = Pick<WireOpen, "wasm" | "defaultLimits">;

/** A run whose every field was looked at. */
export interface WireRun extends Omit<RunInput, "images"> {
  readonly images: readonly { readonly image: Blob | ImageData; readonly name: string }[];
}

/** What the worker reports of a run or of opening. Bytes are transferred. */
export type WireEvent = DownloadEvent | RunReport;

/** To the worker. It does one thing at a time; `id` says which. */
export type ToWorker =
  /** It is asked whether it listens: a worker that was made before may have said so to nobody. */
  | { readonly type: "hello" }
  | { readonly type: "open"; readonly id: number; readonly open: WireOpen }
  | { readonly type: "run"; readonly id: number; readonly run: WireRun }
  | { readonly type: "check"; readonly id: number; readonly check: WireCheck }
  | { readonly type: "cancel"; readonly id: number };

/** From the worker. */
export type FromWorker =
  /** It listens, and its script has this version. */
  | { readonly type: "ready"; readonly version: string }
  | { readonly type: "event"; readonly id: number; readonly event: WireEvent }
  | { readonly type: "opened"; readonly id: number; readonly info: ModelInfo; readonly module: WebAssembly.Module }
  | { readonly type: "finished"; readonly id: number }
  | { readonly type: "found"; readonly id: number; readonly found: KernelCheck }
  | { readonly type: "checked"; readonly id: number; readonly report: DeviceCheck }
  | { readonly type: "failed"; readonly id: number; readonly error: WireError }
  /** It can do nothing more. */
  | { readonly type: "gone"; readonly error: WireError };
