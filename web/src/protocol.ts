/** What the page's side and the worker say to each other. */

import type { WireError } from "./errors.js";
import type { Requests } from "./sources/latest.js";
import type { Blueprint, GenerateEvent, ModelInfo, Pixels, RunRecord } from "./types.js";

/** Where a model's files are; addresses are absolute, as a worker may have no base of its own. */
export type WireSource =
  | { readonly kind: "url"; readonly url: string; readonly manifest?: string | undefined }
  | { readonly kind: "files"; readonly files: ReadonlyMap<string, Blob> };

/** The WebAssembly file: bytes, an address, or what another worker compiled. */
export type WireWasm = BufferSource | WebAssembly.Module | string;

/** How a model is opened. */
export interface WireOpen {
  readonly source: WireSource;
  /** Where requests for the model may be made. */
  readonly requests: Requests;
  readonly wasm: WireWasm | undefined;
  readonly defaultLimits: boolean;
}

/** A request whose every field was looked at. */
export interface WireRequest {
  readonly prompt?: string;
  readonly width?: number;
  readonly height?: number;
  readonly steps?: number;
  readonly guidance?: number;
  readonly seed: number;
  readonly temperature?: number;
  readonly blueprint?: Blueprint;
  readonly metadata: boolean;
  readonly images: readonly { readonly image: Blob | ImageData; readonly name: string }[];
  readonly name: string;
}

/** A picture on its way; its bytes are transferred. */
export interface WirePicture {
  readonly pixels: Pixels;
  readonly png: Uint8Array<ArrayBuffer>;
  readonly record: RunRecord;
}

/** Events that the worker reports; the page's side adds the others. */
export type WireEvent = Exclude<GenerateEvent, { event: "done" | "retry" }>;

/** To the worker. It does one thing at a time; `id` says which. */
export type ToWorker =
  | { readonly type: "open"; readonly id: number; readonly open: WireOpen }
  | { readonly type: "run"; readonly id: number; readonly request: WireRequest }
  | { readonly type: "cancel"; readonly id: number };

/** From the worker. */
export type FromWorker =
  /** It listens. */
  | { readonly type: "ready" }
  | { readonly type: "event"; readonly id: number; readonly event: WireEvent }
  | { readonly type: "opened"; readonly id: number; readonly info: ModelInfo; readonly module: WebAssembly.Module }
  | { readonly type: "finished"; readonly id: number; readonly picture: WirePicture }
  | { readonly type: "failed"; readonly id: number; readonly error: WireError }
  /** It can do nothing more. */
  | { readonly type: "gone"; readonly error: WireError };
