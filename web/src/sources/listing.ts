/** Which files a model has, where they are, and what they must be. */

import { type Checks, checked, exactly, fields, list, optional, some, text, whole } from "../check.js";
import { AtelierError, badRequest, messageOf } from "../errors.js";
import { type FileEntry, MANIFEST, type Manifest, PACK_FORMAT, type Shard } from "../generated/pack.js";
import { formatOf, sha256 } from "../records.js";
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

/** Addresses of a model's files by their paths, where they do not lie in one folder. */
export type Addresses = Readonly<Record<string, string>>;

/** All files of a model. */
export interface Listing {
  /** The model's folder, with a slash at the end; a name of its own where its files have `addresses`. */
  readonly url: string;
  readonly files: readonly ListedFile[];
  readonly addresses?: Addresses | undefined;
}

const KEPT_FORMAT = "atelier-cache/1";

/** A listing as it is kept on this device. */
interface KeptListing extends Omit<Listing, "addresses"> {
  readonly format: typeof KEPT_FORMAT;
}

/** More files than any model has. */
const MAX_FILES = 10_000;

const path = text(4096, 'a relative path without ".."', isPlainPath);
const ENTRY: Checks<FileEntry> = { path, bytes: whole(0), sha256 };

/** What of a manifest is needed here; the engine looks at the rest of it. */
const PACK = fields<Pick<Manifest, "files"> & { readonly shards: readonly Pick<Shard, "file">[] }>({
  files: list(fields(ENTRY), MAX_FILES),
  shards: list(fields({ file: fields(ENTRY) }), MAX_FILES),
});

const shardName = text(4096, "a plain file name", (name) => !name.includes("/") && isPlainPath(name));
const INDEX = fields<{ readonly weight_map: object }>({
  weight_map: some("an object", (map): map is object => typeof map === "object" && map !== null && !Array.isArray(map)),
});

const KEPT = fields<KeptListing>({
  format: exactly(KEPT_FORMAT),
  url: text(65_536),
  files: list(fields<ListedFile>({ path, bytes: whole(0), sha256: optional(sha256), name: sha256 })),
});

/** The largest manifest that is read, in bytes: that of the full model has fewer than a tenth. */
export const MAX_MANIFEST = 64 << 20;

/** Looks up a file's address. */
export function addressOf({ url, addresses }: Omit<Listing, "files">, path: string): string {
  if (!addresses) return url + path.split("/").map(encodeURIComponent).join("/");
  const address = Object.hasOwn(addresses, path) ? addresses[path] : undefined;
  if (address === undefined) throw badRequest("source.urls", `the address of ${path}`, undefined);
  return address;
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
export async function hashOf(data: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The files of a pack, the manifest itself among them, by the manifest's bytes. The engine looks at the rest of it. */
export async function listPack(url: string, manifest: Uint8Array<ArrayBuffer>): Promise<Listing> {
  const digest = await hashOf(manifest);
  const own = { path: MANIFEST, bytes: manifest.length, sha256: digest, name: digest };
  const json = parseManifest(new TextDecoder().decode(manifest));
  const { files, shards } = checked(PACK, json, "bad-file", `${MANIFEST}: `, { file: MANIFEST });
  const listed = [...files, ...shards.map(({ file }) => file)].map((file) => ({ ...file, name: file.sha256 }));
  // A sum that is no exact number could not be counted.
  if (!Number.isSafeInteger(listed.reduce((sum, file) => sum + file.bytes, 0))) {
    throw bad(MANIFEST, "expected sizes that add up");
  }
  const paths = new Set([MANIFEST]);
  for (const { path } of listed) {
    if (paths.has(path)) throw bad(MANIFEST, `file ${JSON.stringify(path)}: expected once, found twice`);
    paths.add(path);
  }
  return { url, files: [own, ...listed] };
}

/** The JSON of a manifest of this version. Told before anything of the model is fetched: no fetching could help. */
export function parseManifest(text: string): unknown {
  const json = parse(text, MANIFEST);
  const found = formatOf(json);
  if (found === undefined || found === PACK_FORMAT || !/^atelier-pack-\d{1,9}$/.test(found)) return json;
  const problem = `${MANIFEST}: format: expected ${PACK_FORMAT}, found ${found}`;
  throw new AtelierError("other-version", problem, { file: MANIFEST });
}

/** The shards that the index of a component's weights names, each once. */
export function listShards(path: string, index: string): string[] {
  const { weight_map: map } = checked(INDEX, parse(index, path), "bad-file", `${path}: `, { file: path });
  const shards = list(shardName);
  return [...new Set(checked(shards, Object.values(map), "bad-file", `${path}: weight_map`, { file: path }))].sort();
}

/** A listing that was kept on this device; undefined for anything else, as for a file that was cut short. */
export function readListing(url: string, text: string): Listing | undefined {
  try {
    const kept = checked(KEPT, JSON.parse(text), "bad-file");
    return kept.url === url ? { url, files: kept.files } : undefined;
  } catch {
    return undefined;
  }
}

/** A listing as it is kept. */
export function writeListing(listing: Listing): string {
  return JSON.stringify({ format: KEPT_FORMAT, url: listing.url, files: listing.files } satisfies KeptListing);
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw bad(file, messageOf(error));
  }
}

function bad(file: string, problem: string): AtelierError {
  return new AtelierError("bad-file", `${file}: ${problem}`, { file });
}
