import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FileServer } from "../testing/file-server.js";
import { hashed, nodeHasher, noise, sha256Of } from "../testing/hashing.js";
import { MemoryStore } from "../testing/memory-store.js";
import type { DownloadEvent } from "../types.js";
import { checkFiles, keptListing } from "./cache.js";
import { noteName } from "./checked.js";
import type { Requests } from "../protocol.js";
import type { Addresses } from "./listing.js";
import type { Fetch } from "./server.js";
import { openRemote, type RemoteMeans } from "./remote.js";
import type { OpenSource } from "./source.js";

const tokenizer = noise(3_000, 5);
const shards = [noise(90_000, 6), noise(120_000, 7)];
const never = new AbortController().signal;

let server: FileServer;
let store: MemoryStore;
let events: DownloadEvent[];
let roomLeft: number | undefined;

function manifest(parts = shards): string {
  const entry = (path: string, bytes: Uint8Array): object => ({ path, bytes: bytes.length, sha256: sha256Of(bytes) });
  return JSON.stringify({
    format: "atelier-pack-1",
    configs: {},
    tensors: [],
    files: [entry("processor/tokenizer.json", tokenizer)],
    shards: parts.map((bytes, index) => ({ stage: "painter", file: entry(`painter-${index}.safetensors`, bytes) })),
  });
}

function putPack(parts = shards): void {
  server.put("pack.json", manifest(parts));
  server.put("processor/tokenizer.json", tokenizer);
  for (const [index, bytes] of parts.entries()) server.put(`painter-${index}.safetensors`, bytes);
}

beforeEach(async () => {
  server = await FileServer.start({});
  putPack();
  store = new MemoryStore();
  events = [];
  roomLeft = undefined;
});
afterEach(() => server.stop());

function open(
  requests: Requests = "fresh",
  kept: MemoryStore | undefined = store,
  url = server.url,
  wanted?: string,
  more: { addresses?: Addresses; fetch?: Fetch } = {},
): Promise<OpenSource> {
  const means: RemoteMeans = {
    store: kept,
    room: async () => roomLeft,
    fetch: more.fetch ?? ((url, init) => fetch(url, init)),
    hasher: nodeHasher,
    wait: async () => {},
  };
  return openRemote(
    { url, manifest: wanted, addresses: more.addresses, key: "k", requests },
    means,
    (event) => events.push(event),
    never,
  );
}

async function expectPack(source: OpenSource, parts = shards): Promise<void> {
  for (const [index, bytes] of parts.entries()) {
    const path = `painter-${index}.safetensors`;
    expect(await source.size(path)).toBe(bytes.length);
    expect(await source.read(path, 1000, 5000)).toEqual(bytes.slice(1000, 5000));
  }
  expect(new TextDecoder().decode(await source.read("pack.json", 0, (await source.size("pack.json")) ?? 0))).toBe(
    manifest(parts),
  );
}

test("a pack is fetched once, in order, and counted as a whole", async () => {
  await expectPack(await open());
  const total = 3_000 + 90_000 + 120_000 + manifest().length;
  expect(events.every((event) => event.total === total)).toBe(true);
  expect(events.at(-1)).toMatchObject({ file: "painter-1.safetensors", bytes: total });
  expect([...new Set(events.map((event) => event.file))]).toEqual([
    "pack.json",
    "processor/tokenizer.json",
    "painter-0.safetensors",
    "painter-1.safetensors",
  ]);
  server.requests.length = 0;
  events.length = 0;
  await expectPack(await open());
  // The second time only the list is looked at.
  expect(server.requests).toEqual(["GET /model/pack.json"]);
  expect(events).toEqual([]);
});

test("a pack is kept though another tab writes the name of its folder at the same moment", async () => {
  store.open.add("url.txt.partial");
  await expectPack(await open());
  expect(await keptListing(store, server.url)).toBeDefined();
  expect(server.requests).toHaveLength(4);
});

/** What a visit hashes of the pack, as the engine does it. */
async function visit(): Promise<number> {
  hashed.bytes = 0;
  const source = await open();
  for (const [index, bytes] of shards.entries()) {
    const path = `painter-${index}.safetensors`;
    if (await source.hasHash(path, sha256Of(bytes))) continue;
    const hasher = nodeHasher();
    hasher.update(await source.read(path, 0, bytes.length));
    if (hasher.digest() === sha256Of(bytes)) await source.noteHash(path, sha256Of(bytes));
    else expect(await source.refetch(path, () => {}, never)).toBe(true);
  }
  source.close();
  return hashed.bytes;
}

test("bytes are hashed at the first visit, and at later ones only of files that were changed", async () => {
  const [first = new Uint8Array(), second = new Uint8Array()] = shards;
  expect(await visit()).toBe(3_000 + first.length + second.length);
  expect(await visit()).toBe(0);
  // The same bytes, written anew: they are looked at once more.
  store.files.set(sha256Of(first), first.slice());
  expect(await visit()).toBe(first.length);
  expect(await visit()).toBe(0);
  // Another byte: found, and the file fetched again.
  store.files.set(
    sha256Of(second),
    second.map((byte, at) => (at === 99 ? byte ^ 1 : byte)),
  );
  server.requests.length = 0;
  expect(await visit()).toBeGreaterThan(second.length);
  expect(server.asked(".safetensors")).toEqual(["GET /model/painter-1.safetensors"]);
  expect(store.files.get(sha256Of(second))).toEqual(second);
  expect(await visit()).toBe(0);
  // Without its note a file is hashed again.
  store.files.delete(noteName(sha256Of(first)));
  expect(await visit()).toBe(first.length);
});

test("a file that is changed while it is hashed is not known", async () => {
  await open();
  const [first = new Uint8Array()] = shards;
  store.files.delete(noteName(sha256Of(first)));
  const source = await open();
  expect(await source.hasHash("painter-0.safetensors", sha256Of(first))).toBe(false);
  store.files.set(sha256Of(first), noise(first.length, 3));
  await source.noteHash("painter-0.safetensors", sha256Of(first));
  expect(await source.hasHash("painter-0.safetensors", sha256Of(first))).toBe(false);
});

test("files are checked again on demand: what is damaged is named, and no longer known to be whole", async () => {
  await open();
  const [first = new Uint8Array(), second = new Uint8Array()] = shards;
  const listing = (await keptListing(store, server.url)) ?? { url: "", files: [] };
  const done: number[] = [];
  const check = () => checkFiles(store, listing, (bytes) => done.push(bytes), never);
  expect(await check()).toEqual([]);
  expect(done.at(-1)).toBe(3_000 + first.length + second.length + manifest().length);
  expect(await visit()).toBe(0);
  // As a failing disk does it: no time tells.
  const time = store.files.times.get(sha256Of(second)) ?? 0;
  store.files.set(sha256Of(second), noise(second.length, 3));
  store.files.times.set(sha256Of(second), time);
  expect(await visit()).toBe(0);
  expect(await check()).toEqual(["painter-1.safetensors"]);
  expect(await visit()).toBeGreaterThan(second.length);
  expect(await check()).toEqual([]);
});

describe("a file system that is there and fails", () => {
  const broken = (name: string): never => {
    throw new DOMException("an unknown transient reason", name);
  };

  test.each(["UnknownError", "InvalidStateError", "NotAllowedError", "NoModificationAllowedError", "NotFoundError"])(
    "%s while writing: the model comes from the server",
    async (name) => {
      store.write = async () => broken(name);
      await expectPack(await open());
      expect(server.asked(".safetensors").every((request) => request.includes("bytes="))).toBe(true);
      await expect(open("never")).rejects.toMatchObject({ code: "network" });
    },
  );

  test("at the first look already", async () => {
    store.text = async () => broken("UnknownError");
    await expectPack(await open());
  });

  test("a file that is lost while it is open is opened again", async () => {
    const source = await open();
    const read = store.read.bind(store);
    let opened = 0;
    store.read = async (name) => {
      opened += 1;
      const reader = await read(name);
      return opened > 1 ? reader : { ...reader, read: async () => broken("InvalidStateError") };
    };
    await expectPack(source);
    store.read = async () => ({ read: async () => broken("InvalidStateError"), close: () => {} });
    source.close();
    await expect(source.read("painter-0.safetensors", 0, 1)).rejects.toMatchObject({
      code: "bad-file",
      file: "painter-0.safetensors",
    });
  });
});

test("a path that is not listed is not there", async () => {
  const source = await open();
  expect(await source.size("painter-2.safetensors")).toBeUndefined();
  await expect(source.read("painter-2.safetensors", 0, 1)).rejects.toMatchObject({ code: "bad-file" });
});

describe("when a complete model is here", () => {
  beforeEach(async () => {
    await open();
    server.requests.length = 0;
  });

  test("nothing is asked when nothing may be, or need be", async () => {
    await expectPack(await open("never"));
    await expectPack(await open("missing"));
    expect(server.requests).toEqual([]);
  });

  test("a server that is gone, or has other things to say, does no harm", async () => {
    const { url } = server;
    server.answers = [500];
    await expectPack(await open());
    server.put("pack.json", "{");
    await expectPack(await open());
    server.files.clear();
    await expectPack(await open());
    await server.stop();
    await expectPack(await open("fresh", store, url));
    server = await FileServer.start({});
  });

  test("a new version is fetched as far as it is new, and the old one removed", async () => {
    const next = [shards[0] ?? new Uint8Array(), noise(50_000, 9)];
    putPack(next);
    await expectPack(await open(), next);
    expect(server.requests).toEqual(["GET /model/pack.json", "GET /model/painter-1.safetensors"]);
    const hashes = [tokenizer, ...next].map(sha256Of);
    expect([...store.files.keys()].sort()).toEqual(
      ["index.json", "url.txt", sha256Of(manifest(next)), ...hashes, ...hashes.map(noteName)].sort(),
    );
  });

  test("a file that was cut short is fetched again", async () => {
    store.files.set(sha256Of(shards[1] ?? ""), noise(10));
    await expectPack(await open());
    expect(server.requests).toEqual(["GET /model/pack.json", "GET /model/painter-1.safetensors"]);
  });

  test("a file that was cut short cannot be made up for without requests", async () => {
    store.files.set(sha256Of(shards[1] ?? ""), noise(10));
    await expect(open("never")).rejects.toMatchObject({ code: "network" });
    expect(server.requests).toEqual([]);
  });

  test("a list that was cut short is written again", async () => {
    store.files.set("index.json", new TextEncoder().encode('{"format":"atelier-cache/1","ur'));
    await expectPack(await open());
    expect(server.requests).toEqual(["GET /model/pack.json"]);
    expect(await keptListing(store, server.url)).toBeDefined();
  });

  test("a damaged file is fetched again", async () => {
    const source = await open();
    const bytes = shards[1] ?? new Uint8Array();
    store.files.set(sha256Of(bytes), noise(bytes.length, 99));
    expect(await source.read("painter-1.safetensors", 0, 9)).not.toEqual(bytes.slice(0, 9));
    expect(await source.refetch("painter-1.safetensors", (event) => events.push(event), never)).toBe(true);
    expect(await source.read("painter-1.safetensors", 0, 9)).toEqual(bytes.slice(0, 9));
    expect(await source.refetch("no such file", () => {}, never)).toBe(false);
    source.close();
    await vi.waitFor(() => expect([...store.readers.values()]).toEqual([0]));
  });

  test("a file that is whole is not fetched again: it is of another version", async () => {
    const source = await open();
    expect(await source.refetch("painter-1.safetensors", () => {}, never)).toBe("whole");
    expect(server.requests).toEqual(["GET /model/pack.json"]);
    source.close();
  });

  test("the version that is wanted is here: nothing is asked", async () => {
    putPack([noise(10)]);
    await expectPack(await open("fresh", store, server.url, sha256Of(manifest())));
    expect(server.requests).toEqual([]);
  });

  test("the server has another version than the one that is wanted: it is not fetched", async () => {
    const wanted = sha256Of("of another day");
    await expect(open("fresh", store, server.url, wanted)).rejects.toMatchObject({ code: "other-version" });
    expect(server.requests).toEqual(["GET /model/pack.json"]);
    await expectPack(await open("never"));
  });

  test("a damaged file stays where nothing may be fetched", async () => {
    const source = await open("never");
    expect(await source.refetch("painter-1.safetensors", () => {}, never)).toBe(false);
    expect(store.files.has(sha256Of(shards[1] ?? ""))).toBe(true);
    expect(server.requests).toEqual([]);
  });
});

describe("files of another origin, with an address each", () => {
  let urls: Record<string, string>;
  /** What of an answer a page sees where the other server says nothing more than that it may be read. */
  const across: Fetch = async (url, init) => {
    const sent = new Headers(init?.headers);
    // Whatever else is sent needs that server's leave first.
    expect([...sent.keys()].filter((name) => name !== "range")).toEqual([]);
    const response = await fetch(url, init);
    const seen = new Headers();
    for (const name of ["Content-Type", "Content-Length", "Last-Modified"]) {
      const value = response.headers.get(name);
      if (value !== null) seen.set(name, value);
    }
    return Object.defineProperties(response, { headers: { value: seen }, type: { value: "cors" } });
  };
  const openThere = (fetch = across, kept: MemoryStore | undefined = store): Promise<OpenSource> => {
    const pinned = sha256Of(new TextEncoder().encode(manifest()));
    return open("fresh", kept, "sha256:m", pinned, { addresses: urls, fetch });
  };

  beforeEach(() => {
    urls = {};
    const renamed = [...server.files].map(([path, bytes], index) => {
      const name = `${index}-hashed.bin`;
      urls[path.replace("/model/", "")] = server.url + name;
      return [name, bytes] as const;
    });
    server.files.clear();
    for (const [name, bytes] of renamed) server.put(name, bytes);
  });

  test("are fetched and kept under the manifest's hash, wherever they move", async () => {
    await expectPack(await openThere());
    server.requests.length = 0;
    urls = { "pack.json": "http://moved.invalid/pack.json" };
    await expectPack(await openThere());
    expect(server.requests).toEqual([]);
  });

  test("go on where they broke, though the answers' ranges and versions do not show", async () => {
    server.cuts = [9e9, 9e9, 40_000, 50_000];
    await expectPack(await openThere());
    const resumed = server.requests.filter((request) => request.endsWith("-"));
    expect(resumed).toHaveLength(2);
  });

  test("an answer that was compressed on the way is measured by what comes out of it", async () => {
    const compressed: Fetch = async (url, init) => {
      const response = await across(url, init);
      response.headers.set("Content-Length", "77");
      return response;
    };
    await expectPack(await openThere(compressed));
  });

  test("a damaged byte is noticed, and another manifest refused", async () => {
    const painter = urls["painter-1.safetensors"]?.slice(server.url.length) ?? "";
    const flipped = Uint8Array.from(shards[1] ?? [], (byte, at) => (at === 70_000 ? byte ^ 1 : byte));
    server.put(painter, flipped);
    await expect(openThere()).rejects.toMatchObject({ code: "bad-file", file: "painter-1.safetensors" });
    server.put(urls["pack.json"]?.slice(server.url.length) ?? "", manifest([noise(10, 1)]));
    await expect(openThere(across, new MemoryStore())).rejects.toMatchObject({ code: "other-version" });
  });

  test("a file without an address is named before anything is fetched", async () => {
    delete urls["painter-0.safetensors"];
    await expect(openThere()).rejects.toMatchObject({
      code: "bad-request",
      message: "source.urls: expected the address of painter-0.safetensors, found none",
    });
    expect(server.requests).toHaveLength(1);
  });

  test("where nothing can be kept they are read from there", async () => {
    await expectPack(await openThere(across, undefined));
  });
});

test("a folder that should have a manifest of that hash, and has none, is looked into no further", async () => {
  server.files.delete("/model/pack.json");
  await expect(open("fresh", store, server.url, "0".repeat(64))).rejects.toMatchObject({ file: "pack.json" });
  expect(server.requests).toHaveLength(1);
});

test("a pack of a newer format is refused after its manifest", async () => {
  server.put("pack.json", manifest().replace("atelier-pack-1", "atelier-pack-2"));
  await expect(open()).rejects.toMatchObject({ code: "other-version", file: "pack.json" });
  expect(server.requests).toEqual(["GET /model/pack.json"]);
});

test("files come several at a time, and one that fails stops the others", async () => {
  server.put("pack.json", manifest([...shards, noise(50, 3)]));
  await expect(open()).rejects.toMatchObject({ code: "bad-file", file: "painter-2.safetensors" });
  expect(await keptListing(store, server.url)).toBeUndefined();
});

test("nothing here, and nothing may be fetched", async () => {
  await expect(open("never")).rejects.toMatchObject({ code: "network" });
  expect(server.requests).toEqual([]);
});

describe("room", () => {
  test("too little: refused before anything is written but the manifest", async () => {
    roomLeft = 100_000;
    await expect(open()).rejects.toMatchObject({ code: "quota", needed: 213_000, available: 100_000 });
    expect(server.requests).toEqual(["GET /model/pack.json"]);
    expect([...store.files.keys()].sort()).toEqual([sha256Of(manifest()), "url.txt"].sort());
  });

  test("what is here needs no more room", async () => {
    store.files.set(sha256Of(shards[1] ?? ""), shards[1] ?? new Uint8Array());
    store.files.set(`${sha256Of(shards[0] ?? "")}.partial`, (shards[0] ?? new Uint8Array()).slice(0, 40_000));
    roomLeft = 52_999;
    await expect(open()).rejects.toMatchObject({ code: "quota", needed: 53_000 });
    roomLeft = 53_000;
    await expectPack(await open());
  });

  test("what runs out on the way is named with both numbers", async () => {
    store.room = 100_000;
    roomLeft = undefined;
    const error = await open().catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "quota" });
    expect((error as { needed: number }).needed).toBeGreaterThan(100_000);
  });
});

test("an interrupted model goes on where it was, file by file", async () => {
  const [first = new Uint8Array(), second = new Uint8Array()] = shards;
  store.files.set(sha256Of(first), first);
  store.files.set(`${sha256Of(second)}.partial`, second.slice(0, 40_000));
  await expectPack(await open());
  expect(server.asked(".safetensors")).toEqual(["GET /model/painter-1.safetensors bytes=40000-"]);
});

describe("a checkpoint", () => {
  const configs = [
    "model_index.json",
    "vision_language_encoder/config.json",
    "vision_language_encoder/generation_config.json",
    "processor/preprocessor_config.json",
    "processor/tokenizer.json",
    "text_encoder/config.json",
    "transformer/config.json",
    "vae/config.json",
    "scheduler/scheduler_config.json",
  ];
  const weights = noise(30_000, 8);

  beforeEach(() => {
    server.files.clear();
    for (const path of configs) server.put(path, `{"is":"${path}"}`);
    server.put("vision_language_encoder/model.safetensors", weights);
    server.put("text_encoder/model.safetensors", weights);
    server.put("vae/diffusion_pytorch_model.safetensors", weights);
    const map = {
      a: "diffusion_pytorch_model-00001.safetensors",
      b: "diffusion_pytorch_model-00002.safetensors",
      c: "diffusion_pytorch_model-00001.safetensors",
    };
    server.put("transformer/diffusion_pytorch_model.safetensors.index.json", JSON.stringify({ weight_map: map }));
    server.put("transformer/diffusion_pytorch_model-00001.safetensors", weights);
    server.put("transformer/diffusion_pytorch_model-00002.safetensors", weights);
  });

  test("is fetched by what the engine reads", async () => {
    const source = await open();
    for (const path of configs) expect(await source.size(path)).toBe(`{"is":"${path}"}`.length);
    expect(await source.size("transformer/diffusion_pytorch_model-00002.safetensors")).toBe(30_000);
    expect(await source.size("transformer/diffusion_pytorch_model.safetensors")).toBeUndefined();
    expect(await source.read("vae/diffusion_pytorch_model.safetensors", 7, 70)).toEqual(weights.slice(7, 70));
    await open("never");
  });

  test("of a variant is fetched, where the plain files are missing", async () => {
    const rename = (from: string, to: string): void => {
      const bytes = server.files.get(`/model/${from}`) ?? new Uint8Array();
      server.files.delete(`/model/${from}`);
      server.put(to, bytes);
    };
    rename("vae/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.fp16.safetensors");
    rename("text_encoder/model.safetensors", "text_encoder/model.bf16.safetensors");
    const folder = "transformer/diffusion_pytorch_model";
    rename(`${folder}.safetensors.index.json`, `${folder}.safetensors.index.fp16.json`);
    const source = await open();
    expect(await source.size("vae/diffusion_pytorch_model.fp16.safetensors")).toBe(30_000);
    expect(await source.size("text_encoder/model.bf16.safetensors")).toBe(30_000);
    expect(await source.size(`${folder}-00002.safetensors`)).toBe(30_000);

    server.files.delete("/model/text_encoder/model.bf16.safetensors");
    const missing = { message: expect.stringMatching(/nor one of a variant/) as unknown };
    await expect(open("fresh", new MemoryStore())).rejects.toMatchObject(missing);
  });

  test("is fetched with its card, if it has one", async () => {
    expect(await (await open()).size("atelier.json")).toBeUndefined();
    server.tag = '"2"';
    server.put("atelier.json", '{"name":"m"}');
    const source = await open();
    expect(new TextDecoder().decode(await source.read("atelier.json", 0, 12))).toBe('{"name":"m"}');
  });

  test("of another version is fetched again", async () => {
    await open();
    server.tag = '"2"';
    server.put("vae/config.json", '{"is":"vae/config.jsoN"}');
    const source = await open();
    expect(new TextDecoder().decode(await source.read("vae/config.json", 0, 24))).toContain("jsoN");
  });

  test("on a server that does not say sizes", async () => {
    server.silent = true;
    expect(await (await open()).size("vae/diffusion_pytorch_model.safetensors")).toBe(30_000);
  });

  test("misses a file", async () => {
    server.files.delete("/model/vae/config.json");
    await expect(open()).rejects.toMatchObject({ code: "bad-file", file: "vae/config.json" });
  });

  test("misses weights", async () => {
    server.files.delete("/model/text_encoder/model.safetensors");
    await expect(open()).rejects.toMatchObject({ code: "bad-file", file: "text_encoder/model.safetensors" });
  });

  test("is not taken for one where a server answers everything with its page", async () => {
    server.files.clear();
    server.pages = true;
    await expect(open()).rejects.toMatchObject({
      code: "bad-file",
      message: expect.stringContaining("no model found"),
    });
  });
});

describe("where nothing can be kept", () => {
  test("ranges are read from the server, and small files held", async () => {
    server.put("painter-1.safetensors", shards[1] ?? "");
    const large = noise(5 << 20, 11);
    putPack([large]);
    server.requests.length = 0;
    const source = await openRemoteWithout();
    expect(await source.read("painter-0.safetensors", 100, 200)).toEqual(large.slice(100, 200));
    expect(await source.read("processor/tokenizer.json", 5, 10)).toEqual(tokenizer.slice(5, 10));
    expect(await source.read("processor/tokenizer.json", 50, 60)).toEqual(tokenizer.slice(50, 60));
    expect(server.requests).toEqual([
      "GET /model/pack.json",
      "GET /model/painter-0.safetensors bytes=100-199",
      "GET /model/processor/tokenizer.json bytes=0-2999",
    ]);
  });

  test("a connection that breaks is no reason to fail", async () => {
    const large = noise(5 << 20, 11);
    putPack([large]);
    const source = await openRemoteWithout();
    server.cuts = [10];
    server.answers = [503, 500];
    expect(await source.read("painter-0.safetensors", 100, 200)).toEqual(large.slice(100, 200));
    server.answers = [503, 503, 503, 503];
    await expect(source.read("painter-0.safetensors", 100, 200)).rejects.toMatchObject({ code: "network" });
  });

  test("a server without ranges is refused before a shard is fetched whole", async () => {
    putPack([noise(5 << 20, 11)]);
    server.ranges = false;
    const source = await openRemoteWithout();
    await expect(source.read("painter-0.safetensors", 100, 200)).rejects.toMatchObject({ code: "network" });
  });

  test("and no request may be made", async () => {
    await expect(openRemoteWithout("never")).rejects.toMatchObject({ code: "network" });
  });

  function openRemoteWithout(requests: Requests = "fresh"): Promise<OpenSource> {
    const means: RemoteMeans = {
      store: undefined,
      room: async () => undefined,
      fetch: (url, init) => fetch(url, init),
      hasher: nodeHasher,
      wait: async () => {},
    };
    return openRemote({ url: server.url, key: "k", requests }, means, (event) => events.push(event), never);
  }
});
