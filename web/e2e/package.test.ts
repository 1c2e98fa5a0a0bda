/** The package as others get it, without the page: what only its API can do. */

import { resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, openPage } from "./browser.ts";
import { FileServer } from "./server.ts";

let server: FileServer;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  server = await FileServer.start(resolve(import.meta.dirname, ".."));
  browser = await launch();
  // Any document of the server's will do.
  page = await openPage(browser, `${server.url}package.json`);
});

afterAll(async () => {
  await browser.close();
  await server.close();
});

interface Made {
  readonly names: string[];
  readonly seeds: number[];
  readonly sampling: object;
  readonly images: number[][];
  /** Sums of the pictures' bytes, which differ where the pictures do. */
  readonly pixels: number[];
  readonly sizes: number[][];
}

/** Runs a request in the page. A script of its own, as the test's would be bundled. */
async function generate(request: object): Promise<Made> {
  return page.evaluate(`(async () => {
    const { createEngine, readPicture } = await import("/lib/index.js");
    globalThis.engine ??= await createEngine({ url: "/dist/models/mini/" });
    const run = engine.generate(${JSON.stringify(request)});
    const names = [];
    for await (const { event } of run) if (names.at(-1) !== event) names.push(event);
    const pictures = await run.pictures;
    if (pictures[0] !== await run.result) throw new Error("the result is the first picture");
    const records = await Promise.all(pictures.map(({ png }) => readPicture(png)));
    const pixels = await Promise.all(pictures.map((picture) => picture.pixels()));
    return {
      names,
      seeds: records.map(({ paint }) => paint.seed),
      sampling: records[0].blueprint.sampling,
      images: records.map(({ image, images }) => [image, images]),
      pixels: pixels.map(({ data }) => data.reduce((sum, value, at) => (sum * 31 + value + at) % 2147483647, 0)),
      sizes: pixels.map(({ width, height, data }) => [width, height, data.length]),
    };
  })()`);
}

test("several pictures of one blueprint, each as soon as it is finished, and the second one alone", async () => {
  const request = { prompt: "A red card with 'HI'", width: 64, height: 64, steps: 2, topP: 0.5, topK: 20 };
  const both = await generate({ ...request, seed: 5, count: 2 });
  const names = both.names.filter((name) => !["download", "verify", "load", "warning"].includes(name));
  expect(names).toEqual([
    "blueprint-token",
    "blueprint",
    "step",
    "decode",
    "picture",
    "step",
    "decode",
    "picture",
    "done",
  ]);
  expect(both).toMatchObject({
    seeds: [5, 6],
    images: [
      [0, 2],
      [1, 2],
    ],
    sizes: [
      [64, 64, 16_384],
      [64, 64, 16_384],
    ],
  });
  expect(both.sampling).toMatchObject({ top_p: 0.5, top_k: 20 });
  expect(both.pixels[0]).not.toBe(both.pixels[1]);
  // The first one's seed, alone, is the same picture to the bit.
  const first = await generate({ ...request, seed: 5 });
  expect(first.pixels).toEqual([both.pixels[0]]);
});
