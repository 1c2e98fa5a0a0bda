import { describe, expect, test } from "vitest";
import { sha256Of } from "../testing/hashing.js";
import { addressOf, listPack, listShards, readListing, sameFiles, totalBytes, writeListing } from "./listing.js";

const url = "http://localhost/model/";
const hash = "a".repeat(64);
const entry = (path: unknown, bytes: unknown = 5, sha256: unknown = hash): object => ({ path, bytes, sha256 });
const pack = (manifest: unknown): ReturnType<typeof listPack> =>
  listPack(url, new TextEncoder().encode(typeof manifest === "string" ? manifest : JSON.stringify(manifest)));

test("a pack's files: the manifest, others, shards", async () => {
  const manifest = JSON.stringify({
    files: [entry("processor/tokenizer.json")],
    shards: [{ stage: "painter", file: entry("p.safetensors", 7) }],
  });
  const listing = await pack(manifest);
  const own = sha256Of(manifest);
  expect(listing.files).toEqual([
    { path: "pack.json", bytes: manifest.length, sha256: own, name: own },
    { path: "processor/tokenizer.json", bytes: 5, sha256: hash, name: hash },
    { path: "p.safetensors", bytes: 7, sha256: hash, name: hash },
  ]);
  expect(totalBytes(listing)).toBe(manifest.length + 12);
});

describe("a manifest is refused", () => {
  test.each([
    ["cut short", "{", /pack\.json/],
    ["a list", [], "pack.json: expected an object"],
    ["without files", { shards: [] }, "files: expected a list, found none"],
    ["without shards", { files: [] }, "shards: expected a list, found none"],
    ["a shard without a file", { files: [], shards: [{}] }, /shards\[0\]\.file: expected an object, found none/],
    ["a file twice", { files: [entry("a"), entry("a")], shards: [] }, 'file "a": expected once, found twice'],
    ["itself", { files: [entry("pack.json")], shards: [] }, "expected once, found twice"],
    ["a hash of another kind", { files: [entry("a", 5, "A".repeat(64))], shards: [] }, "SHA-256"],
    ["no hash", { files: [entry("a", 5, null)], shards: [] }, "SHA-256"],
    ["bytes below 0", { files: [entry("a", -1)], shards: [] }, "bytes: expected an integer"],
    ["half a byte", { files: [entry("a", 0.5)], shards: [] }, "bytes: expected an integer"],
    ["more bytes than can be counted", { files: [entry("a", 2 ** 60)], shards: [] }, "bytes: expected an integer"],
  ])("%s", async (_what, manifest, message) => {
    const expected = { code: "bad-file", file: "pack.json", message: expect.stringMatching(message) as unknown };
    await expect(pack(manifest)).rejects.toMatchObject(expected);
  });

  test.each(["", "..", "a/../b", "/a", "a//b", "./a", "a\\b", "c:a", "a\nb", "https://elsewhere/", 3])(
    "the path %j",
    async (path) => {
      await expect(pack({ files: [entry(path)], shards: [] })).rejects.toMatchObject({
        code: "bad-file",
        message: expect.stringContaining('".."'),
      });
    },
  );
});

test("an index's shards, each once", () => {
  expect(listShards("i", '{"weight_map":{"a":"2","b":"1","c":"2"}}')).toEqual(["1", "2"]);
  for (const index of [
    "{",
    "[]",
    "{}",
    '{"weight_map":{"a":"../b"}}',
    '{"weight_map":{"a":"b/c"}}',
    '{"weight_map":{"a":1}}',
  ]) {
    expect(() => listShards("i", index)).toThrow(expect.objectContaining({ code: "bad-file", file: "i" }));
  }
});

test("a listing is kept as it is, and nothing else is taken for one", () => {
  const listing = {
    url,
    files: [
      { path: "a", bytes: 1, sha256: hash, name: hash },
      { path: "b", bytes: 0, name: hash },
    ],
  };
  const text = writeListing(listing);
  expect(readListing(url, text)).toEqual(listing);
  expect(readListing("http://localhost/other/", text)).toBeUndefined();
  for (const other of [
    text.slice(0, -9),
    "null",
    "{}",
    text.replace('"a"', '"../a"'),
    text.replace("cache/1", "cache/2"),
    text.replace(hash, "b"),
  ]) {
    expect(readListing(url, other)).toBeUndefined();
  }
});

test("versions differ by their contents", () => {
  const one = { url, files: [{ path: "a", bytes: 1, name: hash }] };
  expect(sameFiles(one, { url, files: [{ path: "a", bytes: 1, name: hash }] })).toBe(true);
  expect(sameFiles(one, { url, files: [{ path: "a", bytes: 1, name: "b".repeat(64) }] })).toBe(false);
  expect(sameFiles(one, { url, files: [] })).toBe(false);
});

test("addresses stay in the model's folder", () => {
  expect(addressOf({ url }, "a b/c?d#e%.json")).toBe("http://localhost/model/a%20b/c%3Fd%23e%25.json");
});
