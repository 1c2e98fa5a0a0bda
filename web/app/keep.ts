/**
 * What this browser keeps between visits: pictures and the folder's handle in IndexedDB, the form and the choice of the model
 * beside the language. The user may choose that nothing is kept; a sealed tab never keeps anything.
 */

import { type Blueprint, forgetPicked, type RunRecord } from "atelier-web";
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import { SEALED } from "./seal";

/** A picture with all that the page shows of it. */
export interface StoredPicture {
  readonly png: Blob;
  readonly thumb: Blob | undefined;
  readonly blueprint: Blueprint;
  readonly record: RunRecord;
  /** The pictures it started from. */
  readonly images: readonly Blob[];
}

interface Schema extends DBSchema {
  pictures: { key: number; value: StoredPicture };
  handles: { key: string; value: FileSystemDirectoryHandle };
}

const NAME = "atelier";
/** Of the local storage: `no` where the user wants nothing kept. */
const CHOICE = "atelier-keep";
const FOLDER = "folder";

let keeping = !SEALED && read(CHOICE) !== "no";
let database: Promise<IDBPDatabase<Schema>> | undefined;

/** Whether anything is kept now. */
export function keeps(): boolean {
  return keeping;
}

/** What the user chose; what was kept is removed where nothing is to be. */
export async function choose(keep: boolean): Promise<void> {
  if (SEALED) return;
  keeping = keep;
  if (keep) {
    remove(CHOICE);
    return;
  }
  write(CHOICE, "no");
  for (const key of Object.keys(SMALL)) remove(key);
  const db = await open(true);
  await db?.clear("pictures");
  await db?.clear("handles");
  await forgetPicked();
}

/** Small things, which are there at once when the page opens. */
const SMALL = { "atelier-typed": true, "atelier-model": true, "atelier-broken": true, "atelier-engine": true } as const;

/** What was kept under this name; anything at all, as others can write there. */
export function recall(key: keyof typeof SMALL): unknown {
  if (!keeping) return undefined;
  try {
    return JSON.parse(read(key) ?? "null");
  } catch {
    return undefined;
  }
}

export function remember(key: keyof typeof SMALL, value: unknown): void {
  if (keeping) write(key, JSON.stringify(value));
}

/** Everything kept, oldest first. */
export async function pictures(): Promise<readonly (StoredPicture & { readonly id: number })[]> {
  const db = await open();
  if (!db) return [];
  try {
    const found = [];
    for (let cursor = await db.transaction("pictures").store.openCursor(); cursor; cursor = await cursor.continue()) {
      found.push({ ...cursor.value, id: cursor.key });
    }
    return found;
  } catch {
    return [];
  }
}

/** Gives the picture's number; undefined where it is not kept, for whatever reason. */
export async function keepPicture(picture: StoredPicture): Promise<number | undefined> {
  const db = await open();
  // Out of room, or a window that keeps nothing: the picture is in the tab all the same.
  return db?.add("pictures", picture).catch(() => undefined);
}

export async function forgetPicture(id: number): Promise<void> {
  const db = await open(true);
  await db?.delete("pictures", id).catch(() => {});
}

export async function keepFolder(handle: FileSystemDirectoryHandle): Promise<void> {
  const db = await open();
  await db?.put("handles", handle, FOLDER).catch(() => {});
}

export async function keptFolder(): Promise<FileSystemDirectoryHandle | undefined> {
  const db = await open();
  return db?.get("handles", FOLDER).catch(() => undefined);
}

/** The database; undefined where nothing is to be kept or the browser keeps none. `anyway`: to remove something. */
async function open(anyway = false): Promise<IDBPDatabase<Schema> | undefined> {
  if (SEALED || !(keeping || anyway)) return undefined;
  database ??= openDB<Schema>(NAME, 1, {
    upgrade(db) {
      db.createObjectStore("pictures", { autoIncrement: true });
      db.createObjectStore("handles");
    },
    // Another tab has a newer version of the page.
    blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),
    terminated: () => (database = undefined),
  });
  try {
    return await database;
  } catch {
    database = undefined;
    return undefined;
  }
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // A browser may refuse storage; then nothing is kept.
  }
}

function remove(key: string): void {
  try {
    localStorage.removeItem(key);
  } catch {
    // Then there is nothing to remove.
  }
}
