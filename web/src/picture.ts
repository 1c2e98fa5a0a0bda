/** What a PNG of ours notes about the run that made it. */

import { AtelierError } from "./errors.js";
import { MAX_NOTE, type RunRecord } from "./generated/atelier.js";
import { parseRecord } from "./records.js";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** The chunk's keyword. */
const KEYWORD = "atelier";

/** Chunks after which nobody looks for a note any more: a picture of 100 megapixels in small pieces has fewer. */
const MAX_CHUNKS = 65_536;

/**
 * The run that a PNG notes, so that it can be repeated; undefined where it notes none: another program made it, or it was made
 * without metadata. Every field is checked. Rejects with the code `bad-image` where it is no PNG or the note is damaged, and
 * with `other-version` where the note is of another version.
 */
export async function readPicture(png: Blob): Promise<RunRecord | undefined> {
  const text = await findNote(png);
  return text === undefined ? undefined : parseRecord(text);
}

/** Goes from chunk to chunk: of a large picture only the notes are read. */
async function findNote(png: Blob): Promise<string | undefined> {
  const start = await bytesOf(png, 0, SIGNATURE.length);
  if (!SIGNATURE.every((byte, index) => start[index] === byte)) throw bad("expected a PNG image");
  for (let at = SIGNATURE.length, chunks = 0; at + 12 <= png.size; chunks += 1) {
    if (chunks === MAX_CHUNKS) return undefined;
    const head = await bytesOf(png, at, at + 8);
    const length = new DataView(head.buffer).getUint32(0);
    const kind = latin1(head.subarray(4));
    const end = at + 8 + length;
    if ((kind === "tEXt" || kind === "iTXt" || kind === "zTXt") && length <= MAX_NOTE) {
      const note = await readNote(kind, await bytesOf(png, at + 8, end));
      if (note !== undefined) return note;
    }
    at = end + 4;
  }
  return undefined;
}

/** The text of a chunk, if it is ours. Other programs may have packed it anew. */
async function readNote(kind: string, chunk: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
  const [keyword, rest] = split(chunk);
  if (latin1(keyword) !== KEYWORD) return undefined;
  if (kind === "tEXt") return latin1(rest);
  // A byte for the method, which is always the same.
  if (kind === "zTXt") return latin1(await inflate(rest.subarray(1)));
  const [, afterLanguage] = split(rest.subarray(2));
  const [, text] = split(afterLanguage);
  return new TextDecoder().decode(rest[0] === 1 ? await inflate(text) : text);
}

/** What is before and after the first NUL. */
function split(bytes: Uint8Array<ArrayBuffer>): [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>] {
  const at = bytes.indexOf(0);
  return at < 0 ? [bytes, bytes.subarray(bytes.length)] : [bytes.subarray(0, at), bytes.subarray(at + 1)];
}

async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > MAX_NOTE) throw bad(`chunk 'atelier': expected at most ${MAX_NOTE} bytes`);
      parts.push(value);
    }
  } catch (error) {
    throw error instanceof AtelierError ? error : bad("chunk 'atelier': cannot be unpacked");
  } finally {
    reader.cancel().catch(() => {});
  }
  return bytesOf(new Blob(parts), 0, size);
}

async function bytesOf(blob: Blob, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await blob.slice(start, end).arrayBuffer());
}

/** Not by TextDecoder, which takes Windows-1252 for Latin-1. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

function bad(problem: string): AtelierError {
  return new AtelierError("bad-image", problem);
}
