/** One file from the server into a store: resumed, counted, hashed. */

import { AtelierError, messageOf } from "../errors.js";
import type { Hasher } from "../wasm-module.js";
import { beginningName, noteBeginning, noteChecked, notedBeginning } from "./checked.js";
import { addressOf, type ListedFile, type Listing } from "./listing.js";
import { type Fetch, lengthOf, rangeOf, versionOf } from "./server.js";
import { partialName, type Store, type StoreFile, writeAll, writeBytes } from "./store.js";

/** What fetching needs of its surroundings. */
export interface Means {
  readonly fetch: Fetch;
  readonly hasher: () => Hasher;
  /** Waits some milliseconds, less when the signal stops it. */
  readonly wait: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** Failures in a row without a single byte after which the server counts as gone. */
const TRIES = 6;

/** Milliseconds before the second try; each later one waits twice as long. */
const FIRST_WAIT = 400;

/** Times that a file is begun from its start before what the server sends counts as wrong. */
const STARTS = 3;

/** Bytes read at a time where a file's beginning is hashed again. */
const HASHED = 4 << 20;

/** Bytes after which is noted how far the file is hashed: what a tab that is closed costs the next one. */
const NOTED = 32 << 20;

/** The connection failed, and another try may do. */
class Transient extends Error {}

/** The bytes are not those of the listing. */
class Damaged extends Error {}

/**
 * Fetches a file unless the store has it. `on` hears how many bytes of it are there.
 *
 * What was fetched before an interruption is kept as `<name>.partial`, with the server's version of it and the state of its
 * hash beside it; the file gets its name, and a note that it was checked, when it is complete and its hash is right.
 *
 * Rejects with the codes `network`, `bad-file` or `quota`, or with the signal's reason.
 */
export async function download(
  listing: Listing,
  file: ListedFile,
  store: Store,
  means: Means,
  on: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const size = await store.size(file.name);
  if (size === file.bytes) return on(size);
  if (size !== undefined) await store.remove(file.name);
  const partial = partialName(file.name);
  for (let last = false; ; last = true) {
    try {
      await new Transfer(listing, file, store, means, on, signal).run();
      await store.rename(partial, file.name);
      for (const name of [versionName(file), beginningName(file.name)]) await store.remove(name);
      const stamp = file.sha256 === undefined ? undefined : await store.stamp(file.name);
      // Without the note it is hashed once more: no reason to fail.
      if (file.sha256 && stamp) await noteChecked(store, file.name, file.sha256, stamp).catch(() => {});
      return;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (!(error instanceof Damaged)) throw named(file, error);
      for (const name of [beginningName(file.name), partial, versionName(file)]) await store.remove(name);
      if (last) throw new AtelierError("bad-file", `${file.path}: ${error.message}`, { file: file.path });
    }
  }
}

/** The file beside a partial one that says which version of the server's file it is the beginning of. */
export function versionName(file: ListedFile): string {
  return `${partialName(file.name)}.version`;
}

function named(file: ListedFile, error: unknown): unknown {
  if (error instanceof AtelierError) return error;
  const message = `${file.path}: ${messageOf(error)}`;
  const full = error instanceof DOMException && error.name === "QuotaExceededError";
  const code = full ? "quota" : error instanceof Transient ? "network" : "compute";
  return new AtelierError(code, message, { file: file.path, cause: error });
}

/** One file on its way. */
class Transfer {
  #at = 0;
  #starts = 0;
  #version: string | undefined;
  /** Bytes that the last note of the hash's state covers. */
  #noted = 0;
  readonly #expected: string | undefined;
  /** Of a file whose hash nobody knows there is nothing to compare. */
  readonly #hasher: Hasher | undefined;

  constructor(
    readonly listing: Listing,
    readonly file: ListedFile,
    readonly store: Store,
    readonly means: Means,
    readonly on: (bytes: number) => void,
    readonly signal: AbortSignal,
  ) {
    this.#expected = file.sha256;
    this.#hasher = file.sha256 === undefined ? undefined : means.hasher();
  }

  async run(): Promise<void> {
    let out: StoreFile | undefined;
    try {
      out = await this.store.write(partialName(this.file.name));
      await this.#resume(out);
      let failures = 0;
      while (this.#at < this.file.bytes) {
        const before = this.#at;
        try {
          await this.#fetch(out);
        } catch (error) {
          if (this.signal.aborted || !(error instanceof Transient)) throw error;
          failures = this.#at > before ? 1 : failures + 1;
          if (failures === TRIES) throw error;
          await this.means.wait(FIRST_WAIT * 2 ** (failures - 1), this.signal);
        }
      }
      out.flush();
      const found = this.#hasher?.digest();
      if (found !== this.#expected) throw new Damaged(`expected SHA-256 ${this.#expected}, found ${found}`);
    } catch (error) {
      if (out && !(error instanceof Damaged)) await this.#note(out);
      throw error;
    } finally {
      out?.close();
      this.#hasher?.free();
    }
  }

  /** Goes on where an interruption was, if that is known to be a beginning of the same file. */
  async #resume(out: StoreFile): Promise<void> {
    const { store, file } = this;
    const size = out.getSize();
    this.#version = await store.text(versionName(file));
    // Without a hash, only the version tells that the rest belongs to the beginning.
    if (size > file.bytes || (this.#version === undefined && !this.#hasher)) {
      await store.remove(beginningName(file.name));
      out.truncate(0);
      return;
    }
    if (this.#hasher) await this.#hashAgain(out, size, this.#hasher);
    else this.#at = size;
    this.on(this.#at);
    // Lets messages through: hashing a large file takes a while.
    await this.means.wait(0, this.signal);
  }

  /** Hashes what is there, but for the beginning whose state was noted. */
  async #hashAgain(out: StoreFile, size: number, hasher: Hasher): Promise<void> {
    const known = await notedBeginning(this.store, this.file.name);
    if (known && known.at <= size) {
      try {
        hasher.restore(known.state);
        this.#at = this.#noted = known.at;
      } catch {
        // A note of another version of this package.
      }
    }
    const buffer = new Uint8Array(Math.min(size - this.#at, HASHED));
    while (this.#at < size) {
      this.signal.throwIfAborted();
      const read = out.read(buffer, { at: this.#at });
      if (read === 0) break;
      hasher.update(buffer.subarray(0, read));
      this.#at += read;
      this.on(this.#at);
    }
  }

  /** Notes how far the file is hashed, once that lies on the device. */
  async #note(out: StoreFile): Promise<void> {
    if (!this.#hasher || this.#at <= this.#noted) return;
    try {
      out.flush();
      await noteBeginning(this.store, this.file.name, { at: this.#at, state: this.#hasher.state() });
      this.#noted = this.#at;
    } catch {
      // Then it is hashed again.
    }
  }

  async #fetch(out: StoreFile): Promise<void> {
    const headers: Record<string, string> = {};
    if (this.#at > 0) {
      headers["Range"] = `bytes=${this.#at}-`;
      if (this.#version !== undefined) headers["If-Range"] = this.#version;
    }
    const response = await this.#request(headers);
    if (response.status === 416) {
      await this.#restart(out);
      return;
    }
    if (response.status === 206) {
      const range = rangeOf(response);
      if (range || !this.#relies(response)) this.#expectPart(range);
    } else {
      if (this.#at > 0) await this.#restart(out);
      const length = this.#relies(response) ? undefined : lengthOf(response);
      if (length !== undefined) this.#expect(length);
    }
    // To send another origin's version back would take its leave to.
    const version = this.#relies(response) ? undefined : versionOf(response);
    if (version !== undefined && version !== this.#version) {
      await writeBytes(this.store, versionName(this.file), new TextEncoder().encode(version));
      this.#version = version;
    }
    await this.#receive(response, out);
  }

  async #request(headers: Record<string, string>): Promise<Response> {
    const { listing, file, signal } = this;
    let response: Response;
    try {
      // The browser's own cache would keep a second copy.
      response = await this.means.fetch(addressOf(listing, file.path), { headers, signal, cache: "no-store" });
    } catch (error) {
      throw new Transient(`cannot be fetched: ${messageOf(error)}`);
    }
    const { status } = response;
    if (status === 200 || status === 206 || status === 416) return response;
    if (status === 404 || status === 410) {
      throw new AtelierError("bad-file", `${file.path}: the server has no such file`, { file: file.path });
    }
    const message = `the server answers ${status}`;
    if (status === 408 || status === 429 || status >= 500) throw new Transient(message);
    throw new AtelierError("network", `${file.path}: ${message}`, { file: file.path });
  }

  async #receive(response: Response, out: StoreFile): Promise<void> {
    if (!response.body) throw new Transient("the server answers without a body");
    const reader = response.body.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read().catch((error: unknown) => {
          throw new Transient(`the connection broke: ${messageOf(error)}`);
        });
        if (done) break;
        if (this.#at + value.length > this.file.bytes) {
          throw new Damaged(`expected ${this.file.bytes} bytes, found more`);
        }
        writeAll(out, value, this.#at);
        this.#hasher?.update(value);
        this.#at += value.length;
        this.on(this.#at);
        if (this.#at - this.#noted >= NOTED) await this.#note(out);
      }
    } finally {
      // Nothing more is wanted of an answer that was wrong.
      reader.cancel().catch(() => {});
    }
    if (this.#at < this.file.bytes) throw new Transient("the connection broke");
  }

  async #restart(out: StoreFile): Promise<void> {
    this.#starts += 1;
    if (this.#starts === STARTS) throw new Damaged("the server sends another file each time");
    // The state of another beginning must not meet this one.
    await this.store.remove(beginningName(this.file.name));
    out.truncate(0);
    this.#hasher?.digest();
    this.#at = this.#noted = 0;
    this.on(0);
  }

  /** Of another origin's answer not all headers show, nor whether it is compressed on the way: there the hash has to do. */
  #relies(response: Response): boolean {
    return response.type === "cors" && this.#hasher !== undefined;
  }

  #expectPart(range: ReturnType<typeof rangeOf>): void {
    if (range?.start !== this.#at) throw new Transient("the server answers with another part than was asked for");
    this.#expect(range.total);
  }

  #expect(total: number): void {
    if (total !== this.file.bytes) throw new Damaged(`expected ${this.file.bytes} bytes, found ${total}`);
  }
}
