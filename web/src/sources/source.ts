/** What every place of a model's files offers the worker. */

import type { WasmSource } from "../wasm-module.js";
import type { DownloadEvent } from "../types.js";

/** Hears how far fetching has come. */
export type OnDownload = (event: DownloadEvent) => void;

/** A model's files, ready to be read. */
export interface OpenSource extends WasmSource {
  /** Gets a damaged file again; false where that cannot be done, `whole` where the file is not damaged at all. */
  heal(path: string, on: OnDownload, signal: AbortSignal): Promise<boolean | "whole">;
  /** Lets go of files that are held open, until the next read. */
  rest(): void;
}

/** Whether `path` is relative, stays in its folder on every system, and prints on one line. */
export function isPlainPath(path: string): boolean {
  return path.split("/").every((name) => name !== "" && name !== "." && name !== ".." && !/[\\:\p{Cc}]/u.test(name));
}
