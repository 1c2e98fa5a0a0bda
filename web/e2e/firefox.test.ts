/** The page's main journey in Firefox: type, generate, save, come back and find the picture. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Browser, Page } from "puppeteer-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DIST, PATIENCE } from "./browser.ts";
import { launchFirefox } from "./firefox.ts";
import { decodePng } from "./png.ts";
import { FileServer } from "./server.ts";

let server: FileServer;
let browser: Browser;
let page: Page;
let downloads: string;
const problems: string[] = [];

beforeAll(async () => {
  server = await FileServer.start(DIST);
  downloads = mkdtempSync(join(tmpdir(), "atelier-firefox-"));
  browser = await launchFirefox(downloads);
  page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.goto(server.url);
});

afterAll(async () => {
  await browser.close();
  await server.close();
  rmSync(downloads, { recursive: true });
});

/** The text of an element, once it matches. */
async function said(selector: string, pattern: RegExp): Promise<string> {
  const wanted = [selector, pattern.source] as const;
  const found = await page.waitForFunction(
    (selector, source) => {
      const text = document.querySelector(selector)?.textContent ?? "";
      return new RegExp(source).test(text) ? text : undefined;
    },
    { timeout: PATIENCE },
    ...wanted,
  );
  return String(await found.jsonValue());
}

/** The bytes of the picture that "Save PNG" saves. */
async function savedPng(): Promise<Buffer> {
  await page.evaluate(() => document.querySelector<HTMLAnchorElement>("a[download$='.png']")?.click());
  for (const until = performance.now() + PATIENCE; performance.now() < until; await setTimeout(50)) {
    // What is still being written has another name beside it.
    const names = readdirSync(downloads);
    const name = names.find((name) => name.endsWith(".png"));
    if (name && names.length === 1) return readFileSync(join(downloads, name));
  }
  throw new Error(`no picture was saved, but ${readdirSync(downloads).join(", ") || "nothing"}`);
}

/** In the page: whether there are so many pictures, or something went wrong. */
function made(count: number): boolean {
  const message = document.querySelector<HTMLElement>("#message");
  if (message && !message.hidden) throw new Error(`the page says: ${message.innerText}`);
  return document.querySelectorAll("#gallery-list li").length === count;
}

test("a newcomer's journey", async () => {
  await said("#engine-hint", /^Now: /);
  await page.type("#prompt", "A navy sign with 'OPEN' in white");
  await page.click("#generate");
  await page.waitForFunction(made, { timeout: PATIENCE }, 1);
  const picture = decodePng(await savedPng());
  expect([picture.width, picture.height]).toEqual([512, 512]);
  // Letters on a ground: neither empty nor noise.
  const navy = countOf(picture.pixels, [0, 0, 128]);
  const white = countOf(picture.pixels, [255, 255, 255]);
  expect(navy).toBeGreaterThan(0.6);
  expect(white).toBeGreaterThan(0.005);
  expect(white).toBeLessThan(0.3);

  await page.reload();
  await page.waitForFunction(made, { timeout: PATIENCE }, 1);
  // The model is on this device: the second picture needs no server.
  await said("#storage-facts", /MB/);
  server.goAway();
  await page.click("#generate");
  await page.waitForFunction(made, { timeout: PATIENCE }, 2);
  expect(problems).toEqual([]);
});

/** The share of pixels near a colour. */
function countOf(pixels: ArrayLike<number>, colour: readonly number[]): number {
  const channels = pixels.length / (512 * 512);
  let near = 0;
  for (let at = 0; at < pixels.length; at += channels) {
    if (colour.every((value, channel) => Math.abs((pixels[at + channel] ?? 0) - value) < 40)) near += 1;
  }
  return near / (512 * 512);
}
