/** How fast the tab is beside the program, on one adapter, one after the other. */

import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DIST, engineOf, findVulkan, launch, openPage, PATIENCE } from "./browser.ts";
import { FileServer } from "./server.ts";
import { fill, finished, generateButton, MINI, PROMPT, reached } from "./studio.ts";

/** The program, as `cargo xtask test` builds it. */
const program = process.env["ATELIER_PROGRAM"];

/** What the engine's worker leaves in reach for those who debug it. */
declare const atelierMemory: WebAssembly.Memory;

interface Speeds {
  codesPerSecond: number;
  secondsOfStep: number;
}

let server: FileServer;

beforeAll(async () => {
  server = await FileServer.start(DIST);
});

afterAll(() => server.close());

/** The speeds that the page shows, and the bytes that the module allocated for itself; it never gives any back. */
async function ofTab(begun?: () => Promise<void>): Promise<Speeds & { memory: number }> {
  const browser = await launch();
  try {
    const page = await openPage(browser, server.url);
    await fill(page, { size: 128, seed: 7, steps: 3 });
    await generateButton(page).click();
    await reached(page, /^The architect sketches/);
    await begun?.();
    await finished(page);
    const memory = await (await engineOf(page)).evaluate(() => atelierMemory.buffer.byteLength);
    const speeds = (await page.locator(".speed").allInnerTexts()).filter(Boolean);
    const [codesPerSecond = NaN, secondsOfStep = NaN] = speeds.map((text) =>
      Number.parseFloat(/[\d.]+/.exec(text)?.[0] ?? ""),
    );
    return { codesPerSecond, secondsOfStep, memory };
  } finally {
    await browser.close();
  }
}

/** The program's speeds at the same work. */
async function ofProgram(begun?: () => Promise<void>): Promise<Speeds> {
  if (!program) throw new Error("ATELIER_PROGRAM: expected the path of `atelier`, found nothing");
  const wish = ["-W", "128", "-H", "128", "-s", "7", "--steps", "3", "--model", MINI, "--no-metadata"];
  const picture = join(mkdtempSync(join(tmpdir(), "atelier-speed-")), "a.png");
  const generate = ["generate", PROMPT, "--device", "gpu", "--adapter", "swiftshader", ...wish, "-o", picture];
  const env = { ...process.env, VK_DRIVER_FILES: findVulkan(), VK_ICD_FILENAMES: findVulkan() };
  const running = promisify(execFile)(program, generate, { env });
  try {
    // Whichever is first: a program that fails has nothing more to begin.
    await Promise.race([begun?.(), running]);
    const { stderr } = await running;
    const number = (pattern: RegExp) => Number.parseFloat(pattern.exec(stderr)?.[1] ?? "");
    const codesPerSecond = number(/tokens, ([\d.]+) tokens\/s/);
    const secondsOfStep = number(/steps, ([\d.]+) s per step/);
    expect([codesPerSecond, secondsOfStep].every(Number.isFinite), stderr).toBe(true);
    return { codesPerSecond, secondsOfStep };
  } finally {
    rmSync(dirname(picture), { recursive: true });
  }
}

/** Says how the two compare, and returns the tab's share of the program's speeds. */
function compare(where: string, tab: Speeds, native: Speeds): { codes: number; steps: number } {
  const share = {
    codes: tab.codesPerSecond / native.codesPerSecond,
    steps: native.secondsOfStep / tab.secondsOfStep,
  };
  console.log(
    `${where}: ${tab.codesPerSecond} codes/s in the tab, ${share.codes.toFixed(2)} of the program's ` +
      `${native.codesPerSecond.toFixed(1)}; ${tab.secondsOfStep} s a step, ${share.steps.toFixed(2)} of the program's speed`,
  );
  return share;
}

test("the tab is not far behind the program where page and adapter share the processor", async () => {
  const tab = await ofTab();
  const share = compare("all cores for all", tab, await ofProgram());
  console.log(`${Math.round(tab.memory / 1e6)} MB of wasm memory`);
  expect(tab.memory).toBeLessThan(128e6);
  // Far enough below what is usual that a busy machine passes.
  expect(share.codes).toBeGreaterThan(0.5);
  expect(share.steps).toBeGreaterThan(0.5);
});

/** The cores that this process may use, such as 0-3,6. */
function ownCores(): string {
  const found = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  if (!found) throw new Error("/proc/self/status: expected Cpus_allowed_list, found none");
  return found;
}

/** Keeps a thread, or all threads of a process, to these cores; what it begins from then on inherits them. */
function keep(what: { thread: number } | { process: number }, cores: string): void {
  const args = "thread" in what ? ["-cp", cores, String(what.thread)] : ["-acp", cores, String(what.process)];
  execFileSync("taskset", args, { stdio: ["ignore", "ignore", "inherit"] });
}

/** Whether this process began another, or began what began it. */
function isOurs(other: string): boolean {
  const parent = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${other}/status`, "utf8"))?.[1];
  return parent === String(process.pid) || (parent !== undefined && parent !== "0" && isOurs(parent));
}

/** The threads that the software adapter computes with, in the processes that this one began. */
function adapterThreads(): number[] {
  const numbers = (folder: string) => readdirSync(folder).filter((name) => /^\d+$/.test(name));
  const threads: number[] = [];
  for (const other of numbers("/proc")) {
    try {
      if (!isOurs(other)) continue;
      for (const thread of numbers(`/proc/${other}/task`)) {
        const name = readFileSync(`/proc/${other}/task/${thread}/comm`, "utf8").trim();
        if (/^Thread<\d+>$/.test(name)) threads.push(Number(thread));
      }
    } catch {
      // It has ended meanwhile.
    }
  }
  return threads;
}

// On a GPU the adapter does not compute on the host's cores, and the page does not take them from it.
test("the tab is nearly as fast as the program where the adapter has a core of its own", async () => {
  const all = ownCores();
  const [host, adapter] = all.split(",").flatMap((range) => {
    const [first = NaN, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => String(first + index));
  });
  if (!host || !adapter) throw new Error(`expected two cores at least, found ${all}`);
  const part = async () => {
    for (const until = performance.now() + PATIENCE; adapterThreads().length === 0; await setTimeout(10)) {
      if (performance.now() > until) throw new Error("expected threads of the software adapter, found none");
    }
    // It makes them one after another.
    await setTimeout(100);
    for (const thread of adapterThreads()) keep({ thread }, adapter);
  };
  keep({ process: process.pid }, host);
  try {
    const share = compare("the adapter on a core of its own", await ofTab(part), await ofProgram(part));
    expect(share.codes).toBeGreaterThan(0.7);
    expect(share.steps).toBeGreaterThan(0.7);
  } finally {
    keep({ process: process.pid }, all);
  }
});
