/** A store in memory, with the faults that tests need. */

import type { Store, StoreFile, StoreReader } from "../sources/store.js";

/** Files that know when they were written. */
class Files extends Map<string, Uint8Array> {
  readonly times = new Map<string, number>();
  #clock = 0;

  override set(name: string, bytes: Uint8Array): this {
    // The fields of a map's subclass are there after its constructor has run.
    this.times?.set(name, (this.#clock += 1));
    return super.set(name, bytes);
  }
}

export class MemoryStore implements Store {
  readonly files = new Files();
  /** Bytes that may be written in all; beyond them writes fall short. */
  room = Infinity;
  /** Files that are open for writing. */
  readonly open = new Set<string>();
  /** Readers of each file: while there are any, it cannot be removed. */
  readonly readers = new Map<string, number>();

  async size(name: string): Promise<number | undefined> {
    return this.files.get(name)?.length;
  }

  async stamp(name: string): Promise<string | undefined> {
    const bytes = this.files.get(name);
    return bytes && `${bytes.length} ${this.files.times.get(name)}`;
  }

  async text(name: string): Promise<string | undefined> {
    const bytes = this.files.get(name);
    return bytes && new TextDecoder().decode(bytes);
  }

  async read(name: string): Promise<StoreReader> {
    const bytes = this.files.get(name);
    if (!bytes) throw new DOMException(`no file ${name}`, "NotFoundError");
    const count = (by: number): void => void this.readers.set(name, (this.readers.get(name) ?? 0) + by);
    count(1);
    return { read: async (start, end) => bytes.slice(start, end), close: () => count(-1) };
  }

  async write(name: string): Promise<StoreFile> {
    if (this.open.has(name)) throw new DOMException("it is open", "NoModificationAllowedError");
    this.open.add(name);
    let bytes: Uint8Array = this.files.get(name)?.slice() ?? new Uint8Array(0);
    let buffer = bytes;
    const set = (now: Uint8Array): void => {
      bytes = now;
      this.files.set(name, now);
    };
    if (!this.files.has(name)) set(bytes);
    return {
      getSize: () => bytes.length,
      read: (into, { at }) => {
        const part = bytes.subarray(at, at + into.length);
        into.set(part);
        return part.length;
      },
      write: (more, { at }) => {
        const taken = more.subarray(0, Math.max(0, Math.min(more.length, this.room)));
        this.room -= taken.length;
        const length = Math.max(bytes.length, at + taken.length);
        if (length > buffer.length) {
          const larger = new Uint8Array(2 * length);
          larger.set(bytes);
          buffer = larger;
        }
        buffer.set(taken, at);
        set(buffer.subarray(0, length));
        return taken.length;
      },
      truncate: (size) => set((buffer = bytes.slice(0, size))),
      flush: () => {},
      close: () => this.open.delete(name),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    const bytes = this.files.get(from);
    if (!bytes || this.open.has(from)) throw new DOMException(`cannot move ${from}`, "NotFoundError");
    const time = this.files.times.get(from) ?? 0;
    this.files.delete(from);
    this.files.set(to, bytes);
    // A file that is moved was not written.
    this.files.times.set(to, time);
  }

  async remove(name: string): Promise<void> {
    if (this.open.has(name) || this.readers.get(name))
      throw new DOMException("it is open", "NoModificationAllowedError");
    this.files.delete(name);
  }

  async names(): Promise<string[]> {
    return [...this.files.keys()];
  }
}
