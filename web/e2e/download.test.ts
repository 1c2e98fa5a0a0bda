/** Fetching the model goes wrong in many ways and still ends well; so does what lies on this device. */

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { DIST, launch, launchIn, openIn, openPage, PATIENCE } from "./browser.ts";
import { FileServer } from "./server.ts";
import { cancelButton, detail, finished, generateButton, loadPainter, message, MINI, openBlueprint } from "./studio.ts";

const SHARD = "painter-00001.safetensors";
const CUT = 3_000_000;

let server: FileServer;
let browser: Browser;

beforeAll(async () => {
  browser = await launch();
});

beforeEach(async () => {
  server = await FileServer.start(DIST);
});

afterEach(() => server.close());
afterAll(() => browser.close());

const askedForShard = () => server.asked.filter(({ url }) => url.endsWith(SHARD));

test("a broken download goes on where it broke", async () => {
  server.cut(SHARD, CUT);
  const page = await openPage(browser, server.url);
  await openBlueprint(page);
  await loadPainter(page);
  const [first, second, ...more] = askedForShard();
  expect(first?.range).toBeUndefined();
  const from = Number(/^bytes=(\d+)-$/.exec(second?.range ?? "")?.[1]);
  expect(from).toBeGreaterThan(0);
  expect(from).toBeLessThanOrEqual(CUT);
  // The rest may only be joined to the same version of the file.
  expect(second?.ifRange).toMatch(/^"[0-9a-f]{16}"$/);
  expect(more).toEqual([]);
  await page.context().close();
});

test("a tab that was closed while it fetched is taken up by the next", async () => {
  const page = await openPage(browser, server.url);
  await openBlueprint(page);
  server.cut(SHARD, CUT);
  const asked = new Promise<void>((resolve) => {
    server.onAsked = ({ url, range }) => {
      if (url.endsWith(SHARD) && range) resolve();
    };
  });
  // The second request for the shard comes after the cut: the tab is closed in the middle of the file.
  server.stall(SHARD);
  await generateButton(page).click();
  await asked;
  await page.close();
  const before = server.asked.length;

  const next = await openIn(page.context(), server.url);
  await openBlueprint(next);
  await loadPainter(next);
  const again = server.asked.slice(before).filter(({ url }) => /\.safetensors$/.test(url));
  expect(again.some(({ url, range }) => url.endsWith(SHARD) && /^bytes=[1-9]\d*-$/.test(range ?? ""))).toBe(true);
  expect(again.every(({ url }) => !url.endsWith("sources-00001.safetensors"))).toBe(true);
  await next.context().close();
});

/** Changes a byte in the middle of the kept shard, which is known by its size. Gives the number of such files. */
async function spoil(page: Page): Promise<number> {
  return page.evaluate(
    async (bytes) => {
      let spoiled = 0;
      const walk = async (folder: FileSystemDirectoryHandle) => {
        for await (const entry of folder.values()) {
          if (entry instanceof FileSystemDirectoryHandle) await walk(entry);
          else if (entry instanceof FileSystemFileHandle && (await entry.getFile()).size === bytes) {
            const position = bytes >> 1;
            const byte =
              new Uint8Array(await (await entry.getFile()).slice(position, position + 1).arrayBuffer())[0] ?? 0;
            // The worker closes its files a moment after the run.
            const open = (): Promise<FileSystemWritableFileStream> => entry.createWritable({ keepExistingData: true });
            let writable = await open().catch(() => undefined);
            while (!writable) {
              await new Promise((resolve) => setTimeout(resolve, 50));
              writable = await open().catch(() => undefined);
            }
            await writable.write({ type: "write", position, data: new Uint8Array([byte ^ 255]) });
            await writable.close();
            spoiled += 1;
          }
        }
      };
      await walk(await navigator.storage.getDirectory());
      return spoiled;
    },
    statSync(join(MINI, SHARD)).size,
  );
}

test("a shard that arrives or lies here damaged is fetched again", async () => {
  server.flip(SHARD, 5_000_000);
  const folder = mkdtempSync(join(tmpdir(), "atelier-profile-"));
  const context = await launchIn(folder);
  const page = await openIn(context, server.url);
  await openBlueprint(page);
  await loadPainter(page);
  expect(askedForShard()).toHaveLength(2);
  // The damage is done while no engine has the file open.
  await page.goto(`${server.url}icon.svg`);
  expect(await spoil(page)).toBe(1);
  await page.goto(server.url);
  await openBlueprint(page);
  await loadPainter(page);
  expect(askedForShard()).toHaveLength(3);
  await context.close();
  rmSync(folder, { recursive: true });
});

test("a server that is gone is said, and the run goes on when it is back", async () => {
  const page = await openPage(browser, server.url, { serviceWorkers: "block" });
  await openBlueprint(page);
  await page.getByText("The first picture downloads mini once").waitFor();
  server.refuse(SHARD, 503);
  await generateButton(page).click();
  await message(page).waitFor({ timeout: PATIENCE });
  expect(await message(page).innerText()).toContain("The model could not be downloaded");
  server.relent();
  await loadPainter(page);
  await page.context().close();
});

test("too little room is said with figures", async () => {
  const page = await openPage(browser, server.url);
  const session = await page.context().newCDPSession(page);
  await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(server.url).origin, quotaSize: 30_000_000 });
  await openBlueprint(page);
  await generateButton(page).click();
  await message(page).waitFor({ timeout: PATIENCE });
  expect(await message(page).innerText()).toMatch(/not enough space to store the model[\s\S]*It needs [\d.]+ MB more/);
  await page.context().close();
});

test("the storage panel knows what is here, and can empty it", async () => {
  const page = await openPage(browser, server.url);
  await openBlueprint(page, 20);
  await loadPainter(page);
  await cancelButton(page).click();
  await detail(page).filter({ hasText: "Cancelled." }).waitFor();
  await page.getByText("mini is on this device.").waitFor();
  await page.getByRole("button", { name: "Remove mini from this device" }).click();
  await page.getByText("The first picture downloads mini once").waitFor();
  await page.context().close();
});

test("two tabs fetch a model once, and neither takes it from the other", async () => {
  const page = await openPage(browser, server.url);
  const other = await openIn(page.context(), server.url);
  for (const tab of [page, other]) await openBlueprint(tab, 20);
  await Promise.all([loadPainter(page), loadPainter(other)]);
  expect(askedForShard()).toHaveLength(1);
  await cancelButton(other).click();
  await detail(other).filter({ hasText: "Cancelled." }).waitFor();
  await other.getByRole("button", { name: "Remove mini from this device" }).click();
  await message(other).waitFor({ timeout: PATIENCE });
  expect(await message(other).innerText()).toContain("Another tab is using this model");
  await finished(page);
  await page.close();
  await other.getByRole("button", { name: "Remove mini from this device" }).click();
  await other.getByText("The first picture downloads mini once").waitFor();
  await other.context().close();
});
