/** What is there at the next visit, what the user may choose not to keep, and new versions of the page and its model. */

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DIST, launch, openIn, openPage, PATIENCE } from "./browser.ts";
import { FileServer } from "./server.ts";
import { anyBlueprint, generateButton, openBlueprint, paint, promptBox, savedPng } from "./studio.ts";

let server: FileServer;
let browser: Browser;

beforeAll(async () => {
  server = await FileServer.start(DIST);
  browser = await launch();
});

afterAll(async () => {
  await browser.close();
  await server.close();
});

test("pictures, prompt and settings are there again, unless the user wants nothing kept", async () => {
  const page = await openPage(browser, server.url);
  await openBlueprint(page, 1);
  await paint(page);
  const png = await savedPng(page);
  await page.getByRole("button", { name: "Close blueprint" }).click();
  await promptBox(page).fill("A sign with 'BACK' and it's");
  await page.getByText("Will be spelled: “BACK”").waitFor();
  await page.getByText("The apostrophe of it's counts").waitFor();
  await page.getByRole("textbox", { name: "Seed" }).fill("77");
  await page.reload();
  await page.locator("#gallery-list .thumb").waitFor();
  expect(await promptBox(page).inputValue()).toBe("A sign with 'BACK' and it's");
  expect(await page.getByRole("textbox", { name: "Seed" }).inputValue()).toBe("77");
  await page.locator("#gallery-list .thumb").click();
  expect((await savedPng(page)).equals(png)).toBe(true);

  await page.getByLabel("Keep pictures, prompt and settings").uncheck();
  await page.getByText("Stored in this tab only").waitFor();
  await page.reload();
  await page.getByText("mini is on this device.").waitFor();
  expect(await promptBox(page).inputValue()).toBe("");
  expect(await page.locator("#gallery-list li").count()).toBe(0);
  expect(await page.getByLabel("Keep pictures, prompt and settings").isChecked()).toBe(false);
  await page.context().close();
});

test("a chosen model is chosen again", async () => {
  const page = await openPage(browser, server.url);
  await page.locator("input[value=url]").check();
  await page.getByLabel("Address", { exact: true }).fill("models/other/");
  await page.getByLabel("Address", { exact: true }).blur();
  await page.reload();
  await expect.poll(() => page.locator("input[value=url]").isChecked()).toBe(true);
  expect(await page.getByLabel("Address", { exact: true }).inputValue()).toBe("models/other/");
  await page.context().close();
});

test("300 pictures in the gallery stay quick", async () => {
  const page = await openPage(browser, server.url);
  await page.getByText("The first picture downloads mini once").waitFor();
  const blueprint = anyBlueprint();
  const record = { format: "atelier-run/1", version: "0", model: "mini", device: "", blueprint, image: 0, images: 1 };
  await page.evaluate(
    async ({ blueprint, record }) => {
      const canvas = new OffscreenCanvas(1024, 1024);
      const context = canvas.getContext("2d");
      const opening = indexedDB.open("atelier", 1);
      const db = await new Promise<IDBDatabase>((resolve) => (opening.onsuccess = () => resolve(opening.result)));
      context?.fillRect(10, 10, 500, 500);
      const png = await canvas.convertToBlob();
      const pictures = [];
      for (let seed = 0; seed < 300; seed += 1) {
        const paint = { steps: 2, guidance: 1.5, seed };
        const small = new OffscreenCanvas(320, 320);
        small.getContext("2d")?.fillRect(0, 0, seed, seed);
        const thumb = await small.convertToBlob({ type: "image/webp" });
        pictures.push({ png, thumb, blueprint, record: { ...record, paint }, images: [] });
      }
      const writing = db.transaction("pictures", "readwrite");
      for (const picture of pictures) writing.objectStore("pictures").add(picture);
      await new Promise((resolve, reject) => {
        writing.oncomplete = resolve;
        writing.onabort = () => reject(writing.error);
      });
      db.close();
    },
    { blueprint, record },
  );
  await page.reload();
  await expect.poll(() => page.locator("#gallery-list li").count(), { timeout: PATIENCE }).toBe(300);
  const blob = () => page.evaluate(() => document.querySelectorAll("#gallery-list img").length);
  expect(await blob()).toBe(300);
  // Choosing one makes no other picture anew, and of whole pictures one at most is held.
  const spent = await page.evaluate(async () => {
    const thumbs = [...document.querySelectorAll<HTMLElement>("#gallery-list .thumb")];
    const before = thumbs.map((thumb) => thumb.querySelector("img"));
    const begun = performance.now();
    for (const thumb of thumbs.slice(0, 20)) thumb.click();
    // Laid out as well.
    document.body.getBoundingClientRect();
    const spent = performance.now() - begun;
    const after = [...document.querySelectorAll("#gallery-list img")];
    if (!before.every((image, index) => image === after[index])) throw new Error("pictures were made anew");
    return spent;
  });
  expect(spent).toBeLessThan(2000);
  await page.getByRole("button", { name: "Remove all", exact: true }).click();
  expect(await page.locator("#gallery-list li").count()).toBe(0);
  await page.context().close();
});

test("an old page does not meet a newer model; a new version waits for its user", async () => {
  const root = mkdtempSync(join(tmpdir(), "atelier-page-"));
  cpSync(DIST, root, { recursive: true });
  const site = await FileServer.start(root);
  try {
    const page = await openPage(browser, site.url);
    await page.evaluate(() => navigator.serviceWorker.ready);
    // A new version of everything: of the model, in a format that only it reads, and of the page.
    const change = (path: string, from: string, to: string) => {
      const text = readFileSync(join(root, path), "utf8");
      expect(text).toContain(from);
      writeFileSync(join(root, path), text.replaceAll(from, to));
    };
    change("models/mini/pack.json", "atelier-pack-1", "atelier-pack-2");
    change("index.html", ">Atelier: pictures", ">Newer Atelier: pictures");
    const version = /"version":"([0-9a-f]{16})"|version:[`"']([0-9a-f]{16})/.exec(
      readFileSync(join(root, "sw.js"), "utf8"),
    );
    const old = version?.[1] ?? version?.[2] ?? "";
    change("sw.js", old, "0123456789abcdef");
    const before = site.asked.length;
    const next = await openIn(page.context(), site.url);
    await openBlueprint(next, 1);
    await generateButton(next).click();
    await next.getByText("of different versions").waitFor({ timeout: PATIENCE });
    expect(site.asked.slice(before).filter(({ url }) => url.endsWith(".safetensors"))).toEqual([]);
    await next.getByText("A new version of this page is ready.").waitFor({ timeout: PATIENCE });
    expect(await next.evaluate(async () => (await (await fetch("./")).text()).includes("Newer"))).toBe(false);
    await next.getByRole("button", { name: "Load it now" }).click();
    await expect
      .poll(() => next.evaluate(async () => (await (await fetch("./")).text()).includes("Newer")).catch(() => false), {
        timeout: PATIENCE,
      })
      .toBe(true);
    await page.context().close();
  } finally {
    await site.close();
    rmSync(root, { recursive: true });
  }
});
