/** The CPU's engine: pictures where there is no graphics card, and the reason on the page. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Browser, Page, Worker } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { complaints, DIST, engineOf, launch, openPage, PATIENCE } from "./browser.ts";
import { decodePng } from "./png.ts";
import { FileServer } from "./server.ts";
import {
  cancelButton,
  detail,
  fill,
  finished,
  generateButton,
  MINI,
  openBlueprint,
  paint,
  PROMPT,
  savedBlueprint,
  savedPng,
} from "./studio.ts";

/** The program, as `cargo xtask test` builds it. */
const program = process.env["ATELIER_PROGRAM"];

let server: FileServer;
let plain: Browser;

beforeAll(async () => {
  server = await FileServer.start(DIST);
  plain = await launch({ webgpu: false });
});

afterAll(async () => {
  await plain.close();
  await server.close();
});

/** What the engine's worker leaves in reach for those who debug it. */
declare const atelierDevice: GPUDevice;

const engineHint = (page: Page) => page.locator("#engine-hint");

/** A tab of a browser that has no WebGPU at all. */
async function withoutWebGpu(): Promise<Page> {
  const context = await plain.newContext();
  await context.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, "gpu"));
  const page = await context.newPage();
  await page.goto(server.url);
  return page;
}

/** The engines that were fetched. */
function fetchedEngines(page: Page): string[] {
  const found: string[] = [];
  page.on("request", (request) => {
    const name = /atelier_web\w*_bg/.exec(request.url())?.[0];
    if (name) found.push(name);
  });
  return found;
}

/** Seconds that the program takes for the whole picture on the CPU, and its PNG. */
function native(size: number, seed: number): { seconds: number; png: Buffer; blueprint: unknown } {
  if (!program) throw new Error("ATELIER_PROGRAM: expected the path of `atelier`, found nothing");
  const folder = mkdtempSync(join(tmpdir(), "atelier-cpu-"));
  const [png, blueprint] = [join(folder, "a.png"), join(folder, "a.json")];
  const wish = ["-W", String(size), "-H", String(size), "-s", String(seed), "--model", MINI, "--device", "cpu", "-q"];
  try {
    const begun = performance.now();
    execFileSync(program, ["generate", PROMPT, ...wish, "-o", png, "--save-blueprint", blueprint]);
    const seconds = (performance.now() - begun) / 1000;
    return { seconds, png: readFileSync(png), blueprint: JSON.parse(readFileSync(blueprint, "utf8")) };
  } finally {
    rmSync(dirname(png), { recursive: true });
  }
}

test("without WebGPU the same picture is made as by the program, not much slower, and the page says why", async () => {
  const page = await withoutWebGpu();
  const problems = complaints(page);
  await expect.poll(() => engineHint(page).innerText()).toContain("the processor, as this browser has no WebGPU");
  await fill(page, { size: 512, seed: 5, steps: 6 });
  await paint(page);
  // The model is fetched and checked by now, as the program's is.
  await fill(page, { size: 512, seed: 6, steps: 6 });
  const begun = performance.now();
  await paint(page);
  const seconds = (performance.now() - begun) / 1000;
  const there = native(512, 6);
  const [ours, theirs] = [decodePng(await savedPng(page)), decodePng(there.png)];
  const apart = ours.pixels.reduce((most, value, at) => Math.max(most, Math.abs(value - theirs.pixels[at]!)), 0);
  console.log(
    `on the CPU in the tab: ${seconds.toFixed(1)} s for a picture of 512 pixels, ${(seconds / there.seconds).toFixed(2)} ` +
      `times the program's; at most ${apart} grey levels apart`,
  );
  expect(await savedBlueprint(page)).toEqual(there.blueprint);
  expect(apart).toBeLessThanOrEqual(1);
  // The aim is six; far enough above it that a busy machine passes.
  expect(seconds / there.seconds).toBeLessThan(9);
  expect(problems).toEqual([]);
  await page.context().close();
});

test("a run on the CPU stops within half a second, while a code is written and in a step", async () => {
  const page = await withoutWebGpu();
  await fill(page, { size: 1024, seed: 1, steps: 4 });
  for (const stage of [/^The architect (sketches|plans)/, /^The painter paints/]) {
    await generateButton(page).click();
    await expect.poll(() => detail(page).innerText(), { timeout: 60_000 }).toMatch(stage);
    const begun = performance.now();
    await cancelButton(page).click();
    await cancelButton(page).waitFor({ state: "hidden" });
    const seconds = (performance.now() - begun) / 1000;
    console.log(`stopped after ${seconds.toFixed(2)} s in ${stage}`);
    expect(seconds).toBeLessThan(1);
    await openBlueprint(page, 4, 512);
  }
  await page.context().close();
});

test("an adapter in software is left alone unless it is asked for, and only the engine in use is fetched", async () => {
  const browser = await launch();
  const context = await browser.newContext();
  const page = await context.newPage();
  const engines = fetchedEngines(page);
  await page.goto(server.url);
  await expect.poll(() => engineHint(page).innerText()).toContain("faster than the graphics card");
  await openBlueprint(page, 1);
  await paint(page);
  expect(new Set(engines)).toEqual(new Set(["atelier_web_cpu_bg"]));

  await page.getByLabel("Pictures are made on").selectOption("gpu");
  await paint(page);
  await expect.poll(() => engineHint(page).innerText()).toBe("Now: the graphics card.");
  expect(engines).toContain("atelier_web_bg");
  // The choice is found again.
  await page.reload();
  await expect.poll(() => engineHint(page).innerText()).toBe("Now: the graphics card.");
  expect(await page.getByLabel("Pictures are made on").inputValue()).toBe("gpu");
  await browser.close();
});

test("a device that is lost twice leaves the run to the CPU", async () => {
  const browser = await launch();
  const page = await openPage(browser, server.url);
  await openBlueprint(page, 20);
  const atWork = () =>
    detail(page)
      .filter({ hasText: /^The painter paints/ })
      .waitFor({ timeout: PATIENCE });
  await generateButton(page).click();
  let before: Worker | undefined;
  for (let times = 0; times < 2; times += 1) {
    await expect.poll(async () => (await engineOf(page)) !== before, { timeout: PATIENCE }).toBe(true);
    await atWork();
    before = await engineOf(page);
    await before.evaluate(() => atelierDevice.destroy());
  }
  await finished(page);
  expect(await engineHint(page).innerText()).toContain("went away twice");
  await browser.close();
});
