/** The package as others get it, without the page: what only its API can do. */

import { resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, openPage } from "./browser.ts";
import type { Blueprint, RunPlan } from "../src/types.ts";
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

test("what comes before a picture: a plan, a blueprint alone; and what is held between runs is freed", async () => {
  const found = await page.evaluate(`(async () => {
    const { createEngine } = await import("/lib/index.js");
    const engine = await createEngine({ url: "/dist/models/mini/" }, { engine: "cpu" });
    const request = { prompt: "A red card with 'HI'", width: 64, height: 64, seed: 5 };
    const small = await engine.plan(request);
    const large = await engine.plan({ ...request, width: 512, height: 512 });
    const refused = await engine.plan({ ...request, width: 65 }).catch(({ code }) => code);
    const run = engine.writeBlueprint(request);
    const names = [];
    for await (const { event } of run) if (names.at(-1) !== event) names.push(event);
    const written = await run.result;
    await engine.release();
    const painted = await engine.generate({ blueprint: written, steps: 1 }).result;
    const whole = await engine.generate({ ...request, steps: 1 }).result;
    await engine[Symbol.asyncDispose]();
    const late = await engine.plan(request).catch(({ code }) => code);
    return { small, large, refused, names, written, painted: painted.blueprint, whole: whole.blueprint, late };
  })()`);
  const { small, large, refused, names, written, painted, whole, late } = found as {
    readonly small: RunPlan;
    readonly large: RunPlan;
    readonly refused: string;
    readonly names: string[];
    readonly written: Blueprint;
    readonly painted: Blueprint;
    readonly whole: Blueprint;
    readonly late: string;
  };
  expect(small.stages.map(({ stage }) => stage)).toEqual(["architect", "painter", "decoder"]);
  expect(small.peak).toBe(Math.max(...small.stages.map(({ peak }) => peak)));
  for (const [at, { weights, peak }] of small.stages.entries()) {
    expect(weights).toBeGreaterThan(1_000_000);
    expect(peak).toBeGreaterThan(weights);
    expect(large.stages[at]?.peak).toBeGreaterThan(peak);
  }
  expect([refused, late]).toEqual(["bad-request", "engine-gone"]);
  expect(names.filter((name) => name.startsWith("blueprint"))).toEqual(["blueprint-token", "blueprint"]);
  expect(names).not.toContain("step");
  // It is the one that a whole run writes, and it is painted as it is.
  expect(written).toEqual(whole);
  expect(painted).toEqual(written);
});

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
