import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FileServer } from "../testing/file-server.js";
import { nodeHasher, noise, sha256Of } from "../testing/hashing.js";
import { MemoryStore } from "../testing/memory-store.js";
import { download, type Means, versionName } from "./download.js";
import type { ListedFile, Listing } from "./listing.js";

const bytes = noise(200_000);
const hash = sha256Of(bytes);
const shard: ListedFile = { path: "a/shard 1.safetensors", bytes: bytes.length, sha256: hash, name: hash };
/** A checkpoint's file: nobody knows its hash. */
const plain: ListedFile = { path: shard.path, bytes: shard.bytes, name: "0".repeat(64) };

let server: FileServer;
let store: MemoryStore;
let waits: number[];
let fetching: Means["fetch"];
let waiting: Means["wait"];
let heard: number[];

beforeEach(async () => {
  server = await FileServer.start({ "a/shard%201.safetensors": "never" });
  server.files.clear();
  server.put("a/shard 1.safetensors", bytes);
  store = new MemoryStore();
  waits = [];
  heard = [];
  fetching = fetch;
  waiting = async (milliseconds) => void waits.push(milliseconds);
});
afterEach(() => server.stop());

const means: Means = {
  fetch: (url, init) => fetching(url, init),
  hasher: nodeHasher,
  wait: async (milliseconds, signal) => {
    signal.throwIfAborted();
    if (milliseconds > 0) await waiting(milliseconds, signal);
  },
};

function get(file = shard, signal = new AbortController().signal): Promise<void> {
  const listing: Listing = { url: server.url, files: [file] };
  return download(listing, file, store, means, (at) => heard.push(at), signal);
}

/** The first bytes, as an interruption leaves them. */
function interrupted(file: ListedFile, length: number, from = bytes): void {
  store.files.set(`${file.name}.partial`, from.slice(0, length));
  store.files.set(versionName(file), new TextEncoder().encode(server.tag));
}

/** Only the file is there, whole, and nothing of how it came. */
function expectWhole(file = shard): void {
  expect([...store.files.keys()]).toEqual([file.name]);
  expect(sha256Of(store.files.get(file.name) ?? new Uint8Array())).toBe(hash);
  expect(store.open.size).toBe(0);
}

test("a file comes whole, and is counted on the way", async () => {
  await get();
  expectWhole();
  expect(server.requests).toEqual(["GET /model/a/shard%201.safetensors"]);
  expect(heard.at(-1)).toBe(bytes.length);
  expect(heard).toEqual([...heard].sort((a, b) => a - b));
});

test("a file that is there is not fetched; one that is cut short is", async () => {
  store.files.set(hash, bytes);
  await get();
  expect(server.requests).toEqual([]);
  store.files.set(hash, bytes.slice(0, 1000));
  await get();
  expectWhole();
  expect(server.requests).toHaveLength(1);
});

test("an empty file needs no request", async () => {
  const empty = { path: "empty", bytes: 0, sha256: sha256Of(""), name: sha256Of("") };
  await get(empty);
  expect(store.files.get(empty.name)).toHaveLength(0);
  expect(server.requests).toEqual([]);
});

describe("after an interruption", () => {
  test("the rest is fetched, and the beginning hashed again", async () => {
    interrupted(shard, 150_000);
    await get();
    expectWhole();
    expect(server.requests).toEqual(["GET /model/a/shard%201.safetensors bytes=150000-"]);
    expect(heard[0]).toBe(150_000);
  });

  test("a whole partial file needs no request", async () => {
    interrupted(shard, bytes.length);
    await get();
    expectWhole();
    expect(server.requests).toEqual([]);
  });

  test("a beginning of another version is not continued: If-Range", async () => {
    interrupted(plain, 150_000, noise(200_000, 2));
    store.files.set(versionName(plain), new TextEncoder().encode('"0"'));
    await get(plain);
    expectWhole(plain);
    expect(heard).toContain(0);
  });

  test("a beginning without version or hash is not continued", async () => {
    interrupted(plain, 150_000, noise(200_000, 2));
    store.files.delete(versionName(plain));
    await get(plain);
    expectWhole(plain);
    expect(server.requests).toEqual(["GET /model/a/shard%201.safetensors"]);
  });

  test("a beginning that is longer than the file is dropped", async () => {
    interrupted(plain, 300_000, noise(300_000));
    await get(plain);
    expectWhole(plain);
  });

  test("a server without ranges sends it all again", async () => {
    server.ranges = false;
    interrupted(shard, 150_000);
    await get();
    expectWhole();
    expect(server.requests).toHaveLength(1);
  });

  test("416 begins anew", async () => {
    interrupted(shard, 150_000);
    server.answers = [416];
    await get();
    expectWhole();
    expect(server.requests.slice(1)).toEqual(["GET /model/a/shard%201.safetensors"]);
  });

  test("a beginning that was damaged is noticed by the hash, and all fetched once more", async () => {
    interrupted(shard, 150_000, noise(200_000, 2));
    await get();
    expectWhole();
    expect(server.requests).toEqual([
      "GET /model/a/shard%201.safetensors bytes=150000-",
      "GET /model/a/shard%201.safetensors",
    ]);
  });
});

describe("when the connection breaks", () => {
  test("it goes on where it was", async () => {
    server.cuts = [100_000, 50_000];
    await get();
    expectWhole();
    const ranges = server.requests.map((request) => request.split(" ")[2]);
    expect(ranges[0]).toBeUndefined();
    expect(ranges).toHaveLength(3);
    expect(ranges[2]).toMatch(/^bytes=\d+-$/);
    // Bytes came each time: the server is there, and the wait stays short.
    expect(waits).toEqual([400, 400]);
  });

  test("busy servers are asked again, ever later", async () => {
    server.answers = [503, 429, 500];
    await get();
    expectWhole();
    expect(waits).toEqual([400, 800, 1600]);
  });

  test("it gives up, and keeps what it has", async () => {
    server.cuts = [100_000];
    fetching = (url, init) => {
      fetching = () => Promise.reject(new TypeError("Failed to fetch"));
      return fetch(url, init);
    };
    await expect(get()).rejects.toMatchObject({ code: "network", file: shard.path });
    expect(waits).toHaveLength(5);
    expect(store.files.get(`${hash}.partial`)?.length).toBeGreaterThan(0);
    expect(store.open.size).toBe(0);
    fetching = fetch;
    await get();
    expectWhole();
  });
});

describe("what the server sends is wrong", () => {
  test("other bytes twice: bad-file, and nothing stays", async () => {
    server.put("a/shard 1.safetensors", noise(200_000, 3));
    await expect(get()).rejects.toMatchObject({
      code: "bad-file",
      file: shard.path,
      message: expect.stringContaining(hash),
    });
    expect(server.requests).toHaveLength(2);
    expect([...store.files.keys()]).toEqual([]);
  });

  test("another size is noticed before a byte is written", async () => {
    server.put("a/shard 1.safetensors", noise(100));
    await expect(get(plain)).rejects.toMatchObject({
      code: "bad-file",
      message: `${shard.path}: expected 200000 bytes, found 100`,
    });
    expect(heard).toEqual([]);
  });

  test("more bytes than are listed, without a size", async () => {
    server.silent = true;
    server.put("a/shard 1.safetensors", noise(300_000));
    await expect(get(plain)).rejects.toMatchObject({
      code: "bad-file",
      message: expect.stringContaining("found more"),
    });
  });

  test("fewer bytes than are listed, without a size", async () => {
    server.silent = true;
    server.put("a/shard 1.safetensors", noise(100));
    await expect(get(plain)).rejects.toMatchObject({ code: "bad-file" });
  });

  test("no such file", async () => {
    server.files.clear();
    await expect(get()).rejects.toMatchObject({ code: "bad-file", file: shard.path });
    expect(waits).toEqual([]);
  });

  test("not allowed", async () => {
    server.answers = [403];
    await expect(get()).rejects.toMatchObject({ code: "network", message: expect.stringContaining("403") });
  });
});

test("no room while writing: quota, and what fits is kept", async () => {
  store.room = 70_000;
  await expect(get()).rejects.toMatchObject({ code: "quota", file: shard.path });
  expect(store.open.size).toBe(0);
  store.room = Infinity;
  await get();
  expectWhole();
});

test("cancelled: the signal's reason, and the next call goes on", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  server.cuts = [100_000];
  // The connection breaks; while it waits to try again it is cancelled.
  waiting = async () => {
    controller.abort(reason);
    throw reason;
  };
  await expect(get(shard, controller.signal)).rejects.toBe(reason);
  expect(store.open.size).toBe(0);
  const kept = store.files.get(`${hash}.partial`)?.length ?? 0;
  expect(kept).toBeGreaterThan(0);
  await get();
  expectWhole();
  expect(server.requests.at(-1)).toBe(`GET /model/a/shard%201.safetensors bytes=${kept}-`);
});
