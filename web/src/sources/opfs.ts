/** The origin's private file system. */

import { stampOf, type Store, type StoreFile, type StoreReader, writeAll } from "./store.js";

/** The folder of ours in it. */
const ROOT = "atelier";

/** Bytes copied at a time where a file cannot be moved. */
const COPIED = 4 << 20;

/** Only workers have it, so the types of pages do not. */
interface AccessHandle extends StoreFile {
  readonly mode?: string;
}

interface FileHandle extends FileSystemFileHandle {
  createSyncAccessHandle?(options?: { mode: "read-only" }): Promise<AccessHandle>;
  move?(to: string): Promise<void>;
}

/** The folder of files that the user picked: not they, but what is known of them. */
const PICKED = "atelier-picked";

/**
 * The folder of a model; undefined where there is no such folder or no such file system, as in some private windows, or where
 * that fails, as in others.
 */
export async function openStore(key: string, create: boolean): Promise<Store | undefined> {
  try {
    const folder = await (await openRoot(create))?.getDirectoryHandle(key, { create });
    return folder && new OpfsStore(folder);
  } catch {
    return undefined;
  }
}

/** Where notes of files that the user picked are kept; undefined where nothing can be. */
export async function openPicked(): Promise<Store | undefined> {
  try {
    const top = await navigator.storage.getDirectory();
    return new OpfsStore(await top.getDirectoryHandle(PICKED, { create: true }));
  } catch {
    return undefined;
  }
}

/** Removes all notes of files that the user picked. */
export async function removePicked(): Promise<void> {
  try {
    await (await navigator.storage.getDirectory()).removeEntry(PICKED, { recursive: true });
  } catch {
    // There are none, or they cannot be reached.
  }
}

/** The keys of all models. */
export async function storedKeys(): Promise<string[]> {
  const root = await openRoot(false);
  return root ? names(root) : [];
}

/** Removes the folder of a model, if it is there. */
export async function removeStore(key: string): Promise<void> {
  const root = await openRoot(false);
  try {
    await root?.removeEntry(key, { recursive: true });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function openRoot(create: boolean): Promise<FileSystemDirectoryHandle | undefined> {
  let top: FileSystemDirectoryHandle;
  try {
    top = await navigator.storage.getDirectory();
  } catch {
    return undefined;
  }
  try {
    return await top.getDirectoryHandle(ROOT, { create });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function names(folder: FileSystemDirectoryHandle): Promise<string[]> {
  const found: string[] = [];
  for await (const name of folder.keys()) found.push(name);
  return found;
}

function isMissing(error: unknown): boolean {
  return error instanceof DOMException && error.name === "NotFoundError";
}

class OpfsStore implements Store {
  readonly #folder: FileSystemDirectoryHandle;

  constructor(folder: FileSystemDirectoryHandle) {
    this.#folder = folder;
  }

  async size(name: string): Promise<number | undefined> {
    return (await this.#file(name))?.size;
  }

  async stamp(name: string): Promise<string | undefined> {
    const file = await this.#file(name);
    return file && stampOf(file);
  }

  async text(name: string): Promise<string | undefined> {
    return (await this.#file(name))?.text();
  }

  async read(name: string): Promise<StoreReader> {
    const handle = await this.#handle(name, false);
    return (await openShared(handle)) ?? new BlobReader(await handle.getFile());
  }

  async write(name: string): Promise<StoreFile> {
    // Pages have no such handles, nor had some browsers. Looked at before an empty file is made.
    const create = (FileSystemFileHandle.prototype as Partial<FileHandle>).createSyncAccessHandle;
    if (!create) throw new DOMException("files cannot be written here", "NotSupportedError");
    return create.call(await this.#handle(name, true));
  }

  async rename(from: string, to: string): Promise<void> {
    await this.remove(to);
    const handle = await this.#handle(from, false);
    if (handle.move) {
      await handle.move(to);
      return;
    }
    const file = await handle.getFile();
    const copy = await this.write(to);
    try {
      for (let at = 0; at < file.size; at += COPIED) {
        writeAll(copy, new Uint8Array(await file.slice(at, at + COPIED).arrayBuffer()), at);
      }
      copy.flush();
    } finally {
      copy.close();
    }
    await this.remove(from);
  }

  async remove(name: string): Promise<void> {
    try {
      await this.#folder.removeEntry(name);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  async names(): Promise<string[]> {
    return names(this.#folder);
  }

  async #file(name: string): Promise<File | undefined> {
    try {
      return await (await this.#handle(name, false)).getFile();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async #handle(name: string, create: boolean): Promise<FileHandle> {
    return (await this.#folder.getFileHandle(name, { create })) as FileHandle;
  }
}

/**
 * The fast way to read. A plain access handle shuts every other tab out of the file: only browsers that know the mode
 * `read-only` may use one.
 */
async function openShared(handle: FileHandle): Promise<StoreReader | undefined> {
  let access: AccessHandle;
  try {
    if (!handle.createSyncAccessHandle) return undefined;
    access = await handle.createSyncAccessHandle({ mode: "read-only" });
  } catch {
    return undefined;
  }
  if (access.mode === "read-only") return new AccessReader(access);
  access.close();
  return undefined;
}

class AccessReader implements StoreReader {
  readonly #access: AccessHandle;

  constructor(access: AccessHandle) {
    this.#access = access;
  }

  async read(start: number, end: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(end - start);
    let read = 0;
    while (read < bytes.length) {
      const more = this.#access.read(bytes.subarray(read), { at: start + read });
      if (more === 0) return bytes.subarray(0, read);
      read += more;
    }
    return bytes;
  }

  close(): void {
    this.#access.close();
  }
}

class BlobReader implements StoreReader {
  readonly #blob: Blob;

  constructor(blob: Blob) {
    this.#blob = blob;
  }

  async read(start: number, end: number): Promise<Uint8Array> {
    return new Uint8Array(await this.#blob.slice(start, end).arrayBuffer());
  }

  close(): void {}
}
