/** Opens whatever the user named as a model, in the worker. */

import type { WireOpen } from "../protocol.js";
import type { Hasher } from "../wasm-module.js";
import { keyOf, room } from "./cache.js";
import { openFiles } from "./files.js";
import { openPicked, openStore } from "./opfs.js";
import { openRemote } from "./remote.js";
import type { OnDownload, OpenSource } from "./source.js";

/** Opens the model of `open`; one on a server is complete on this device afterwards. */
export async function openSource(
  { source, requests }: WireOpen,
  hasher: () => Hasher,
  on: OnDownload,
  signal: AbortSignal,
): Promise<OpenSource> {
  if (source.kind === "files") return openFiles(source.files, source.notes ? await openPicked() : undefined);
  const { kind: _, ...wanted } = source;
  const key = await keyOf(source.url);
  const store = await openStore(key, true);
  const means = { store, room, hasher, wait, fetch: (url: string, init?: RequestInit) => fetch(url, init) };
  return openRemote({ ...wanted, key, requests }, means, on, signal);
}

function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
