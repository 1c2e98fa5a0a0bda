/** Models on this device, from the page's side. */

import { checked } from "./check.js";
import { AtelierError, badRequest } from "./errors.js";
import { MANIFEST } from "./generated/pack.js";
import type { WireSource } from "./protocol.js";
import {
  checkKept,
  clearKept,
  clearKey,
  isKept,
  keptBytes,
  keptListing,
  keyOf,
  listKept,
  room,
} from "./sources/cache.js";
import { latest } from "./sources/latest.js";
import { totalBytes } from "./sources/listing.js";
import { openStore, removePicked } from "./sources/opfs.js";
import { sha256 } from "./records.js";
import type { ModelSource, StorageReport } from "./types.js";

/**
 * What a model needs on this device, and what there is, before anything of it is fetched. Only its list of files is asked for:
 * with `offline` not even that, and a model of which nothing complete is here reports 0 bytes.
 *
 * Rejects with the codes `network` or `bad-file` where the list cannot be had.
 */
export async function storageReport(
  source: ModelSource,
  options: { readonly offline?: boolean; readonly signal?: AbortSignal } = {},
): Promise<StorageReport> {
  const signal = options.signal ?? new AbortController().signal;
  const free = await room();
  const available = free === undefined ? {} : { available: free };
  const place = placeOf(source);
  if (place.kind === "files") {
    const bytes = [...place.files.values()].reduce((sum, file) => sum + file.size, 0);
    return { needed: bytes, cached: bytes, ...available };
  }
  const store = await openStore(await keyOf(place.url), false);
  const kept = store && (await keptListing(store, place.url));
  if (options.offline && !kept) return { needed: 0, cached: 0, ...available };
  const requests = options.offline ? "never" : "fresh";
  const { listing } = await latest(place, requests, kept, (url, init) => fetch(url, init), signal);
  const cached = store ? await keptBytes(store, listing) : 0;
  return { needed: totalBytes(listing), cached, ...available };
}

/** Whether all of a model is on this device. Nothing is asked of the server. */
export async function isCached(source: ModelSource): Promise<boolean> {
  const place = placeOf(source);
  return place.kind === "files" || isKept(place);
}

/**
 * Removes a model from this device, or every model where none is named; files that the user picked are not touched.
 * Rejects with the code `in-use` while an engine or another tab has it open.
 */
export async function clearCache(source?: ModelSource): Promise<void> {
  const place = source && placeOf(source);
  if (place?.kind === "files") return;
  await clearKept(place?.url);
}

/** A model that is on this device, wholly or in part. */
export interface StoredModel {
  /** By which `removeStored` knows it. */
  readonly key: string;
  /**
   * Where it is from; of a pack whose files have an address each, `sha256:` and the hash of its manifest. Left out where that was
   * never written down.
   */
  readonly url?: string;
  /** Bytes on this device, those of unfinished files included. */
  readonly bytes: number;
  /** Whether all of it is here. */
  readonly complete: boolean;
  /** Whether all of it is here and came with hashes, so that `checkStored` has something to compare it with. */
  readonly hashed: boolean;
}

/** Every model on this device, and what is left of one that was never complete. */
export async function storedModels(): Promise<StoredModel[]> {
  return listKept();
}

/** Removes one of `storedModels`. Rejects with the code `in-use` while an engine or another tab has it open. */
export async function removeStored(model: StoredModel): Promise<void> {
  await clearKey(model.key);
}

/**
 * Hashes one of `storedModels` again. Gives the paths of files that are damaged; the next run that reads them fetches them
 * again. Without this, a file is hashed once: when it is fetched, and again only if its size or the time of its last change is
 * another. Rejects with the code `bad-request` where the model is not complete, or with the signal's reason.
 */
export async function checkStored(
  model: StoredModel,
  options: { readonly progress?: (bytes: number, total: number) => void; readonly signal?: AbortSignal } = {},
): Promise<readonly string[]> {
  const { progress = () => {}, signal = new AbortController().signal } = options;
  return checkKept(model.key, model.url ?? "", progress, signal);
}

/** Forgets which files that the user picked were compared with their hashes: they are hashed again when they are read next. */
export async function forgetPicked(): Promise<void> {
  await removePicked();
}

/** Where a source is, as the worker is told; refuses other servers unless the hash of a manifest says what they have to send. */
export function placeOf(source: ModelSource): WireSource {
  if ("files" in source) return { kind: "files", files: source.files, notes: source.remember ?? true };
  const { manifest } = source;
  if (manifest !== undefined) checked(() => sha256(manifest, "source.manifest"), manifest, "bad-request");
  if ("urls" in source) return addressed(source);
  const url = address("source.url", source.url);
  if (url.origin !== globalThis.origin && (manifest === undefined || !/^https?:$/.test(url.protocol))) {
    const own = `an address on this page's own server (${globalThis.origin})`;
    const message = `source.url: expected ${own}, or of a pack with the SHA-256 of its pack.json as manifest, found ${url.origin}`;
    throw new AtelierError("bad-request", message);
  }
  const folder = url.pathname.endsWith("/") ? url.pathname : `${url.pathname}/`;
  return { kind: "url", url: url.origin + folder, manifest };
}

/** A pack whose files have an address each. Its name is its contents', as bundlers change the addresses. */
function addressed({ urls, manifest }: Extract<ModelSource, { urls: object }>): WireSource {
  if (manifest === undefined) throw badRequest("source.manifest", "the SHA-256 of pack.json", manifest);
  if (typeof urls !== "object" || urls === null || !Object.hasOwn(urls, MANIFEST)) {
    throw badRequest("source.urls", "addresses by the paths of files, pack.json among them", urls);
  }
  const addresses = Object.fromEntries(
    Object.entries(urls).map(([path, url]) => {
      const { protocol, href } = address(`source.urls: ${path}`, url);
      if (/^(https?|data|blob):$/.test(protocol)) return [path, href];
      throw badRequest(`source.urls: ${path}`, "an address that can be fetched", href);
    }),
  );
  return { kind: "url", url: `sha256:${manifest}`, manifest, addresses };
}

function address(field: string, given: unknown): URL {
  try {
    return new URL(String(given), baseUrl());
  } catch {
    throw badRequest(field, "an address", String(given));
  }
}

/** What relative addresses are relative to. A worker may itself come from a blob, which can be no base. */
export function baseUrl(): string {
  if (typeof document !== "undefined") return document.baseURI;
  // On a server there is none.
  const href = (globalThis.location as Location | undefined)?.href ?? "";
  return href.startsWith("blob:") ? globalThis.origin : href;
}

/** Asks the browser, once a page, to keep what this site keeps when room gets short. Only pages can ask. */
export async function persist(): Promise<void> {
  if (asked || typeof navigator.storage?.persist !== "function") return;
  asked = true;
  const storage = navigator.storage;
  const ask = async (): Promise<void> => {
    if (!(await storage.persisted())) await storage.persist();
  };
  // Some browsers ask their user, who may not look. It is a wish; the cache heals itself.
  const enough = new Promise<void>((resolve) => setTimeout(resolve, PATIENCE));
  await Promise.race([ask().catch(() => {}), enough]);
}

/** Milliseconds for which fetching waits for the user's answer. */
const PATIENCE = 10_000;

let asked = false;
