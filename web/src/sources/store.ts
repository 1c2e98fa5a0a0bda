/** Where fetched files are kept: a flat folder whose names are ours. */

/** A folder on this device. */
export interface Store {
  /** Bytes of a file; undefined where there is none. */
  size(name: string): Promise<number | undefined>;
  /** Another one whenever the file was written since: its size and the time of its last change; undefined where there is none. */
  stamp(name: string): Promise<string | undefined>;
  /** A small file, whole; undefined where there is none. */
  text(name: string): Promise<string | undefined>;
  /** Opens a file for reading, beside others that read it. */
  read(name: string): Promise<StoreReader>;
  /** Opens a file for writing, alone; creates it where it is missing. */
  write(name: string): Promise<StoreFile>;
  /** Gives a file another name, in place of a file of that name. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, if it is there. */
  remove(name: string): Promise<void>;
  /** Every file. */
  names(): Promise<string[]>;
}

/** A file that is being read. */
export interface StoreReader {
  /** The bytes `start` to `end`; fewer where the file ends before. */
  read(start: number, end: number): Promise<Uint8Array>;
  close(): void;
}

/** A file that is being written: what `FileSystemSyncAccessHandle` offers. */
export interface StoreFile {
  getSize(): number;
  /** Reads from byte `at`; the number of bytes that were there. */
  read(into: Uint8Array, options: { at: number }): number;
  /** Writes at byte `at`; the number of bytes for which there was room. */
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}

/** What changes with a file of the user's or of the browser's. */
export function stampOf(file: File): string {
  return `${file.size} ${file.lastModified}`;
}

/** Writes a small file whole. */
export async function writeBytes(store: Store, name: string, bytes: Uint8Array): Promise<void> {
  const partial = partialName(name);
  const file = await store.write(partial);
  try {
    file.truncate(0);
    writeAll(file, bytes, 0);
    file.flush();
  } catch (error) {
    file.close();
    await store.remove(partial);
    throw error;
  }
  file.close();
  await store.rename(partial, name);
}

/** Writes all of `bytes`, or throws the error that browsers throw where there is no room. */
export function writeAll(file: StoreFile, bytes: Uint8Array, at: number): void {
  if (file.write(bytes, { at }) < bytes.length) throw new DOMException("there is no room left", "QuotaExceededError");
}

/** The name of a file until it is complete. */
export function partialName(name: string): string {
  return `${name}.partial`;
}
