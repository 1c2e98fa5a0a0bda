/** Browsers that lack what Chromium has: each is missed in turn, above all as in Safari, and a picture is made all the same. */

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DIST, launch, openPage } from "./browser.ts";
import { FileServer } from "./server.ts";
import { generateButton, message, openBlueprint, paint } from "./studio.ts";

let browser: Browser;
let server: FileServer;
/** A copy of the page whose files the tests change. */
const root = mkdtempSync(join(tmpdir(), "atelier-without-"));
const assets = join(root, "assets");

beforeAll(async () => {
  cpSync(DIST, root, { recursive: true });
  browser = await launch();
  server = await FileServer.start(root);
});

afterAll(async () => {
  await browser.close();
  await server.close();
  rmSync(root, { recursive: true });
});

/** Changes a file of the page for as long as `use` runs. */
async function changed(name: RegExp, change: (bytes: Buffer) => Buffer, use: () => Promise<void>): Promise<void> {
  const found = readdirSync(assets).filter((file) => name.test(file));
  expect(found.length).toBe(1);
  const path = join(assets, found[0] ?? "");
  const before = readFileSync(path);
  writeFileSync(path, change(before));
  try {
    await use();
  } finally {
    writeFileSync(path, before);
  }
}

/** What runs in the engine's worker before anything of it does. */
const inWorker = (script: string, use: () => Promise<void>) =>
  changed(/^worker-.*\.js$/, (bytes) => Buffer.from(`${script};${bytes.toString()}`), use);

/** Where the page leaves the adapter alone, as it is in software: with the engine for the CPU. */
async function paintOnCpu(): Promise<void> {
  const page = await browser.newPage();
  await page.goto(server.url);
  await openBlueprint(page, 1);
  await paint(page);
  await page.context().close();
}

test("without files that can be written, the model is read from the server", async () => {
  await inWorker("delete FileSystemFileHandle.prototype.createSyncAccessHandle", paintOnCpu);
});

test("storage that fails for a moment, as Safari's does", async () => {
  const script = `{
    const { prototype } = FileSystemFileHandle;
    for (const name of ["createSyncAccessHandle", "getFile"]) {
      const whole = prototype[name];
      let calls = 0;
      prototype[name] = function (...values) {
        calls += 1;
        if (calls % 5 === 2) throw new DOMException("an unknown transient reason", "UnknownError");
        return whole.apply(this, values);
      };
    }
  }`;
  await inWorker(script, paintOnCpu);
});

test("with WebGPU in the page and none in its worker, the CPU makes the picture", async () => {
  await inWorker("delete WorkerNavigator.prototype.gpu", async () => {
    const page = await openPage(browser, server.url);
    const hint = () => page.locator("#engine-hint").innerText();
    await expect.poll(hint).toBe("Now: the graphics card.");
    await openBlueprint(page, 1);
    await paint(page);
    await expect.poll(hint).toContain("Now: the processor");
    await page.context().close();
  });
});

/** A module whose memory may grow by no more than some pages of 64 KiB. */
function withLittleMemory(module: Buffer, growth: number): Buffer {
  const read = (at: number): { readonly value: number; readonly end: number } => {
    let [value, end] = [0, at];
    for (let scale = 1; ; scale *= 128) {
      const byte = module[end] ?? 0;
      end += 1;
      value += (byte & 127) * scale;
      if (byte < 128) return { value, end };
    }
  };
  const write = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...write(value >> 7)]);
  const MEMORY = 5;
  for (let at = 8; at < module.length; ) {
    const size = read(at + 1);
    const end = size.end + size.value;
    if (module[at] === MEMORY) {
      // A single memory, which has no limit.
      expect([...module.subarray(size.end, size.end + 2)]).toEqual([1, 0]);
      const pages = read(size.end + 2).value;
      const limited = [1, 1, ...write(pages), ...write(pages + growth)];
      const section = Buffer.from([MEMORY, limited.length, ...limited]);
      return Buffer.concat([module.subarray(0, at), section, module.subarray(end)]);
    }
    at = end;
  }
  throw new Error("the module has no memory");
}

test("where memory cannot grow the run ends with a message, and can be begun again", async () => {
  // Without a worker of its own, which would keep the module that it saw first.
  const page = await browser.newPage({ serviceWorkers: "block" });
  const little = (module: Buffer) => withLittleMemory(module, 96);
  await changed(/^atelier_web_cpu_bg-.*\.wasm$/, little, async () => {
    await page.goto(server.url);
    await openBlueprint(page, 1);
    await generateButton(page).click();
    await message(page).waitFor();
    expect(await message(page).innerText()).toContain("The engine stopped");
  });
  await expect.poll(() => generateButton(page).isEnabled()).toBe(true);
  await page.context().close();
});
