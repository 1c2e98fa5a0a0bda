/** A store in memory, with the faults that tests need. */

import type { Store, StoreFile, StoreReader } from "../sources/store.js";

export class MemoryStore implements Store {
  readonly files = new Map<string, Uint8Array>();
  /** Bytes that may be written in all; beyond them writes fall short. */
  room = Infinity;
  /** Files that are open for writing. */
  readonly open = new Set<string>();
  /** Readers of each file: while there are any, it cannot be removed. */
  readonly readers = new Map<string, number>();

  async size(name: string): Promise<number | undefined> {
    return this.files.get(name)?.length;
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
    let bytes = this.files.get(name) ?? new Uint8Array(0);
    const set = (now: Uint8Array): void => {
      bytes = now;
      this.files.set(name, now);
    };
    set(bytes);
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
        const now = new Uint8Array(Math.max(bytes.length, at + taken.length));
        now.set(bytes);
        now.set(taken, at);
        set(now);
        return taken.length;
      },
      truncate: (size) => set(bytes.slice(0, size)),
      flush: () => {},
      close: () => this.open.delete(name),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    const bytes = this.files.get(from);
    if (!bytes || this.open.has(from)) throw new DOMException(`cannot move ${from}`, "NotFoundError");
    this.files.delete(from);
    this.files.set(to, bytes);
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
