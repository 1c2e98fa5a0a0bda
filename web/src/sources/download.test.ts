import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FileServer } from "../testing/file-server.js";
import { hashed, nodeHasher, noise, sha256Of } from "../testing/hashing.js";
import { MemoryStore } from "../testing/memory-store.js";
import { beginningName, isChecked, noteBeginning, noteName } from "./checked.js";
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
  hashed.bytes = 0;
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

function get(
  file: ListedFile = shard,
  signal = new AbortController().signal,
  on = (_at: number): unknown => undefined,
): Promise<void> {
  const listing: Listing = { url: server.url, files: [file] };
  const hear = (at: number): void => {
    heard.push(at);
    on(at);
  };
  return download(listing, file, store, means, hear, signal);
}

/** The first bytes, as an interruption leaves them. */
function interrupted(file: ListedFile, length: number, from = bytes): void {
  store.files.set(`${file.name}.partial`, from.slice(0, length));
  store.files.set(versionName(file), new TextEncoder().encode(server.tag));
}

/** Notes how the beginning is hashed. */
async function note(at: number, from = bytes): Promise<void> {
  const hasher = nodeHasher();
  hasher.update(from.subarray(0, at));
  await noteBeginning(store, shard.name, { at, state: hasher.state() });
}

/** Only the file is there, whole, and that it was checked; nothing of how it came. */
function expectWhole(file = shard): void {
  expect([...store.files.keys()]).toEqual(file.sha256 === undefined ? [file.name] : [file.name, noteName(file.name)]);
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

test("a file that came is hashed once, and known to be whole until it is changed", async () => {
  await get();
  expect(hashed.bytes).toBe(bytes.length);
  const known = async (): Promise<boolean> => isChecked(store, hash, hash, (await store.stamp(hash)) ?? "");
  expect(await known()).toBe(true);
  store.files.set(
    hash,
    bytes.map((byte, at) => (at === 7 ? byte ^ 1 : byte)),
  );
  expect(await known()).toBe(false);
});

test("a file without a hash is not hashed", async () => {
  await get(plain);
  expectWhole(plain);
  expect(hashed.bytes).toBe(0);
});

test("an empty file needs no request", async () => {
  const empty = { path: "empty", bytes: 0, sha256: sha256Of(""), name: sha256Of("") };
  await get(empty);
  expect(store.files.get(empty.name)).toHaveLength(0);
  expect(server.requests).toEqual([]);
});

describe("after an interruption", () => {
  test("the rest is fetched, and a beginning of which nothing is noted hashed again", async () => {
    interrupted(shard, 150_000);
    await get();
    expectWhole();
    expect(hashed.bytes).toBe(200_000);
    expect(server.requests).toEqual(["GET /model/a/shard%201.safetensors bytes=150000-"]);
    expect(heard[0]).toBe(150_000);
  });

  test("what is noted of the beginning need not be hashed again", async () => {
    interrupted(shard, 150_000);
    await note(140_000);
    hashed.bytes = 0;
    await get();
    expectWhole();
    expect(hashed.bytes).toBe(60_000);
  });

  test.each([
    ["a longer beginning", () => note(160_000)],
    ["another hasher", () => noteBeginning(store, shard.name, { at: 10, state: Uint8Array.of(1, 2, 3) })],
    ["nothing that can be read", async () => void store.files.set(beginningName(shard.name), noise(30))],
  ])("a note of %s is none", async (_, write) => {
    interrupted(shard, 150_000);
    await write();
    hashed.bytes = 0;
    await get();
    expectWhole();
    expect(hashed.bytes).toBe(200_000);
  });

  test("a note of a beginning that was exchanged since is noticed by the hash", async () => {
    interrupted(shard, 150_000, noise(200_000, 2));
    await note(150_000, noise(200_000, 2));
    await get();
    expectWhole();
    expect(server.requests).toHaveLength(2);
  });

  test("a note does not outlive its beginning", async () => {
    interrupted(shard, 150_000);
    await note(150_000);
    server.ranges = false;
    // The new beginning is another one, and the tab is closed after it.
    server.put("a/shard 1.safetensors", noise(200_000, 2));
    const left = new AbortController();
    const leaving = get(shard, left.signal, (at) => at > 0 && at < 150_000 && left.abort(new Error("closed")));
    await expect(leaving).rejects.toThrow("closed");
    server.put("a/shard 1.safetensors", bytes);
    server.ranges = true;
    await get();
    expectWhole();
  });

  test("a tab that is closed has noted most of what it hashed", async () => {
    const large = new Uint8Array(40 << 20).fill(7);
    const file = { ...shard, bytes: large.length, sha256: sha256Of(large), name: sha256Of(large) };
    server.put("a/shard 1.safetensors", large);
    // As a tab leaves it that has no time for a last word.
    const kept = new Map<string, Uint8Array>();
    const close = (at: number): void => {
      if (at >= 38 << 20 && kept.size === 0) for (const [name, bytes] of store.files) kept.set(name, bytes.slice());
    };
    await get(file, new AbortController().signal, close);
    store.files.clear();
    for (const [name, bytes] of kept) store.files.set(name, bytes);
    hashed.bytes = 0;
    await get(file);
    expect(hashed.bytes).toBeLessThan(10 << 20);
    expect(sha256Of(store.files.get(file.name) ?? "")).toBe(file.sha256);
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
  hashed.bytes = 0;
  await get();
  expectWhole();
  expect(hashed.bytes).toBe(bytes.length - kept);
  expect(server.requests.at(-1)).toBe(`GET /model/a/shard%201.safetensors bytes=${kept}-`);
});
