/** The device goes away, the engine crashes, memory runs out, tabs are two or hidden, a model is picked. */

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page, Worker } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DIST, engineOf, launch, openPage, PATIENCE } from "./browser.ts";
import { FileServer } from "./server.ts";
import { detail, finished, generateButton, message, MINI, openBlueprint, paint, savedBlueprint } from "./studio.ts";

let server: FileServer;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  server = await FileServer.start(DIST);
  browser = await launch();
  page = await openPage(browser, server.url);
});

afterAll(async () => {
  await browser.close();
  await server.close();
});

/** What the engine's worker leaves in reach for those who debug it. */
declare const atelierDevice: GPUDevice;
declare const atelierPanic: (message: string) => void;

const lose = (worker: Worker) => worker.evaluate(() => atelierDevice.destroy());

/** Waits for the painter's first step, when the device is at work. */
async function atWork(): Promise<Worker> {
  await detail(page)
    .filter({ hasText: /^The painter paints/ })
    .waitFor({ timeout: PATIENCE });
  return engineOf(page);
}

/** Starts a run that is long enough to be disturbed. */
async function begin(): Promise<void> {
  await openBlueprint(page, 20);
  await generateButton(page).click();
}

test("a device that is lost once: the run begins again from its blueprint and ends well", async () => {
  await begin();
  const worker = await atWork();
  // What is in use cannot be removed.
  const remove = page.getByRole("button", { name: "Remove mini from this device" });
  expect(await remove.isDisabled()).toBe(true);
  await lose(worker);
  await page.getByText("Interrupted:").first().waitFor();
  await finished(page);
  await expect.poll(() => remove.isEnabled(), { timeout: PATIENCE }).toBe(true);
  expect((await savedBlueprint(page)).large.ids).toEqual([10, 11, 12, 13]);
});

test("a device that is lost twice is a message where the GPU was asked for, and the next run works", async () => {
  await page.getByLabel("Pictures are made on").selectOption("gpu");
  await begin();
  const first = await atWork();
  await lose(first);
  await page.getByText("Interrupted:").first().waitFor();
  await expect.poll(async () => (await engineOf(page)) !== first, { timeout: PATIENCE }).toBe(true);
  await lose(await atWork());
  await message(page).waitFor({ timeout: PATIENCE });
  expect(await message(page).innerText()).toContain("The graphics device was lost twice");
});

test("memory that runs out is named", async () => {
  await begin();
  const worker = await atWork();
  await worker.evaluate(() => {
    const error = new GPUOutOfMemoryError("no room");
    atelierDevice.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error }));
  });
  await message(page).waitFor({ timeout: PATIENCE });
  expect(await message(page).innerText()).toContain("Out of memory");
});

test("an engine that crashes is a message, and a new one is made without loading the page anew", async () => {
  await begin();
  const worker = await atWork();
  await worker.evaluate(() => atelierPanic("a test's panic"));
  await message(page).waitFor({ timeout: PATIENCE });
  expect(await message(page).innerText()).toContain("The engine stopped");
  expect(await message(page).innerText()).toContain("a test's panic");
  await openBlueprint(page);
  await paint(page);
});

test("a second tab, and a tab that is hidden, which has no frames", async () => {
  const hidden = await page.context().newPage();
  await hidden.addInitScript(() => {
    Object.defineProperty(Document.prototype, "visibilityState", { get: () => "hidden" });
    window.requestAnimationFrame = () => 0;
  });
  await hidden.goto(server.url);
  await openBlueprint(page);
  await openBlueprint(hidden);
  await Promise.all([paint(page), paint(hidden)]);
  await hidden.close();
});

test("a folder that the user picks is a model, and stays where it is", async () => {
  const picker = await openPage(browser, server.url);
  await picker.locator("input[value=files]").check();
  await picker.locator("#folder-input").setInputFiles(MINI);
  const files = readdirSync(MINI, { recursive: true }).filter((name) => statSync(join(MINI, String(name))).isFile());
  await picker.getByText(`mini: ${files.length} files`).waitFor();
  await openBlueprint(picker);
  await paint(picker);
  expect(server.asked.filter(({ method }) => method !== "GET")).toEqual([]);
  const kept = await picker.evaluate(async () => {
    const names = [];
    for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name);
    return names;
  });
  // Not the files: what is known of them.
  expect(kept).toEqual(["atelier-picked"]);
  await picker.locator("input[value=mini]").check();
  await picker.context().close();
});
