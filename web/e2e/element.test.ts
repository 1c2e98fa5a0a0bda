/** `<atelier-image>`, in a page with a strict policy. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import type { AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AtelierImageElement } from "../src/element.ts";
import { complaints, launch, PATIENCE } from "./browser.ts";
import { FileServer } from "./server.ts";

const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; img-src blob: data:";
const PAGE = `<!doctype html><html lang="en"><title>Element</title>
  <meta http-equiv="Content-Security-Policy" content="${POLICY}">
  <link rel="icon" href="data:,">
  <main><h1>Pictures</h1>
    <atelier-image id="one" prompt="A red card with 'HI'" model="dist/models/mini/" width="64" height="64" steps="2" seed="5"></atelier-image>
  </main>
  <script type="module" src="lib/element.js"></script></html>`;

let server: FileServer;
let browser: Browser;
let page: Page;
let problems: string[];

beforeAll(async () => {
  server = await FileServer.start(resolve(import.meta.dirname, ".."));
  browser = await launch({ webgpu: false });
  page = await browser.newPage();
  problems = complaints(page);
  await page.route(`${server.url}element.html`, (route) => route.fulfill({ contentType: "text/html", body: PAGE }));
  await page.addInitScript(() => {
    const heard: string[] = [];
    Object.assign(globalThis, { heard });
    // The events do not bubble, and are heard on their way down.
    for (const name of ["progress", "picture", "error"]) {
      addEventListener(
        name,
        (event) => {
          const detail = (event as CustomEvent<{ event?: string; message?: string } | undefined>).detail;
          const what = `${name} ${detail?.event ?? detail?.message ?? ""}`.trim();
          if (detail && heard.at(-1) !== what) heard.push(what);
        },
        true,
      );
    }
  });
  await page.goto(`${server.url}element.html`);
});

afterAll(async () => {
  await browser.close();
  await server.close();
});

const heard = (): Promise<string[]> => page.evaluate("heard.splice(0)");
const shown = (name: string) => page.getByRole("img", { name });

test("it paints what its attributes say, and says how far it is", async () => {
  await page.locator("#one[aria-busy=true]").getByRole("progressbar").waitFor();
  await shown("Generated picture: A red card with 'HI'").waitFor({ timeout: PATIENCE });
  expect(await page.locator("#one").getAttribute("aria-busy")).toBeNull();
  const size = await shown("Generated picture").evaluate((image) => {
    const { naturalWidth, naturalHeight } = image as HTMLImageElement;
    return [naturalWidth, naturalHeight];
  });
  expect(size).toEqual([64, 64]);
  const events = await heard();
  expect(events.slice(-3)).toEqual(["progress picture", "progress done", "picture"]);
  for (const name of ["download", "blueprint-token", "step", "decode"]) expect(events).toContain(`progress ${name}`);
  const seed = await page.locator("#one").evaluate((one) => (one as AtelierImageElement).picture?.record.paint.seed);
  expect(seed).toBe(5);
  expect(problems).toEqual([]);
});

test("axe finds nothing wrong with it", async () => {
  const script = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  await page.evaluate(script);
  const found = await page.evaluate(() => (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run());
  expect(found.violations.map(({ id }) => id)).toEqual([]);
});

test("a change paints again; what is in progress stops; two elements share an engine, which goes with the last", async () => {
  await page.evaluate(() => {
    const one = document.querySelector<HTMLElement>("#one");
    one?.setAttribute("prompt", "A blue card with 'NO'");
    setTimeout(() => one?.setAttribute("prompt", "A blue card with 'YES'"), 100);
    const two = document.createElement("atelier-image") as AtelierImageElement;
    for (const { name, value } of one?.attributes ?? []) if (name !== "id") two.setAttribute(name, value);
    two.setAttribute("prompt", "A green card with 'TWO'");
    two.setAttribute("alt", "The second");
    document.querySelector("main")?.append(two);
  });
  await shown("Generated picture: A blue card with 'YES'").waitFor({ timeout: PATIENCE });
  await shown("The second").waitFor({ timeout: PATIENCE });
  expect(page.workers()).toHaveLength(1);
  expect((await heard()).filter((what) => what.startsWith("picture"))).toHaveLength(2);
  await page.evaluate(() => document.querySelector("atelier-image:not([id])")?.remove());
  // Moved, it goes on as it was.
  await page.evaluate(() => document.querySelector("main")?.append(document.querySelector("#one") ?? ""));
  await shown("Generated picture: A blue card with 'YES'").waitFor();
  expect([page.workers().length, await heard()]).toEqual([1, []]);
  await page.evaluate(() => document.querySelector("#one")?.remove());
  await expect.poll(() => page.workers().length).toBe(0);
  expect(problems).toEqual([]);
});

test("what is wrong is said, where it stands and as an event", async () => {
  await heard();
  await page.evaluate(() => {
    const three = document.createElement("atelier-image");
    for (const [name, value] of Object.entries({ prompt: "p", model: "dist/models/mini/", width: "65" })) {
      three.setAttribute(name, value);
    }
    document.querySelector("main")?.append(three);
  });
  await page.getByRole("status").filter({ hasText: "The picture could not be made: width: expected" }).waitFor();
  expect((await heard()).at(-1)).toMatch(/^error width: expected/);
  await page.evaluate(() => document.querySelector("atelier-image")?.setAttribute("width", "wide"));
  await page.getByRole("status").filter({ hasText: 'width: expected a number, found "wide"' }).waitFor();
  expect(problems).toEqual([]);
});

test("a source that was set before the element was defined counts", async () => {
  const before = await browser.newPage();
  await before.goto(`${server.url}package.json`);
  const size = await before.evaluate(`(async () => {
    const element = document.createElement("atelier-image");
    Object.assign(element, { source: { url: "/dist/models/mini/" }, engineOptions: { engine: "cpu" } });
    for (const [name, value] of Object.entries({ prompt: "A red card", width: 64, height: 64, steps: 1 })) {
      element.setAttribute(name, value);
    }
    document.body.append(element);
    const { promise, resolve, reject } = Promise.withResolvers();
    element.addEventListener("picture", ({ detail }) => resolve(detail));
    element.addEventListener("error", ({ detail }) => reject(detail));
    await import("/lib/element.js");
    return (await (await promise).pixels()).width;
  })()`);
  expect(size).toBe(64);
  await before.close();
});

test("an engine that is given up while it opens takes none of those that come after it along", async () => {
  await page.evaluate(async () => {
    for (const element of document.querySelectorAll("atelier-image")) element.remove();
    const add = () => {
      const element = document.createElement("atelier-image") as AtelierImageElement;
      for (const side of ["width", "height"]) element.setAttribute(side, "64");
      element.setAttribute("steps", "1");
      element.setAttribute("model", "dist/models/mini/");
      element.setAttribute("prompt", "A teal card with 'LAST'");
      document.querySelector("main")?.append(element);
      return element;
    };
    const task = () => new Promise((resolve) => setTimeout(resolve));
    const first = add();
    await task();
    first.remove();
    await Promise.resolve();
    add();
  });
  await shown("Generated picture: A teal card with 'LAST'").waitFor({ timeout: PATIENCE });
  await page.evaluate(() => document.querySelector("atelier-image")?.remove());
  await expect.poll(() => page.workers().length).toBe(0);
});
