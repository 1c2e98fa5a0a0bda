/** Before a picture is lost: the screen stays on, the title says how far it is, the browser asks, and folders are found again. */

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { complaints, DIST, launch, openPage, PATIENCE } from "./browser.ts";
import { FileServer } from "./server.ts";
import { cancelButton, detail, finished, generateButton, hashes, openBlueprint, paint, savedPng } from "./studio.ts";

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

/** A page before any of its scripts has run. */
async function blank(): Promise<Page> {
  return openPage(browser, "about:blank");
}

/** What `stubWakeLock` leaves in the page. */
declare const locks: { asked: string[]; held: number; refuse: boolean };

function stubWakeLock(): void {
  const locks = { asked: [] as string[], held: 0, refuse: false };
  const request = async (type: string) => {
    locks.asked.push(type);
    if (locks.refuse) throw new DOMException("the battery is low", "NotAllowedError");
    locks.held += 1;
    let released = false;
    const release = async () => {
      if (!released) locks.held -= 1;
      released = true;
    };
    return { release };
  };
  Object.defineProperty(Navigator.prototype, "wakeLock", { value: { request } });
  Object.assign(globalThis, { locks });
}

test("the screen stays on while a picture is made, and no longer", async () => {
  const page = await blank();
  const problems = complaints(page);
  await page.addInitScript(stubWakeLock);
  await page.goto(server.url);
  await openBlueprint(page, 20);
  expect(await page.evaluate(() => locks.asked)).toEqual([]);
  await generateButton(page).click();
  await expect.poll(() => page.evaluate(() => locks)).toMatchObject({ asked: ["screen"], held: 1 });
  // The browser takes it from a tab that is not seen, which asks again once it is.
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await expect.poll(() => page.evaluate(() => locks.asked.length)).toBe(2);
  await page.keyboard.press("Escape");
  await detail(page).filter({ hasText: "Cancelled." }).waitFor();
  await expect.poll(() => page.evaluate(() => locks.held)).toBe(0);
  // A refusal is no reason not to paint.
  await page.evaluate(() => (locks.refuse = true));
  await openBlueprint(page, 1);
  await paint(page);
  expect(await page.evaluate(() => locks.asked.length)).toBe(3);
  expect(problems).toEqual([]);
  await page.context().close();
});

/** Whether the browser asks before it leaves the page; the answer is to stay. */
async function asks(page: Page): Promise<boolean> {
  let asked = false;
  const stay = async (dialog: { type(): string; dismiss(): Promise<void> }) => {
    asked = dialog.type() === "beforeunload";
    await dialog.dismiss();
  };
  page.once("dialog", stay);
  const left = page.goto("about:blank").then(
    () => true,
    () => false,
  );
  const gone = await left;
  page.off("dialog", stay);
  expect(gone).toBe(!asked);
  return asked;
}

test("the title says how far it is, and the browser asks before work is lost", async () => {
  const page = await openPage(browser, server.url);
  const title = await page.title();
  await openBlueprint(page, 30);
  await generateButton(page).click();
  await expect.poll(() => page.title()).toMatch(/^\d+\s?% .* Atelier$/);
  expect(await asks(page)).toBe(true);
  await cancelButton(page).click();
  await detail(page).filter({ hasText: "Cancelled." }).waitFor();
  expect(await page.title()).toBe(title);

  // Where nothing is kept, a picture that was not saved would be lost, too.
  await page.getByLabel("Keep pictures, prompt and settings").uncheck();
  await openBlueprint(page, 1);
  await paint(page);
  await expect.poll(() => page.locator("#gallery-list li").count()).toBe(1);
  expect(await asks(page)).toBe(true);
  await savedPng(page);
  expect(await asks(page)).toBe(false);
  await page.context().close();
});

test("a picture that is kept can be left", async () => {
  const page = await openPage(browser, server.url);
  await openBlueprint(page, 1);
  await paint(page);
  await page.getByText("Stored in this browser").waitFor();
  await expect
    .poll(() => page.evaluate(() => dispatchEvent(new Event("beforeunload", { cancelable: true }))))
    .toBe(true);
  expect(await asks(page)).toBe(false);
  await page.context().close();
});

/** In the page: the picker gives a folder of the origin's own, which browsers keep like one of the user's. */
function stubPicker(): void {
  const picker = async () => (await navigator.storage.getDirectory()).getDirectoryHandle("mine");
  Object.assign(globalThis, { showDirectoryPicker: picker });
  // What a folder of the user's is asked for again after a visit.
  const state = () => localStorage.getItem("test-permission") ?? "granted";
  Object.assign(FileSystemHandle.prototype, {
    queryPermission: async () => state(),
    requestPermission: async () => {
      if (state() === "prompt") localStorage.setItem("test-permission", "granted");
      return state();
    },
  });
}

/** In the page: puts the built-in model into that folder. */
async function fillFolder(names: readonly string[]): Promise<void> {
  const top = await (await navigator.storage.getDirectory()).getDirectoryHandle("mine", { create: true });
  for (const path of names) {
    const parts = path.split("/");
    let folder = top;
    for (const part of parts.slice(0, -1)) folder = await folder.getDirectoryHandle(part, { create: true });
    const file = await folder.getFileHandle(parts.at(-1) ?? "", { create: true });
    const writable = await file.createWritable();
    await writable.write(await (await fetch(`models/mini/${path}`)).arrayBuffer());
    await writable.close();
  }
}

test("a folder that was picked is found again, hashed once, and missed when it is gone", async () => {
  const { shards, files } = (await (await fetch(`${server.url}models/mini/pack.json`)).json()) as {
    shards: { file: { path: string } }[];
    files: { path: string }[];
  };
  const names = ["pack.json", ...files.map(({ path }) => path), ...shards.map(({ file }) => file.path)];
  const page = await blank();
  await page.addInitScript(stubPicker);
  await page.goto(server.url);
  await page.evaluate(fillFolder, names);
  await page.locator("input[value=files]").check();
  await page.getByRole("button", { name: "Choose a folder…" }).click();
  await page.getByText(`mine: ${names.length} files`).waitFor();
  await openBlueprint(page, 1);
  expect(await hashes(page)).toBe(true);

  await page.reload();
  await page.getByText(`mine: ${names.length} files`).waitFor();
  await openBlueprint(page, 1);
  expect(await hashes(page)).toBe(false);

  await page.evaluate(() => localStorage.setItem("test-permission", "prompt"));
  await page.reload();
  const again = page.getByRole("button", { name: "Use mine again" });
  await again.waitFor();
  await again.click();
  await page.getByText(`mine: ${names.length} files`).waitFor();

  // Nothing is to be kept: not the folder, and not what is known of its files.
  await page.getByLabel("Keep pictures, prompt and settings").uncheck();
  await expect.poll(() => page.evaluate(ownFolders)).toEqual(["mine"]);
  await page.getByLabel("Keep pictures, prompt and settings").check();
  await page.getByRole("button", { name: "Choose a folder…" }).click();
  // The page shows it already: the choice is kept once the folder is.
  await expect.poll(() => page.evaluate(() => localStorage.getItem("atelier-model"))).toContain("files");
  await page.evaluate(async () => (await navigator.storage.getDirectory()).removeEntry("mine", { recursive: true }));
  await page.reload();
  await page.getByText("The folder mine cannot be read any more").waitFor();
  await page.context().close();
});

async function ownFolders(): Promise<string[]> {
  const names = [];
  for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name);
  return names;
}

/** In the page or the worker: a window whose file system is there, and fails. `early` is at the first look already. */
function stubFailing(early: boolean): void {
  const fail = async () => {
    throw new DOMException("The operation failed for an unknown transient reason", "UnknownError");
  };
  if (early) Object.defineProperty(StorageManager.prototype, "getDirectory", { value: fail });
  else Object.defineProperty(FileSystemDirectoryHandle.prototype, "getDirectoryHandle", { value: fail });
}

test.each([
  ["has no file system", true],
  ["has one that fails", false],
])("a window that %s says that it stores nothing, and paints", async (_, early) => {
  const page = await openPage(browser, "about:blank", { serviceWorkers: "block" });
  await page.addInitScript(stubFailing, early);
  await page.route("**/assets/worker-*.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `(${String(stubFailing)})(${early});\n${await response.text()}` });
  });
  await page.goto(server.url);
  await page.getByText("This window stores nothing, as private windows do: mini").waitFor();
  await page.getByText("Use a normal window to download the model only once.").waitFor();
  await openBlueprint(page, 1);
  const before = server.asked.length;
  // A connection that breaks once is no reason to fail.
  server.cut("painter-00001.safetensors", 1000);
  await paint(page);
  const shards = server.asked.slice(before).filter(({ url }) => url.endsWith(".safetensors"));
  expect(shards.length).toBeGreaterThan(0);
  expect(shards.every(({ range }) => range !== undefined)).toBe(true);
  await page.context().close();
});

/** What `stubPersist` leaves in the page. */
declare const persisting: { answer?: (kept: boolean) => void };

function stubPersist(): void {
  const persisting: { answer?: (kept: boolean) => void } = {};
  Object.assign(globalThis, { persisting });
  Object.defineProperty(StorageManager.prototype, "persisted", { value: async () => false });
  Object.defineProperty(StorageManager.prototype, "persist", {
    value: () => new Promise<boolean>((resolve) => (persisting.answer = resolve)),
  });
}

test("the browser is asked to keep the model before room for it is looked for", async () => {
  const page = await blank();
  await page.addInitScript(stubPersist);
  await page.goto(server.url);
  await openBlueprint(page, 1);
  await generateButton(page).click();
  await expect.poll(() => page.evaluate(() => persisting.answer !== undefined), { timeout: PATIENCE }).toBe(true);
  expect(page.workers()).toEqual([]);
  await page.evaluate(() => persisting.answer?.(true));
  await finished(page);
  expect(page.workers()).toHaveLength(1);
  await page.context().close();
});
