/** What is there at the next visit, what the user may choose not to keep, and new versions of the page and its model. */

import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DIST, launch, openIn, openPage, PATIENCE } from "./browser.ts";
import { FileServer } from "./server.ts";
import { anyBlueprint, generateButton, hashes, MINI, openBlueprint, paint, promptBox, savedPng } from "./studio.ts";

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

/** Paints at a new visit, and says whether files were hashed for it. */
async function hashesAgain(page: Page): Promise<boolean> {
  await page.goto(server.url);
  await openBlueprint(page, 1);
  return hashes(page);
}

/** In the page, while no engine is open: removes files of the model's folder. */
async function removeEnding(end: string): Promise<void> {
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle("atelier");
  for await (const folder of root.values()) {
    if (!(folder instanceof FileSystemDirectoryHandle)) continue;
    const names = [];
    for await (const name of folder.keys()) if (name.endsWith(end)) names.push(name);
    if (names.length === 0) throw new Error(`no file ends with ${end}`);
    for (const name of names) await folder.removeEntry(name);
  }
}

/** In the page: changes a byte of the model's file of this size. */
async function spoil(size: number): Promise<void> {
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle("atelier");
  let painter: { handle: FileSystemFileHandle; file: File } | undefined;
  for await (const folder of root.values()) {
    if (!(folder instanceof FileSystemDirectoryHandle)) continue;
    for await (const handle of folder.values()) {
      if (!(handle instanceof FileSystemFileHandle)) continue;
      const file = await handle.getFile();
      if (file.size === size) painter = { handle, file };
    }
  }
  if (!painter) throw new Error(`there is no file of ${size} bytes`);
  const position = painter.file.size >> 1;
  const [byte = 0] = new Uint8Array(await painter.file.slice(position, position + 1).arrayBuffer());
  const writable = await painter.handle.createWritable({ keepExistingData: true });
  await writable.write({ type: "write", position, data: Uint8Array.of(byte ^ 1) });
  await writable.close();
}

test("what was fetched is not hashed again, unless it was changed or its user wants it", async () => {
  const page = await openPage(browser, server.url);
  const shards = () => server.asked.filter(({ url }) => url.endsWith(".safetensors")).length;
  // Not after it was fetched, as that was hashed on the way; and not at the next visit.
  expect(await hashesAgain(page)).toBe(false);
  const fetched = shards();
  expect(await hashesAgain(page)).toBe(false);
  // Without its note everything is hashed, once.
  await page.goto(`${server.url}icon.svg`);
  await page.evaluate(removeEnding, ".checked");
  expect(await hashesAgain(page)).toBe(true);
  expect(await hashesAgain(page)).toBe(false);

  await page.goto(server.url);
  const check = page.getByRole("button", { name: "Check files of mini" });
  await check.click();
  await page.getByText("All files of mini are whole").waitFor();
  await page.goto(`${server.url}icon.svg`);
  await page.evaluate(spoil, statSync(join(MINI, "painter-00001.safetensors")).size);
  await page.goto(server.url);
  await check.click();
  await page.getByText("One file of mini is damaged").waitFor();
  expect(shards()).toBe(fetched);
  expect(await hashesAgain(page)).toBe(true);
  expect(shards()).toBe(fetched + 1);
  await check.click();
  await page.getByText("All files of mini are whole").waitFor();
  await page.context().close();
});

/** In the page: puts so many pictures into the browser's database. */
async function fillGallery({ count, blueprint }: { count: number; blueprint: object }): Promise<void> {
  const canvas = new OffscreenCanvas(1024, 1024);
  canvas.getContext("2d")?.fillRect(10, 10, 500, 500);
  const png = await canvas.convertToBlob();
  const pictures = [];
  for (let seed = 0; seed < count; seed += 1) {
    const paint = { steps: 2, guidance: 1.5, seed };
    const record = { format: "atelier-run/1", version: "0", model: "mini", device: "", image: 0, images: 1 };
    const small = new OffscreenCanvas(320, 320);
    small.getContext("2d")?.fillRect(0, 0, seed, seed);
    const thumb = await small.convertToBlob({ type: "image/webp" });
    pictures.push({ png, thumb, blueprint, record: { ...record, blueprint, paint }, images: [] });
  }
  const opening = indexedDB.open("atelier", 1);
  const db = await new Promise<IDBDatabase>((resolve) => (opening.onsuccess = () => resolve(opening.result)));
  const writing = db.transaction("pictures", "readwrite");
  for (const picture of pictures) writing.objectStore("pictures").add(picture);
  await new Promise((resolve, reject) => {
    writing.oncomplete = resolve;
    writing.onabort = () => reject(writing.error);
  });
  db.close();
}

/** In the page: milliseconds of choosing one picture after another, the layout among them; the middle one of many. */
async function chooseMany(): Promise<number> {
  const thumbs = [...document.querySelectorAll<HTMLElement>("#gallery-list .thumb")];
  const before = thumbs.map((thumb) => thumb.querySelector("img"));
  const spent: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    for (const thumb of thumbs.slice(0, 20)) {
      const begun = performance.now();
      thumb.click();
      document.body.getBoundingClientRect();
      spent.push(performance.now() - begun);
    }
  }
  const after = [...document.querySelectorAll("#gallery-list img")];
  if (!before.every((image, index) => image === after[index])) throw new Error("pictures were made anew");
  return spent.sort((a, b) => a - b)[spent.length >> 1] ?? Number.NaN;
}

test("a choice among 300 pictures takes less than ten times as long as among 30", async () => {
  const page = await openPage(browser, server.url);
  await page.getByText("The first picture downloads mini once").waitFor();
  const blueprint = anyBlueprint();
  const withPictures = async (more: number, all: number) => {
    await page.evaluate(fillGallery, { count: more, blueprint });
    await page.reload();
    await expect.poll(() => page.locator("#gallery-list li").count(), { timeout: PATIENCE }).toBe(all);
    return page.evaluate(chooseMany);
  };
  const few = await withPictures(30, 30);
  const many = await withPictures(270, 300);
  console.log(`choosing one of 30 pictures takes ${few.toFixed(1)} ms, one of 300 ${many.toFixed(1)} ms`);
  // Only the layout has more to do: were each picture cared for at each choice, ten times as many would take ten times as long.
  expect(many).toBeLessThan(10 * few);
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
