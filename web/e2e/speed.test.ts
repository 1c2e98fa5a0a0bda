/** How fast the tab is beside the program, on one adapter, one after the other. */

import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { DIST, engineOf, findVulkan, launch, openPage } from "./browser.ts";
import { FileServer } from "./server.ts";
import { fill, finished, generateButton, MINI } from "./studio.ts";

/** The program, as `cargo xtask test` builds it. */
const program = process.env["ATELIER_PROGRAM"];

/** What the engine's worker leaves in reach for those who debug it. */
declare const atelierMemory: WebAssembly.Memory;

/** Codes that the page writes here, draft and large grid: the longer the text, the slower, so the program writes as many. */
const TOKENS = String(16 * 16 + 4 * 4);

/** The first number of a text. */
function number(text: string): number {
  return Number.parseFloat(/[\d.]+/.exec(text)?.[0] ?? "");
}

test("the tab is not far behind the program", async () => {
  if (!program) throw new Error("ATELIER_PROGRAM: expected the path of `atelier`, found nothing");
  const server = await FileServer.start(DIST);
  const browser = await launch();
  const page = await openPage(browser, server.url);
  await fill(page, { size: 128, seed: 7, steps: 3 });
  await generateButton(page).click();
  await finished(page);
  // What the module allocated for itself; it never gives any back.
  const memory = await (await engineOf(page)).evaluate(() => atelierMemory.buffer.byteLength);
  const [codes, step] = (await page.locator(".speed").allInnerTexts()).filter(Boolean).map(number);
  await browser.close();
  await server.close();

  const bench = ["bench", "--device", "gpu", "--adapter", "swiftshader", "--model", MINI, "--size", "128", "--tokens", TOKENS, "--steps", "3", "--json"];
  const env = { ...process.env, VK_DRIVER_FILES: findVulkan(), VK_ICD_FILENAMES: findVulkan() };
  const { architect, painter } = JSON.parse(execFileSync(program, bench, { env, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  const of = { codes: codes! / architect.tokens_per_second, steps: painter.seconds_of_step / step! };
  console.log(
    `in the tab: ${codes} codes/s, ${of.codes.toFixed(2)} of the program's ${architect.tokens_per_second.toFixed(1)}; ` +
      `${step} s a step, ${of.steps.toFixed(2)} of the program's speed; ${Math.round(memory / 1e6)} MB of wasm memory`,
  );
  // Far enough below what is usual that a busy machine passes.
  expect(of.codes).toBeGreaterThan(0.35);
  expect(of.steps).toBeGreaterThan(0.5);
  expect(memory).toBeLessThan(128e6);
});
