/**
 * Which files are known to be whole, so that gigabytes are hashed once and not at every visit: each has a note of its SHA-256
 * and of its stamp at that time. What changes the file changes its stamp, and then it is hashed again.
 *
 * Private windows of Chromium keep files in memory, and the time of a file's making for good: there a changed file is noticed by
 * its size alone, until the window is closed and all of it gone.
 *
 * Notes are as safe as the files beside them: no other site and no other program of the user's reaches the origin's private
 * file system by the browser's own means, and a script that may write there could as well change the page itself.
 */

import { partialName, type Store, writeBytes } from "./store.js";

/** The name of a file's note. */
export function noteName(name: string): string {
  return `${name}.checked`;
}

/** Whether the file has this SHA-256 by its note, and was not changed since. */
export async function isChecked(store: Store, name: string, sha256: string, stamp: string): Promise<boolean> {
  return (await store.text(noteName(name))) === noteOf(sha256, stamp);
}

/** Notes that the file had this SHA-256 when it had this stamp. */
export async function noteChecked(store: Store, name: string, sha256: string, stamp: string): Promise<void> {
  await writeBytes(store, noteName(name), new TextEncoder().encode(noteOf(sha256, stamp)));
}

/** The file is hashed again when it is read next. */
export async function forgetChecked(store: Store, name: string): Promise<void> {
  await store.remove(noteName(name));
}

function noteOf(sha256: string, stamp: string): string {
  return `${sha256} ${stamp}`;
}

/** How far the beginning of an unfinished file is hashed, so that it need not be read again. */
export interface Hashed {
  /** Bytes from its start. */
  readonly at: number;
  /** The hasher's state after them. */
  readonly state: Uint8Array;
}

/** The name of what is known of the beginning of an unfinished file. */
export function beginningName(name: string): string {
  return `${partialName(name)}.hashed`;
}

export async function noteBeginning(store: Store, name: string, { at, state }: Hashed): Promise<void> {
  const note = JSON.stringify({ at, state: [...state] });
  await writeBytes(store, beginningName(name), new TextEncoder().encode(note));
}

/** What is known of the beginning, if anything is. */
export async function notedBeginning(store: Store, name: string): Promise<Hashed | undefined> {
  try {
    const { at, state } = JSON.parse((await store.text(beginningName(name))) ?? "") as Record<string, unknown>;
    if (!Number.isSafeInteger(at) || !Array.isArray(state)) return undefined;
    return { at: at as number, state: Uint8Array.from(state as number[]) };
  } catch {
    return undefined;
  }
}
