/** Debian's Chromium with WebGPU in software, and the page in it. */

import { existsSync, realpathSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type LaunchOptions,
  type Page,
  type Worker,
} from "playwright-core";
import { vi } from "vitest";
import type { FromWorker } from "../src/protocol.ts";

export const DIST = resolve(import.meta.dirname, "../dist");
/** Software WebGPU on two cores is slow; a run that hangs should still be noticed. */
export const PATIENCE = 300_000;
vi.setConfig({ testTimeout: 2 * PATIENCE, hookTimeout: PATIENCE });

const QUIET = [
  "--headless=new",
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // It would ask its makers what the fields of a form may be.
  "--disable-features=AutofillServerCommunication",
];
const WEBGPU = [
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  // The software adapter's own way to clear the memory of a workgroup takes more than half of a token's time: without it
  // kernels clear theirs themselves, as they do on Metal and Direct3D.
  "--disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension",
];

function findChromium(): string {
  const given = process.env["ATELIER_CHROMIUM"];
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const folders = ["/usr/bin", ...(process.env["PATH"] ?? "").split(delimiter)];
  const found =
    given ?? folders.flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path));
  if (!found) throw new Error("no Chromium: install Debian's package chromium, or name one with ATELIER_CHROMIUM");
  return found;
}

/** What tells Vulkan of the software adapter that comes with the browser. */
export function findVulkan(): string {
  const beside = dirname(realpathSync(findChromium()));
  const found = [beside, "/usr/lib/chromium"]
    .map((folder) => join(folder, "vk_swiftshader_icd.json"))
    .find((path) => existsSync(path));
  if (!found) throw new Error(`no vk_swiftshader_icd.json in ${beside} or /usr/lib/chromium`);
  return found;
}

interface Options {
  readonly webgpu?: boolean;
  readonly proxy?: string;
}

export async function launch(options: Options = {}): Promise<Browser> {
  return chromium.launch(settings(options));
}

/**
 * A browser as its user has it, which keeps things in `folder`. Others keep them in memory, as private windows do, where files do
 * not know when they were changed.
 */
export async function launchIn(folder: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(folder, settings({}));
}

function settings(options: Options): LaunchOptions {
  if (!existsSync(join(DIST, "index.html"))) throw new Error(`there is no page in ${DIST}: build it first`);
  return {
    executablePath: findChromium(),
    // `<-loopback>` sends what is for this machine through the proxy as well.
    ...(options.proxy && { proxy: { server: options.proxy, bypass: "<-loopback>" } }),
    args: [...QUIET, ...(options.webgpu === false ? ["--disable-gpu"] : WEBGPU)],
  };
}

/** The page in a context of its own, with nothing kept from other tests. */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Page> {
  return openIn(await browser.newContext(options), url);
}

/** One more tab of a context. Its adapter passes for a real one: the page would leave one in software alone. */
export async function openIn(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.addInitScript(hideSoftware);
  await page.addInitScript(recordSayings);
  await page.addInitScript(recordEvents);
  await page.goto(url);
  return page;
}

/** In the page: adapters do not say that they are in software. */
function hideSoftware(): void {
  for (const { prototype } of [globalThis.GPUAdapter, globalThis.GPUAdapterInfo].filter(Boolean)) {
    if ("isFallbackAdapter" in prototype) Object.defineProperty(prototype, "isFallbackAdapter", { value: false });
  }
}

/** In the page: keeps every line that says what is going on, because one may be there for a moment only. */
function recordSayings(): void {
  let said: string[] = [];
  addEventListener("submit", () => (said = []), true);
  const look = () => {
    const now = document.getElementById("detail")?.textContent ?? "";
    if (now && now !== said.at(-1)) said.push(now);
  };
  new MutationObserver(look).observe(document, { childList: true, characterData: true, subtree: true });
  Object.assign(globalThis, { sayings: () => said });
}

/** In the page: keeps the names of the engine's events since Generate was pressed last, and what it says of itself. */
function recordEvents(): void {
  let events: string[] = [];
  let info: unknown;
  addEventListener("submit", () => (events = []), true);
  globalThis.Worker = class extends Worker {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options);
      this.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => {
        if (data.type === "event") events.push(data.event.event);
        if (data.type === "opened") info = data.info;
      });
    }
  };
  Object.assign(globalThis, { engineEvents: () => events, engineInfo: () => info });
}

/** The engine's worker, once a run has begun. */
export async function engineOf(page: Page): Promise<Worker> {
  return page.workers()[0] ?? page.waitForEvent("worker");
}

/** Whatever the browser refused because of the page's policy, or a script did not catch. */
export function complaints(page: Page): string[] {
  const found: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") found.push(message.text());
  });
  page.on("pageerror", (error) => found.push(String(error)));
  return found;
}
