/** From a prompt to a PNG with the built-in model, and stopping on the way. */

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { complaints, DIST, engineOf, launch, openPage } from "./browser.ts";
import { decodePng } from "./png.ts";
import { FileServer } from "./server.ts";
import {
  cancelButton,
  detail,
  fill,
  finished,
  generateButton,
  openBlueprint,
  openFile,
  paint,
  picture,
  promptBox,
  reached,
  savedBlueprint,
  savedPng,
} from "./studio.ts";

let server: FileServer;
let browser: Browser;
let page: Page;
let problems: string[];

beforeAll(async () => {
  server = await FileServer.start(DIST);
  browser = await launch();
  // With no more than every adapter has: what runs so runs everywhere. `native.test.ts` runs with all that there is.
  page = await openPage(browser, `${server.url}?limits=default`);
  problems = complaints(page);
});

afterAll(async () => {
  await browser.close();
  await server.close();
});

/** Seconds until something is seen. */
async function seconds(wait: () => Promise<unknown>): Promise<string> {
  const begun = performance.now();
  await wait();
  return ((performance.now() - begun) / 1000).toFixed(1);
}

/** What the engine's worker leaves in reach for those who debug it. */
declare const atelierDevice: GPUDevice;

/** The first test's picture, for the tests after it. */
let png: Buffer;

test("from a prompt to a PNG with its settings inside", async () => {
  await fill(page, { size: 128, seed: 7, steps: 3 });
  const cold = await seconds(async () => {
    await generateButton(page).click();
    await reached(page, /^The architect sketches/);
  });
  expect(await page.getByRole("img", { name: /^Blueprint: \d+ of 256/ }).isVisible()).toBe(true);
  await finished(page);
  const speeds = await page.locator(".speed").allInnerTexts();
  console.log(`in the tab: ${speeds.filter(Boolean).join(", ")}; first code ${cold} s after a cold start`);

  png = await savedPng(page);
  const { width, height, pixels, texts } = decodePng(png);
  expect([width, height]).toEqual([128, 128]);
  expect(new Set(pixels).size).toBeGreaterThan(20);
  const prompt = await promptBox(page).inputValue();
  expect(texts.get("parameters")).toContain(`${prompt}\nSteps: 3, `);
  const record = JSON.parse(texts.get("atelier") ?? "");
  expect(record).toMatchObject({ format: "atelier-run/1", model: "mini", paint: { steps: 3, seed: 7 } });
  expect(record.blueprint).toMatchObject({
    prompt,
    seed: 7,
    draft: { rows: 16, columns: 16 },
    large: { rows: 4, columns: 4 },
  });
  expect(await savedBlueprint(page)).toEqual(record.blueprint);
  const limits = await (await engineOf(page)).evaluate(() => [
    atelierDevice.limits.maxStorageBuffersPerShaderStage,
    atelierDevice.limits.maxComputeWorkgroupStorageSize,
    atelierDevice.limits.maxComputeInvocationsPerWorkgroup,
    atelierDevice.limits.maxStorageBufferBindingSize,
  ]);
  expect(limits).toEqual([8, 16384, 256, 134217728]);
  expect(problems).toEqual([]);
});

test("the same blueprint paints again with another seed, and the gallery keeps both", async () => {
  const blueprint = await savedBlueprint(page);
  await page.getByRole("button", { name: "Same layout, new paint" }).click();
  await cancelButton(page).waitFor();
  await finished(page);
  expect(await savedBlueprint(page)).toEqual(blueprint);
  const record = JSON.parse(decodePng(await savedPng(page)).texts.get("atelier") ?? "");
  expect(record.paint.seed).not.toBe(7);
  const thumbs = page.getByRole("button", { name: /^Show/ });
  expect(await thumbs.count()).toBe(2);
  await thumbs.last().click();
  expect(await savedPng(page)).toEqual(png);
  const address = (await picture(page).getAttribute("src")) ?? "";
  const load = (address: string) =>
    Object.assign(new Image(), { src: address })
      .decode()
      .then(
        () => "there",
        () => "given back",
      );
  expect(await page.evaluate(load, address)).toBe("there");
  await page.getByRole("button", { name: /^Remove “.*seed 7$/ }).click();
  expect(await thumbs.count()).toBe(1);
  expect(await page.evaluate(load, address)).toBe("given back");
  // The browser complains of that last try.
  problems.splice(0);
});

test("a PNG of ours brings its settings back", async () => {
  const fresh = await openPage(browser, server.url);
  await openFile(fresh, "mine.png", "image/png", png);
  await fresh.getByText("Restored the settings of mine.png.").waitFor();
  const value = (name: string) => fresh.getByRole("textbox", { name, exact: true }).inputValue();
  expect(await promptBox(fresh).inputValue()).toContain("'CANDY'");
  expect([await value("Width"), await value("Height"), await value("Steps"), await value("Seed")]).toEqual([
    "128",
    "128",
    "3",
    "7",
  ]);
  await fresh.context().close();
});

test("cancelling stops within a token or step, and the page goes on from there", async () => {
  await fill(page, { seed: 8 });
  const first = await seconds(async () => {
    await generateButton(page).click();
    await reached(page, /^The architect sketches/);
  });
  const before = await detail(page).innerText();
  await page.keyboard.press("Escape");
  const stopping = await seconds(() => detail(page).filter({ hasText: "Cancelled." }).waitFor());
  console.log(`first code ${first} s after a warm start; stopped ${stopping} s after Escape (${before})`);
  await expect.poll(() => generateButton(page).isEnabled()).toBe(true);
  // What was there before is there again.
  expect(await picture(page).isVisible()).toBe(true);

  await openBlueprint(page, 20);
  await generateButton(page).click();
  await reached(page, /^The painter paints: /);
  await cancelButton(page).click();
  await detail(page).filter({ hasText: "Cancelled." }).waitFor();

  await openBlueprint(page, 2);
  await paint(page);
  expect(problems).toEqual([]);
});

test("a picture to start from is read, and its blueprint has no draft", async () => {
  const fresh = await openPage(browser, server.url);
  const photo = await fresh.screenshot({ clip: { x: 0, y: 0, width: 64, height: 64 } });
  await openFile(fresh, "photo.png", "image/png", photo);
  await fresh.getByRole("img", { name: "photo.png" }).waitFor();
  // Steps enough that there is still something to cancel.
  await fill(fresh, { size: 256, steps: 20 });
  await generateButton(fresh).click();
  const said = await reached(fresh, /^The architect plans the layout: \d+ of 64 cells/);
  expect(said.filter((line) => line.startsWith("The architect sketches"))).toEqual([]);
  await cancelButton(fresh).click();
  await detail(fresh).filter({ hasText: "Cancelled." }).waitFor();
  await fresh.context().close();
});
