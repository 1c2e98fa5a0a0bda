import { afterEach, expect, test, vi } from "vitest";
import { createEngine, isSupported } from "./index.js";
import { AtelierError } from "./errors.js";
import { isCached, placeOf, storageReport } from "./storage.js";
import type { ModelSource } from "./types.js";

afterEach(() => vi.unstubAllGlobals());

function on(href: string): void {
  const { origin } = new URL(href.replace(/^blob:/, ""));
  vi.stubGlobal("location", { href, origin });
  vi.stubGlobal("origin", origin);
}

test("addresses are absolute, and folders end with a slash", () => {
  on("https://example.org/app/index.html?x#y");
  const url = (given: string | URL): unknown => placeOf({ url: given });
  expect(url("models/mini")).toEqual({ kind: "url", url: "https://example.org/app/models/mini/" });
  expect(url("/m/")).toEqual({ kind: "url", url: "https://example.org/m/" });
  expect(url(new URL("https://example.org/m?v=1#z"))).toEqual({ kind: "url", url: "https://example.org/m/" });
});

test("a worker of a blob knows only its origin", () => {
  on("blob:https://example.org/1234");
  expect(placeOf({ url: "models/mini/" })).toEqual({ kind: "url", url: "https://example.org/models/mini/" });
});

test("other servers are refused, and what is no address", () => {
  on("https://example.org/");
  for (const url of [
    "https://elsewhere.org/m/",
    "http://example.org/m/",
    "https://example.org:8443/m/",
    "//elsewhere.org/",
    "data:,x",
    "http://",
  ]) {
    expect(() => placeOf({ url })).toThrow(
      expect.objectContaining({ code: "bad-request", message: expect.stringContaining("source.url") }),
    );
  }
});

test("another server is allowed for a pack whose manifest is known by its hash", () => {
  on("https://example.org/");
  const manifest = "0123456789abcdef".repeat(4);
  expect(placeOf({ url: "https://elsewhere.org/m", manifest })).toEqual({
    kind: "url",
    url: "https://elsewhere.org/m/",
    manifest,
  });
  for (const wrong of [manifest.slice(1), manifest.toUpperCase(), 7 as unknown as string]) {
    expect(() => placeOf({ url: "https://elsewhere.org/m", manifest: wrong })).toThrow(
      expect.objectContaining({ code: "bad-request", message: expect.stringContaining("source.manifest") }),
    );
  }
  // No server at all.
  expect(() => placeOf({ url: "data:text/plain,x", manifest })).toThrow(AtelierError);
});

test("files with an address each: absolute, complete enough to begin, known by the manifest", () => {
  on("https://example.org/app/");
  const manifest = "0123456789abcdef".repeat(4);
  const urls = { "pack.json": "assets/pack-1.json", "a/b.safetensors": new URL("https://cdn.example/b-2.bin") };
  expect(placeOf({ urls, manifest, name: "m" })).toEqual({
    kind: "url",
    url: `sha256:${manifest}`,
    manifest,
    addresses: {
      "pack.json": "https://example.org/app/assets/pack-1.json",
      "a/b.safetensors": "https://cdn.example/b-2.bin",
    },
  });
  for (const [source, field] of [
    [{ urls: { ...urls, "pack.json": "http://" }, manifest }, "source.urls: pack.json"],
    [{ urls: { ...urls, "pack.json": "file:///pack.json" }, manifest }, "source.urls: pack.json"],
    [{ urls: {}, manifest }, "source.urls"],
    [{ urls: null, manifest }, "source.urls"],
    [{ urls }, "source.manifest"],
  ] as unknown as [ModelSource, string][]) {
    expect(() => placeOf(source)).toThrow(
      expect.objectContaining({ code: "bad-request", message: expect.stringContaining(`${field}: expected`) }),
    );
  }
});

test("on a server that only renders the page, everything is answered and nothing thrown but errors of ours", async () => {
  for (const navigator of [undefined, { userAgent: "Node.js/22" }]) {
    vi.stubGlobal("navigator", navigator);
    expect(await isSupported()).toMatchObject({ supported: false, code: "no-webgpu" });
    await expect(createEngine({ url: "models/mini/" })).rejects.toMatchObject({
      name: "AtelierError",
      code: "no-webgpu",
    });
    await expect(isCached({ url: "models/mini/" })).rejects.toMatchObject({
      name: "AtelierError",
      code: "bad-request",
    });
    await expect(storageReport({ url: "models/mini/" })).rejects.toMatchObject({ name: "AtelierError" });
  }
});

test("picked files need no room", async () => {
  const files = new Map([
    ["a", new Blob(["123"])],
    ["b", new Blob(["4"])],
  ]);
  expect(await storageReport({ files })).toMatchObject({ needed: 4, cached: 4 });
});
