/** A tab that makes one picture after another keeps nothing of them but what its gallery shows. */

import { readFileSync } from "node:fs";
import type { Browser, CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DIST, engineOf, launch, openPage, PATIENCE } from "./browser.ts";
import { FileServer } from "./server.ts";
import { cancelButton, generateButton, message, openBlueprint } from "./studio.ts";

/** Pictures to be made; more of them find smaller leaks. Each takes two or three seconds in software. */
const PICTURES = Number(process.env["ATELIER_SOAK"] ?? 12);
/** Pictures after which everything that is made once is made. */
const WARM = 4;

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

/** What the engine's worker leaves in reach for those who debug it. */
declare const atelierDevice: GPUDevice;
declare const atelierMemory: WebAssembly.Memory;

/** What this test counts. */
interface Counted {
  addresses: Set<string>;
  buffers: { made: number; bytes: number; live: number };
}
declare const counted: Counted;

/** In the page: addresses of blobs that were not given back. */
function countAddresses(): void {
  const addresses = new Set<string>();
  const { createObjectURL, revokeObjectURL } = URL;
  URL.createObjectURL = (thing: Blob | MediaSource) => {
    const address = createObjectURL.call(URL, thing);
    addresses.add(address);
    return address;
  };
  URL.revokeObjectURL = (address: string) => {
    addresses.delete(address);
    revokeObjectURL.call(URL, address);
  };
  Object.assign(globalThis, { counted: { addresses } });
}

/** In the worker: buffers of the device from now on, and how many of them are still in anyone's hand. */
function countBuffers(): void {
  const buffers = { made: 0, bytes: 0, live: 0 };
  const gone = new FinalizationRegistry(() => (buffers.live -= 1));
  const create = GPUDevice.prototype.createBuffer;
  GPUDevice.prototype.createBuffer = function (this: GPUDevice, descriptor: GPUBufferDescriptor) {
    const buffer = create.call(this, descriptor);
    buffers.made += 1;
    buffers.live += 1;
    buffers.bytes += descriptor.size;
    gone.register(buffer, undefined);
    return buffer;
  };
  Object.assign(globalThis, { counted: { buffers } });
}

interface Measured {
  pictures: number;
  /** Bytes of the engine's own memory. */
  wasm: number;
  /** Bytes of the page's objects. */
  heap: number;
  nodes: number;
  listeners: number;
  addresses: number;
  kept: number;
  buffers: Counted["buffers"];
  /** Bytes of the browser's process that drives the graphics device. */
  graphics: number;
}

async function measure(page: Page, session: CDPSession, all: CDPSession): Promise<Measured> {
  await session.send("HeapProfiler.collectGarbage");
  const { metrics } = await session.send("Performance.getMetrics");
  const metric = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
  const worker = await engineOf(page);
  const { processInfo } = (await all.send("SystemInfo.getProcessInfo")) as {
    processInfo: { type: string; id: number }[];
  };
  const gpu = processInfo.find(({ type }) => type === "GPU")?.id;
  const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${gpu}/status`, "utf8"))?.[1];
  return {
    pictures: await page.locator("#gallery-list li").count(),
    wasm: await worker.evaluate(() => atelierMemory.buffer.byteLength),
    heap: metric("JSHeapUsedSize"),
    nodes: metric("Nodes"),
    listeners: metric("JSEventListeners"),
    addresses: await page.evaluate(() => counted.addresses.size),
    kept: await page.evaluate(countKept),
    buffers: await worker.evaluate(() => ({ ...counted.buffers })),
    graphics: Number(resident) * 1024,
  };
}

async function countKept(): Promise<number> {
  const opening = indexedDB.open("atelier");
  const db = await new Promise<IDBDatabase>((resolve) => (opening.onsuccess = () => resolve(opening.result)));
  const counting = db.transaction("pictures").objectStore("pictures").count();
  const count = await new Promise<number>((resolve) => (counting.onsuccess = () => resolve(counting.result)));
  db.close();
  return count;
}

/** Asks for so many pictures more, which wait in line, and waits for the last. */
async function make(page: Page, more: number): Promise<void> {
  const before = await page.locator("#gallery-list li").count();
  for (let at = 0; at < more; at += 1) await generateButton(page).click();
  const count = async () => {
    if (await message(page).isVisible()) throw new Error(`the page says: ${await message(page).innerText()}`);
    return page.locator("#gallery-list li").count();
  };
  await expect.poll(count, { timeout: 20 * PATIENCE }).toBe(before + more);
  await cancelButton(page).waitFor({ state: "hidden" });
  await expect.poll(() => page.evaluate(countKept)).toBe(before + more);
}

test(`${PICTURES} pictures in one tab, and nothing grows`, { timeout: 30 * PATIENCE }, async () => {
  const page = await openPage(browser, "about:blank");
  await page.addInitScript(countAddresses);
  await page.goto(server.url);
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const all = await browser.newBrowserCDPSession();
  await openBlueprint(page, 1);
  await make(page, 1);
  await (await engineOf(page)).evaluate(countBuffers);
  await make(page, WARM);
  const before = await measure(page, session, all);
  const begun = performance.now();
  await make(page, PICTURES);
  const seconds = (performance.now() - begun) / 1000;
  const after = await measure(page, session, all);
  await page.getByRole("button", { name: "Remove all", exact: true }).click();
  await expect.poll(() => page.evaluate(countKept)).toBe(0);
  const emptied = await measure(page, session, all);
  console.log(
    `${PICTURES} pictures in ${seconds.toFixed(0)} s: ${JSON.stringify({ before, after, emptied }, null, 1)}`,
  );

  expect(after.wasm).toBe(before.wasm);
  // Of each picture the list has an item with two buttons, a small copy, and what is known of the picture.
  expect(after.kept - before.kept).toBe(PICTURES);
  expect(after.addresses - before.addresses).toBe(PICTURES);
  expect(after.listeners - before.listeners).toBeLessThanOrEqual(2 * PICTURES);
  expect(after.nodes - before.nodes).toBeLessThanOrEqual(6 * PICTURES);
  expect(after.heap - before.heap).toBeLessThan(20_000 * PICTURES + 500_000);
  // Those of later pictures take the place of those of earlier ones: the browser collects them when it likes.
  expect(after.buffers.live).toBeLessThan((after.buffers.made * 2) / 3);
  expect(after.graphics - before.graphics).toBeLessThan((after.buffers.bytes - before.buffers.bytes) / 4);
  // Without its pictures the tab is as it was without pictures.
  expect(emptied.addresses).toBe(0);
  expect(emptied.nodes).toBeLessThanOrEqual(before.nodes);
  expect(emptied.listeners).toBeLessThanOrEqual(before.listeners);
  expect(emptied.heap).toBeLessThan(before.heap + 5_000 * PICTURES + 500_000);
});
