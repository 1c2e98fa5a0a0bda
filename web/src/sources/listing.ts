/** Which files a model has, where they are, and what they must be. */

import { AtelierError, messageOf } from "../errors.js";
import { isPlainPath } from "./source.js";

/** A file of a model. */
export interface ListedFile {
  /** Relative to the model's folder and '/'-separated. */
  readonly path: string;
  readonly bytes: number;
  /** In lower-case hexadecimal; packs have it, checkpoints do not. */
  readonly sha256?: string;
  /** Its name on this device: another one for other contents, so that versions cannot be mixed up. */
  readonly name: string;
}

/** All files of a model. */
export interface Listing {
  /** The model's folder, with a slash at the end. */
  readonly url: string;
  readonly files: readonly ListedFile[];
}

/** A pack's manifest. */
export const MANIFEST = "pack.json";

/** The format of the packs that the engine reads. */
const PACK_FORMAT = "atelier-pack-1";

/** The largest manifest that is read, in bytes: that of the full model has fewer than a tenth. */
export const MAX_MANIFEST = 64 << 20;

/** More files than any model has. */
const MAX_FILES = 10_000;

/** Looks up a file's address. */
export function addressOf(listing: Listing, path: string): string {
  return listing.url + path.split("/").map(encodeURIComponent).join("/");
}

/** Bytes of all files. */
export function totalBytes(listing: Listing): number {
  return listing.files.reduce((sum, file) => sum + file.bytes, 0);
}

/** Whether both list the same contents. */
export function sameFiles(one: Listing, other: Listing): boolean {
  const names = (listing: Listing): string => listing.files.map((file) => `${file.path} ${file.name}`).join("\n");
  return names(one) === names(other);
}

/** The SHA-256 of bytes that are at hand, in lower-case hexadecimal. */
export async function sha256(data: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The files of a pack, the manifest itself among them, by the manifest's bytes. The engine looks at the rest of it. */
export async function listPack(url: string, manifest: Uint8Array<ArrayBuffer>): Promise<Listing> {
  const digest = await sha256(manifest);
  const own = { path: MANIFEST, bytes: manifest.length, sha256: digest, name: digest };
  const json = checkPack(parseManifest(new TextDecoder().decode(manifest)));
  const shards = list(json, "shards").map((shard) => (isObject(shard) ? shard["file"] : undefined));
  const entries = [...list(json, "files"), ...shards];
  if (entries.length > MAX_FILES) throw bad(MANIFEST, `expected at most ${MAX_FILES} files, found ${entries.length}`);
  const files = entries.map(packFile);
  // A sum that is no exact number could not be counted.
  if (!Number.isSafeInteger(files.reduce((sum, file) => sum + file.bytes, 0)))
    throw bad(MANIFEST, "expected sizes that add up");
  const paths = new Set([MANIFEST]);
  for (const { path } of files) {
    if (paths.has(path)) throw bad(MANIFEST, `file ${JSON.stringify(path)}: expected once, found twice`);
    paths.add(path);
  }
  return { url, files: [own, ...files] };
}

/** The JSON of a manifest. */
export function parseManifest(text: string): unknown {
  return parse(text, MANIFEST);
}

/** A manifest, if it is not one of another version. Told before anything of the model is fetched: no fetching could help. */
export function checkPack(json: unknown): Record<string, unknown> {
  if (!isObject(json)) throw bad(MANIFEST, "expected an object");
  const { format } = json;
  if (format === PACK_FORMAT || typeof format !== "string" || !/^atelier-pack-\d{1,9}$/.test(format)) return json;
  const problem = `${MANIFEST}: format: expected ${PACK_FORMAT}, found ${format}`;
  throw new AtelierError("other-version", problem, { file: MANIFEST });
}

function packFile(entry: unknown, index: number): ListedFile {
  if (!isObject(entry)) throw bad(MANIFEST, `file ${index}: expected an object`);
  const { path, bytes, sha256: hash } = entry;
  if (typeof path !== "string" || !isPlainPath(path)) {
    throw bad(MANIFEST, `file ${JSON.stringify(path)}: expected a relative path without ".."`);
  }
  if (!isSize(bytes)) throw bad(MANIFEST, `file ${JSON.stringify(path)}: expected a number of bytes`);
  if (!isHash(hash)) throw bad(MANIFEST, `file ${JSON.stringify(path)}: expected a SHA-256 of 64 digits 0-9 and a-f`);
  return { path, bytes, sha256: hash, name: hash };
}

/** The shards that the index of a component's weights names, each once. */
export function listShards(path: string, index: string): string[] {
  const json = parse(index, path);
  const map = isObject(json) ? json["weight_map"] : undefined;
  if (!isObject(map)) throw bad(path, "expected the field weight_map");
  const shards = Object.values(map);
  for (const shard of shards) {
    if (typeof shard !== "string" || shard.includes("/") || !isPlainPath(shard)) {
      throw bad(path, `expected plain shard file names, found ${JSON.stringify(shard)}`);
    }
  }
  return [...new Set(shards as string[])].sort();
}

/** A listing that was kept on this device; undefined for anything else, as for a file that was cut short. */
export function readListing(url: string, text: string): Listing | undefined {
  try {
    const json: unknown = JSON.parse(text);
    if (!isObject(json) || json["format"] !== KEPT_FORMAT || json["url"] !== url) return undefined;
    const files = list(json, "files").map((file): ListedFile => {
      if (!isObject(file)) throw new Error("expected an object");
      const { path, bytes, sha256: hash, name } = file;
      const known = typeof path === "string" && isPlainPath(path) && isSize(bytes) && isHash(name);
      if (!known || !(hash === undefined || isHash(hash))) throw new Error("expected a file");
      return hash === undefined ? { path, bytes, name } : { path, bytes, sha256: hash, name };
    });
    return { url, files };
  } catch {
    return undefined;
  }
}

/** A listing as it is kept. */
export function writeListing(listing: Listing): string {
  return JSON.stringify({ format: KEPT_FORMAT, url: listing.url, files: listing.files });
}

const KEPT_FORMAT = "atelier-cache/1";

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw bad(file, messageOf(error));
  }
}

function list(json: Record<string, unknown>, field: string): unknown[] {
  const found = json[field];
  if (!Array.isArray(found)) throw bad(MANIFEST, `expected the list ${field}`);
  return found;
}

function bad(file: string, problem: string): AtelierError {
  return new AtelierError("bad-file", `${file}: ${problem}`, { file });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isHash(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}
