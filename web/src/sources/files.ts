/** Files that the user picked or dropped: read where they lie, range by range. */

import { AtelierError, messageOf } from "../errors.js";
import { MODEL_INDEX } from "../generated/layout.js";
import { MANIFEST } from "../generated/pack.js";
import { MAX_MANIFEST, parseManifest } from "./listing.js";
import { isChecked, noteChecked } from "./checked.js";
import type { OpenSource } from "./source.js";
import { stampOf, type Store } from "./store.js";

/**
 * The model among files of the user's; a pack of another version is refused before anything of it is read. `notes` has what is
 * known of files from before, and is undefined where nothing is to be noted.
 */
export async function openFiles(files: ReadonlyMap<string, Blob>, notes?: Store): Promise<OpenSource> {
  const manifest = files.get(MANIFEST);
  if (manifest) parseManifest(await manifest.slice(0, MAX_MANIFEST + 1).text());
  return new FilesSource(files, notes);
}

/** A model among files of the user's. */
export class FilesSource implements OpenSource {
  readonly name = "the picked files";
  readonly #files: ReadonlyMap<string, Blob>;

  readonly #notes: Store | undefined;

  constructor(files: ReadonlyMap<string, Blob>, notes?: Store) {
    this.#files = files;
    this.#notes = notes;
  }

  async size(path: string): Promise<number | undefined> {
    return this.#files.get(path)?.size;
  }

  async read(path: string, start: number, end: number): Promise<Uint8Array> {
    const file = this.#files.get(path);
    if (!file) throw new AtelierError("bad-file", `${path}: no such file among the picked ones`, { file: path });
    try {
      return new Uint8Array(await file.slice(start, end).arrayBuffer());
    } catch (error) {
      // The file was changed, moved or removed since it was picked.
      throw new AtelierError("bad-file", `${path}: cannot be read: ${messageOf(error)}`, { file: path, cause: error });
    }
  }

  async hasHash(path: string, sha256: string): Promise<boolean> {
    const [file, notes] = [this.#files.get(path), this.#notes];
    if (!notes || !(file instanceof File)) return false;
    // By the hash, and not by the name: folders of two models have files of the same names.
    return isChecked(notes, sha256, sha256, `${stampOf(file)} ${path}`).catch(() => false);
  }

  async noteHash(path: string, sha256: string): Promise<void> {
    const [file, notes] = [this.#files.get(path), this.#notes];
    if (!notes || !(file instanceof File)) return;
    // A file that was changed since it was picked cannot be read: its stamp is still the one of what was hashed.
    await noteChecked(notes, sha256, sha256, `${stampOf(file)} ${path}`).catch(() => {});
  }

  async refetch(): Promise<boolean> {
    return false;
  }

  close(): void {}
}

/** Files at the root of a model, by which it is found among others. */
const MARKS = [MANIFEST, MODEL_INDEX];

/**
 * The model among the files of an `<input type="file" webkitdirectory>`, as a source's `files`. The folder that holds
 * `pack.json` or `model_index.json` is its root; without one, the folder that all files have in common.
 */
export function filesFromPicker(files: Iterable<File>): Map<string, File> {
  return fromRoot(new Map(Array.from(files, (file) => [file.webkitRelativePath || file.name, file])));
}

/**
 * The same of a drop: folders are walked. Call it in the event's handler before anything is awaited: the browser forgets
 * what was dropped when the handler returns.
 */
export async function filesFromDrop(transfer: DataTransfer): Promise<Map<string, File>> {
  const items = Array.from(transfer.items).filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const found = new Map<string, File>();
  for (const entry of entries) {
    if (entry instanceof File) found.set(entry.name, entry);
    else if (entry) await walk(entry, entry.name, found);
  }
  return fromRoot(found);
}

/** The same of a folder that the user let the page see, which can be seen again at the next visit. */
export async function filesFromHandle(folder: FileSystemDirectoryHandle): Promise<Map<string, File>> {
  const found = new Map<string, File>();
  await walkHandle(folder, "", found);
  return fromRoot(found);
}

async function walkHandle(folder: FileSystemDirectoryHandle, path: string, found: Map<string, File>): Promise<void> {
  for await (const entry of folder.values()) {
    if (entry instanceof FileSystemDirectoryHandle) await walkHandle(entry, `${path}${entry.name}/`, found);
    else if (entry instanceof FileSystemFileHandle) found.set(path + entry.name, await entry.getFile());
  }
}

async function walk(entry: FileSystemEntry, path: string, found: Map<string, File>): Promise<void> {
  if (isFile(entry)) {
    found.set(path, await new Promise<File>((resolve, reject) => entry.file(resolve, reject)));
  } else if (isFolder(entry)) {
    const reader = entry.createReader();
    for (;;) {
      // Browsers hand out a hundred at a time, and none at the end.
      const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (entries.length === 0) break;
      for (const inner of entries) await walk(inner, `${path}/${inner.name}`, found);
    }
  }
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

/** The files under the model's root, by their paths from there. */
export function fromRoot<T extends Blob>(files: ReadonlyMap<string, T>): Map<string, T> {
  const root = rootOf([...files.keys()]);
  const inside = [...files].filter(([path]) => path.startsWith(root));
  return new Map(inside.map(([path, file]) => [path.slice(root.length), file]));
}

/** A prefix that ends with a slash, or nothing. */
function rootOf(paths: readonly string[]): string {
  const folders = paths.filter((path) => MARKS.includes(path.slice(path.lastIndexOf("/") + 1))).map(folderOf);
  if (folders.length > 0) return folders.reduce((least, folder) => (depth(folder) < depth(least) ? folder : least));
  let common = paths.length > 0 ? folderOf(paths[0] ?? "") : "";
  while (!paths.every((path) => path.startsWith(common))) common = folderOf(common.slice(0, -1));
  return common;
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

function depth(folder: string): number {
  return folder.split("/").length;
}
