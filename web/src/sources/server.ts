/** What the server has: a pack by its manifest, or else a checkpoint by the files that the engine reads. */

import { AtelierError, messageOf } from "../errors.js";
import { CARD, FILES, MODEL_INDEX, STEMS, WEIGHT_NAMES } from "../generated/layout.js";
import { MANIFEST } from "../generated/pack.js";
import type { Wanted } from "./latest.js";
import { addressOf, hashOf, listPack, listShards, type ListedFile, type Listing, MAX_MANIFEST } from "./listing.js";

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

/** A listing, and what of it was fetched on the way. */
export interface FetchedListing {
  readonly listing: Listing;
  /** The manifest of a pack. */
  readonly manifest?: Uint8Array<ArrayBuffer>;
}

/** Lists the model in the folder `url`, or the pack whose files have `addresses`. */
export async function listServer(
  { url, manifest: wanted, addresses }: Wanted,
  fetch: Fetch,
  signal: AbortSignal,
): Promise<FetchedListing> {
  const manifest = await get({ url, addresses }, MANIFEST, fetch, signal);
  if (manifest) return { listing: { ...(await listPack(url, manifest)), addresses }, manifest };
  if (wanted !== undefined) {
    const problem = `${addressOf({ url, addresses }, MANIFEST)}: expected the manifest of a pack, found no such file`;
    throw new AtelierError("bad-file", problem, { file: MANIFEST });
  }
  return { listing: await listCheckpoint(url, fetch, signal) };
}

async function listCheckpoint(url: string, fetch: Fetch, signal: AbortSignal): Promise<Listing> {
  const find = (path: string): Promise<ListedFile> => mustFind(url, path, fetch, signal);
  const index = await look(url, MODEL_INDEX, fetch, signal);
  if (!index) {
    const problem = `${url}: no model found: neither ${MANIFEST} nor ${MODEL_INDEX} is there`;
    throw new AtelierError("bad-file", problem, { file: MODEL_INDEX });
  }
  const card = await look(url, CARD, fetch, signal);
  const configs = await Promise.all(FILES.map(find));
  const weights = await Promise.all(STEMS.map((stem) => listWeights(url, stem, fetch, signal)));
  return { url, files: [index, ...(card ? [card] : []), ...configs, ...weights.flat()] };
}

async function mustFind(url: string, path: string, fetch: Fetch, signal: AbortSignal): Promise<ListedFile> {
  const file = await look(url, path, fetch, signal);
  if (!file) throw new AtelierError("bad-file", `${path}: the server has no such file`, { file: path });
  return file;
}

/** The files of a component's weights: the first that are there. */
async function listWeights(url: string, stem: string, fetch: Fetch, signal: AbortSignal): Promise<ListedFile[]> {
  for (const { indexes, single } of WEIGHT_NAMES) {
    for (const index of indexes.map((end) => stem + end)) {
      const text = await get({ url }, index, fetch, signal);
      if (!text) continue;
      const folder = stem.slice(0, stem.indexOf("/") + 1);
      const shards = listShards(index, new TextDecoder().decode(text)).map((shard) => folder + shard);
      return Promise.all([index, ...shards].map((path) => mustFind(url, path, fetch, signal)));
    }
    const file = await look(url, stem + single, fetch, signal);
    if (file) return [file];
  }
  const file = `${stem}${WEIGHT_NAMES[0]?.single}`;
  throw new AtelierError("bad-file", `${file}: the server has no such file, nor one of a variant (fp16, bf16)`, {
    file,
  });
}

/** A small file, whole; undefined where the server has none. */
async function get(
  place: Omit<Listing, "files">,
  path: string,
  fetch: Fetch,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const response = await ask(place, path, fetch, { cache: "no-cache", signal });
  if (!response) return undefined;
  const bytes = lengthOf(response);
  if (bytes !== undefined && bytes > MAX_MANIFEST) {
    await response.body?.cancel();
    const problem = `${path}: expected at most ${MAX_MANIFEST} bytes, found ${bytes}`;
    throw new AtelierError("bad-file", problem, { file: path });
  }
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw failed(path, error, signal);
  }
}

/** Size and version of a file; undefined where the server has none. */
async function look(url: string, path: string, fetch: Fetch, signal: AbortSignal): Promise<ListedFile | undefined> {
  const head = await ask({ url }, path, fetch, { method: "HEAD", cache: "no-cache", signal });
  if (!head) return undefined;
  let bytes = lengthOf(head);
  if (bytes === undefined) {
    // A compressing server does not say the size; of a range it has to, and of ranges nothing is compressed.
    const part = await ask({ url }, path, fetch, { headers: { Range: "bytes=0-0" }, cache: "no-store", signal });
    bytes = part && (part.status === 206 ? rangeOf(part)?.total : lengthOf(part));
    await part?.body?.cancel();
  }
  if (bytes === undefined)
    throw new AtelierError("network", `${path}: the server does not say its size`, { file: path });
  return { path, bytes, name: await hashOf(`${path}\n${bytes}\n${versionOf(head) ?? ""}`) };
}

async function ask(
  place: Omit<Listing, "files">,
  path: string,
  fetch: Fetch,
  init: RequestInit,
): Promise<Response | undefined> {
  const address = addressOf(place, path);
  let response: Response;
  try {
    response = await fetch(address, init);
  } catch (error) {
    throw failed(path, error, init.signal ?? undefined);
  }
  if (response.status === 404 || response.status === 410 || isPage(response)) return undefined;
  if (!response.ok) throw new AtelierError("network", `${path}: the server answers ${response.status}`, { file: path });
  return response;
}

/** Servers of single-page applications answer every unknown path with their page. */
function isPage(response: Response): boolean {
  return response.headers.get("Content-Type")?.startsWith("text/html") ?? false;
}

function failed(path: string, error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return signal.reason;
  return new AtelierError("network", `${path}: cannot be fetched: ${messageOf(error)}`, { file: path, cause: error });
}

/** The size of an answer's file, unless it is compressed on the way. */
export function lengthOf(response: Response): number | undefined {
  const length = response.headers.get("Content-Length");
  return length === null || response.headers.has("Content-Encoding") ? undefined : Number(length);
}

/** What an answer with a part of a file says about it. */
export function rangeOf(response: Response): { start: number; total: number } | undefined {
  const found = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get("Content-Range") ?? "");
  return found ? { start: Number(found[1]), total: Number(found[2]) } : undefined;
}

/** What `If-Range` may hold: a strong tag, or a date. */
export function versionOf(response: Response): string | undefined {
  const tag = response.headers.get("ETag");
  return (tag !== null && !tag.startsWith("W/") ? tag : response.headers.get("Last-Modified")) ?? undefined;
}
