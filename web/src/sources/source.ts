/** What every place of a model's files offers the worker. */

import type { DownloadEvent } from "../types.js";
import type { ModelFiles } from "../wasm/atelier_web.js";

/** Hears how far fetching has come. */
export type OnDownload = (event: DownloadEvent) => void;

/** A model's files, ready to be read. */
export interface OpenSource extends ModelFiles {
  /** Fetches a damaged file again; false where that cannot be done, `whole` where the file is not damaged at all. */
  refetch(path: string, on: OnDownload, signal: AbortSignal): Promise<boolean | "whole">;
  /** Closes files that are open; the next read opens them again. */
  close(): void;
}

/** Whether `path` is relative, stays in its folder on every system, and prints on one line. */
export function isPlainPath(path: string): boolean {
  return path.split("/").every((name) => name !== "" && name !== "." && name !== ".." && !/[\\:\p{Cc}]/u.test(name));
}
