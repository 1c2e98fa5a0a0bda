/**
 * Models on this device: `/atelier/<hash of the URL>/`, and there every file under the hash of what it holds, so that
 * versions cannot be mixed up and what two have in common is fetched once. `index.json` lists the last version that was
 * complete; files that it does not name are removed when it is written.
 */

import { AtelierError } from "../errors.js";
import { forgetChecked, isChecked, noteChecked, noteName } from "./checked.js";
import { hashOf, readListing, totalBytes, writeListing, type Listing } from "./listing.js";
import { isVersion, type Wanted } from "./latest.js";
import { isInUse, whileUnused } from "./locks.js";
import { openStore, removeStore, storedKeys } from "./opfs.js";
import { partialName, type Store, writeBytes } from "./store.js";

const INDEX = "index.json";
/** The address of the model, for those who look at what is stored. */
const ORIGIN = "url.txt";

/** The folder of a URL's model. */
export function keyOf(url: string): Promise<string> {
  return hashOf(url);
}

/** The last complete version, if it still is. */
export async function keptListing(store: Store, url: string): Promise<Listing | undefined> {
  const text = await store.text(INDEX);
  const listing = text === undefined ? undefined : readListing(url, text);
  if (!listing) return undefined;
  for (const file of listing.files) {
    if ((await store.size(file.name)) !== file.bytes) return undefined;
  }
  return listing;
}

/** Notes a version as complete, and removes what it does not need unless another tab may. */
export async function keepListing(store: Store, key: string, listing: Listing): Promise<void> {
  await writeBytes(store, INDEX, new TextEncoder().encode(writeListing(listing)));
  if (await isInUse(key)) return;
  const needed = new Set([INDEX, ORIGIN, ...listing.files.flatMap(({ name }) => [name, noteName(name)])]);
  for (const name of await store.names()) {
    // What cannot be removed now is removed after the next download.
    if (!needed.has(name)) await store.remove(name).catch(() => {});
  }
}

/** Bytes of a version that are there, those of unfinished files included. */
export async function keptBytes(store: Store, listing: Listing): Promise<number> {
  let bytes = 0;
  for (const file of listing.files) {
    const whole = await store.size(file.name);
    if (whole === file.bytes) bytes += whole;
    else bytes += Math.min((await store.size(partialName(file.name))) ?? 0, file.bytes);
  }
  return bytes;
}

/** Bytes that this site may still keep; undefined where the browser does not say. */
export async function room(): Promise<number | undefined> {
  try {
    const { quota, usage } = await navigator.storage.estimate();
    return quota === undefined || usage === undefined ? undefined : Math.max(0, quota - usage);
  } catch {
    return undefined;
  }
}

/** Whether all of a model is on this device, in the version that is wanted. */
export async function isKept({ url, manifest }: Wanted): Promise<boolean> {
  const store = await openStore(await keyOf(url), false);
  const listing = store && (await keptListing(store, url));
  return listing !== undefined && isVersion(listing, manifest);
}

/** Writes down whose folder it is, before anything of the model is there. */
export async function nameStore(store: Store, url: string): Promise<void> {
  if ((await store.text(ORIGIN)) !== url) await writeBytes(store, ORIGIN, new TextEncoder().encode(url));
}

/** A folder of a model, and what lies in it. */
export interface Kept {
  readonly key: string;
  readonly url?: string;
  readonly bytes: number;
  readonly complete: boolean;
  readonly hashed: boolean;
}

/** Every folder of a model, with what lies in it. */
export async function listKept(): Promise<Kept[]> {
  const found = [];
  for (const key of await storedKeys()) {
    const store = await openStore(key, false);
    if (!store) continue;
    const text = await store.text(ORIGIN);
    // A folder's name is the hash of its address: another address in it is not true.
    const url = text !== undefined && (await keyOf(text)) === key ? text : undefined;
    let bytes = 0;
    for (const name of await store.names()) bytes += (await store.size(name)) ?? 0;
    const listing = url === undefined ? undefined : await keptListing(store, url);
    const hashed = listing?.files.every(({ sha256 }) => sha256 !== undefined) ?? false;
    found.push({ key, ...(url === undefined ? {} : { url }), bytes, complete: listing !== undefined, hashed });
  }
  return found;
}

/** Checks the model in a folder: see `checkFiles`. */
export async function checkKept(key: string, url: string, on: OnChecked, signal: AbortSignal): Promise<string[]> {
  const store = await openStore(key, false);
  const listing = store && (await keptListing(store, url));
  if (!listing) throw new AtelierError("bad-request", "the model is not complete on this device");
  return checkFiles(store, listing, on, signal);
}

/** Hears how many bytes are checked. */
type OnChecked = (bytes: number, total: number) => void;

/**
 * Hashes every file again that has a hash. Gives the paths of those that are damaged, which are fetched again when they are read
 * next.
 */
export async function checkFiles(
  store: Store,
  listing: Listing,
  on: OnChecked,
  signal: AbortSignal,
): Promise<string[]> {
  const damaged: string[] = [];
  let done = 0;
  for (const { path, name, bytes, sha256 } of listing.files) {
    signal.throwIfAborted();
    on(done, totalBytes(listing));
    const stamp = await store.stamp(name);
    if (sha256 !== undefined && stamp !== undefined) {
      if ((await digestOf(store, name, bytes)) !== sha256) {
        await forgetChecked(store, name);
        damaged.push(path);
      } else if (!(await isChecked(store, name, sha256, stamp))) {
        // Pages cannot write there, only workers: then the file is hashed once more by the next run.
        await noteChecked(store, name, sha256, stamp).catch(() => {});
      }
    }
    done += bytes;
  }
  on(done, done);
  return damaged;
}

/** The SHA-256 of a file; undefined where it cannot be read. Browsers hash only what is whole in memory: shards are small enough. */
async function digestOf(store: Store, name: string, bytes: number): Promise<string | undefined> {
  try {
    const reader = await store.read(name);
    try {
      return await hashOf(new Uint8Array(await reader.read(0, bytes)));
    } finally {
      reader.close();
    }
  } catch {
    return undefined;
  }
}

/** Removes the model at `url` from this device, or all of them. */
export async function clearKept(url: string | undefined): Promise<void> {
  const keys = url === undefined ? await storedKeys() : [await keyOf(url)];
  for (const key of keys) await clearKey(key);
}

/** Removes one folder. */
export async function clearKey(key: string): Promise<void> {
  const removed = await whileUnused(key, () => removeStore(key));
  if (!removed) throw new AtelierError("in-use", "the model cannot be removed: another tab or engine has it open");
}
