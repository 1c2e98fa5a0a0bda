/** A model on the page's own server, kept on this device. */

import { AtelierError, messageOf } from "../errors.js";
import { keepListing, keptBytes, keptListing, nameStore } from "./cache.js";
import { isChecked, noteChecked } from "./checked.js";
import { download, type Means } from "./download.js";
import { addressOf, type ListedFile, type Listing, sameFiles, totalBytes } from "./listing.js";
import { MANIFEST } from "../generated/pack.js";
import type { Requests } from "../protocol.js";
import { latest, notHere, type Wanted } from "./latest.js";
import { use, whileFetching } from "./locks.js";
import { rangeOf } from "./server.js";
import type { OnDownload, OpenSource } from "./source.js";
import { type Store, type StoreReader, writeBytes } from "./store.js";

/** Milliseconds between two looks at what another tab fetches. */
const WATCHED = 1000;

/** Bytes read at a time where a file is hashed. */
const HASHED = 4 << 20;

/** Files that are fetched at a time: one connection rarely fills a fast line. */
const LINES = 3;

/** Files up to this size are held in memory where nothing can be kept on the device. */
const HELD = 4 << 20;

/** What a remote source needs of its surroundings. */
export interface RemoteMeans extends Means {
  /** The folder of the model; undefined where this browser keeps nothing. */
  readonly store: Store | undefined;
  /** Bytes that may be kept beyond those that are; undefined where the browser does not say. */
  readonly room: () => Promise<number | undefined>;
}

/** How a remote model is opened. */
export interface Remote extends Wanted {
  readonly key: string;
  readonly requests: Requests;
}

/** Finds the model's files, and fetches those that are not on this device; all of them at every read where it keeps nothing. */
export async function openRemote(
  remote: Remote,
  means: RemoteMeans,
  on: OnDownload,
  signal: AbortSignal,
): Promise<OpenSource> {
  if (means.store) {
    try {
      return await openKept(remote, means, means.store, on, signal);
    } catch (error) {
      if (signal.aborted || !isStoreFailure(error)) throw error;
    }
  }
  if (remote.requests === "never") throw notHere(remote.url);
  return new ServerSource((await latest(remote, "fresh", undefined, means.fetch, signal)).listing, means);
}

/** Whether the browser's file system failed, though it is there: as in some private windows, or where its user cleared it. */
function isStoreFailure(error: unknown): boolean {
  const cause = error instanceof AtelierError ? error.cause : error;
  // The others that can come here are of fetching and of the room.
  return cause instanceof DOMException && !/^(Abort|Timeout|QuotaExceeded)Error$/.test(cause.name);
}

async function openKept(
  remote: Remote,
  means: RemoteMeans,
  store: Store,
  on: OnDownload,
  signal: AbortSignal,
): Promise<OpenSource> {
  await use(remote.key);
  // Another tab may be writing the same name; whatever else is wrong with the store shows, with figures, at the model's files.
  await nameStore(store, remote.url).catch(() => {});
  const kept = await keptListing(store, remote.url);
  const { listing, manifest } = await latest(remote, remote.requests, kept, means.fetch, signal);
  if (!kept || !sameFiles(kept, listing)) {
    const watching = watch(listing, store, on);
    await whileFetching(remote.key, signal, async () => {
      clearInterval(watching);
      try {
        if (manifest) await keepManifest(store, listing, manifest).catch(unlessFull);
        await ensureRoom(listing, store, means);
        await fetchAll(listing, store, means, on, signal);
        await keepListing(store, remote.key, listing);
      } catch (error) {
        if (!isFull(error)) throw error;
        throw noRoom(totalBytes(listing) - (await keptBytes(store, listing)), await means.room(), error);
      }
    }).finally(() => clearInterval(watching));
  }
  return new CachedSource(remote.key, listing, store, remote.requests === "never" ? undefined : means);
}

function isFull(error: unknown): boolean {
  return error instanceof DOMException && error.name === "QuotaExceededError";
}

/** Passes on what is no lack of room. */
function unlessFull(error: unknown): void {
  if (!isFull(error)) throw error;
}

/** Reports how far another tab has come that fetches the same model. */
function watch(listing: Listing, store: Store, on: OnDownload): ReturnType<typeof setInterval> {
  const total = totalBytes(listing);
  const report = async (): Promise<void> => {
    const bytes = await keptBytes(store, listing);
    on({ event: "download", file: listing.files[0]?.path ?? "", bytes, total });
  };
  // A report that fails is one less; the next comes soon.
  return setInterval(() => void report().catch(() => {}), WATCHED);
}

/** The manifest was fetched to be read; a second time it could be another one. */
async function keepManifest(store: Store, listing: Listing, manifest: Uint8Array): Promise<void> {
  const file = listing.files.find((file) => file.path === MANIFEST);
  if (file && (await store.size(file.name)) !== file.bytes) await writeBytes(store, file.name, manifest);
}

async function ensureRoom(listing: Listing, store: Store, means: RemoteMeans): Promise<void> {
  const needed = totalBytes(listing) - (await keptBytes(store, listing));
  const available = await means.room();
  if (available !== undefined && needed > available) throw noRoom(needed, available);
}

function noRoom(needed: number, available: number | undefined, cause?: unknown): AtelierError {
  const found = available === undefined ? "less" : `${available}`;
  const message = `the model needs ${needed} more bytes on this device, found room for ${found}`;
  return new AtelierError("quota", message, { needed, available, cause });
}

async function fetchAll(
  listing: Listing,
  store: Store,
  means: RemoteMeans,
  on: OnDownload,
  signal: AbortSignal,
): Promise<void> {
  const total = totalBytes(listing);
  const done = new Map<string, number>();
  const waiting = [...listing.files];
  // Whichever fails stops the others: what they have stays.
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const fetchNext = async (): Promise<void> => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      const { path } = file;
      const report = (bytes: number): void => {
        done.set(path, bytes);
        on({ event: "download", file: path, bytes: sum(done.values()), total });
      };
      await download(listing, file, store, means, report, either);
    }
  };
  const lines = Array.from({ length: LINES }, () =>
    fetchNext().catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(lines);
  if (signal.aborted) throw signal.reason;
  if (!failed.signal.aborted) return;
  const error: unknown = failed.signal.reason;
  if (!(error instanceof AtelierError) || error.code !== "quota") throw error;
  throw noRoom(total - (await keptBytes(store, listing)), await means.room(), error);
}

function sum(numbers: Iterable<number>): number {
  let all = 0;
  for (const number of numbers) all += number;
  return all;
}

/** What a listing says of its files. */
class Listed {
  readonly name: string;
  readonly #files: ReadonlyMap<string, ListedFile>;

  constructor(readonly listing: Listing) {
    this.name = listing.url;
    this.#files = new Map(listing.files.map((file) => [file.path, file]));
  }

  async size(path: string): Promise<number | undefined> {
    return this.#files.get(path)?.bytes;
  }

  protected file(path: string): ListedFile {
    const file = this.#files.get(path);
    if (!file) throw bad(path, "no such file");
    return file;
  }
}

/** A complete model in a store. */
class CachedSource extends Listed implements OpenSource {
  readonly #open = new Map<string, Promise<StoreReader>>();
  /** Stamps of files from before they are hashed. */
  readonly #stamps = new Map<string, string>();

  /** Without `means` nothing is fetched again. */
  constructor(
    readonly key: string,
    listing: Listing,
    readonly store: Store,
    readonly means: RemoteMeans | undefined,
  ) {
    super(listing);
  }

  async read(path: string, start: number, end: number): Promise<Uint8Array> {
    const bytes = await this.#bytes(path, start, end);
    if (bytes.length === end - start) return bytes;
    throw bad(path, `expected bytes ${start} to ${end}, found ${bytes.length} bytes`);
  }

  async #bytes(path: string, start: number, end: number): Promise<Uint8Array> {
    try {
      return await (await this.#reader(path)).read(start, end);
    } catch {
      // Browsers lose a file that is open: as it is opened anew, it can be read again.
      await this.#close();
    }
    const reader = await this.#reader(path);
    return reader.read(start, end).catch((error: unknown) => {
      throw bad(path, `cannot be read: ${messageOf(error)}`, error);
    });
  }

  async hasHash(path: string, sha256: string): Promise<boolean> {
    try {
      const { name } = this.file(path);
      const stamp = await this.store.stamp(name);
      if (stamp === undefined) return false;
      if (await isChecked(this.store, name, sha256, stamp)) return true;
      this.#stamps.set(path, stamp);
    } catch {
      // It is hashed.
    }
    return false;
  }

  async noteHash(path: string, sha256: string): Promise<void> {
    const stamp = this.#stamps.get(path);
    if (stamp === undefined) return;
    const { name } = this.file(path);
    try {
      // What was changed while it was read is not what was hashed.
      if ((await this.store.stamp(name)) === stamp) await noteChecked(this.store, name, sha256, stamp);
    } catch {
      // Then it is hashed again at the next visit.
    }
  }

  async refetch(path: string, on: OnDownload, signal: AbortSignal): Promise<boolean | "whole"> {
    const { listing, store, means } = this;
    if (!means || (await this.size(path)) === undefined) return false;
    const file = this.file(path);
    const before = await this.#digest(file, means);
    // A whole file that cannot be read is no better the second time.
    if (before !== undefined && before === file.sha256) return "whole";
    // A file that is open cannot be removed.
    await this.#close();
    return whileFetching(this.key, signal, async () => {
      // Another tab may have found the damage too, and have mended it by now.
      const now = await this.#digest(file, means);
      if (now !== undefined && now !== before && now === file.sha256) return true;
      await this.#close();
      await store.remove(file.name);
      const report = (bytes: number): void => on({ event: "download", file: path, bytes, total: file.bytes });
      try {
        await download(listing, file, store, means, report, signal);
      } catch (error) {
        if (!(error instanceof AtelierError) || error.code !== "quota") throw error;
        throw noRoom(file.bytes, await means.room(), error);
      }
      // What came was compared with its hash on the way; without one, only other bytes are better.
      return before === undefined || file.sha256 !== undefined || (await this.#digest(file, means)) !== before;
    });
  }

  /** The SHA-256 of a file as it lies here; undefined where it cannot be read. */
  async #digest(file: ListedFile, means: Means): Promise<string | undefined> {
    const hasher = means.hasher();
    try {
      const reader = await this.#reader(file.path);
      for (let at = 0; at < file.bytes; at += HASHED) {
        hasher.update(await reader.read(at, Math.min(at + HASHED, file.bytes)));
      }
      return hasher.digest();
    } catch {
      return undefined;
    } finally {
      hasher.free();
    }
  }

  close(): void {
    void this.#close();
  }

  async #close(): Promise<void> {
    const readers = [...this.#open.values()];
    this.#open.clear();
    for (const reader of await Promise.allSettled(readers)) {
      if (reader.status === "fulfilled") reader.value.close();
    }
  }

  #reader(path: string): Promise<StoreReader> {
    const open = this.#open.get(path);
    if (open) return open;
    const opening = this.store.read(this.file(path).name).catch((error: unknown) => {
      this.#open.delete(path);
      throw bad(path, "it is no longer on this device", error);
    });
    this.#open.set(path, opening);
    return opening;
  }
}

/** Tries of a range where nothing can be kept, and milliseconds before the second; each later one waits twice as long. */
const RANGE_TRIES = 4;
const RANGE_WAIT = 400;

/** Where nothing can be kept: ranges straight from the server. */
class ServerSource extends Listed implements OpenSource {
  readonly #held = new Map<string, Promise<Uint8Array>>();

  constructor(
    listing: Listing,
    readonly means: Means,
  ) {
    super(listing);
  }

  async read(path: string, start: number, end: number): Promise<Uint8Array> {
    const file = this.file(path);
    if (file.bytes > HELD) return this.#range(file, start, end);
    let held = this.#held.get(path);
    if (!held) {
      held = this.#range(file, 0, file.bytes);
      held.catch(() => this.#held.delete(path));
      this.#held.set(path, held);
    }
    return (await held).slice(start, end);
  }

  /** Every byte comes anew, and may be another one. */
  async hasHash(): Promise<boolean> {
    return false;
  }

  async noteHash(): Promise<void> {}

  async refetch(): Promise<boolean> {
    return false;
  }

  close(): void {}

  async #range(file: ListedFile, start: number, end: number): Promise<Uint8Array> {
    if (start === end) return new Uint8Array(0);
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#once(file, start, end);
      } catch (error) {
        if (tries === RANGE_TRIES || !(error instanceof AtelierError) || error.code !== "network") throw error;
      }
      await this.means.wait(RANGE_WAIT * 2 ** (tries - 1), new AbortController().signal);
    }
  }

  async #once({ path, bytes }: ListedFile, start: number, end: number): Promise<Uint8Array> {
    let response: Response;
    let found: Uint8Array;
    try {
      const headers = { Range: `bytes=${start}-${end - 1}` };
      response = await this.means.fetch(addressOf(this.listing, path), { headers });
      const whole = response.status === 200 && start === 0 && end === bytes;
      if (!whole && response.status !== 206) {
        await response.body?.cancel();
        throw new Error(`expected a part of the file, found the answer ${response.status}`);
      }
      found = new Uint8Array(await response.arrayBuffer());
    } catch (error) {
      const problem = `${path}: cannot be fetched: ${messageOf(error)}`;
      throw new AtelierError("network", problem, { file: path, cause: error });
    }
    const range = rangeOf(response);
    if (found.length === end - start && (!range || (range.start === start && range.total === bytes))) return found;
    throw bad(path, `expected bytes ${start} to ${end} of ${bytes}, found ${found.length}`);
  }
}

function bad(path: string, problem: string, cause?: unknown): AtelierError {
  return new AtelierError("bad-file", `${path}: ${problem}`, { file: path, cause });
}
