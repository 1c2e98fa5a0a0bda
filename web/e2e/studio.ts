/** What a user does on the page. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Blueprint } from "atelier-web";
import type { Locator, Page } from "playwright-core";
import { DIST, PATIENCE } from "./browser.ts";

export const MINI = join(DIST, "models/mini");

export const PROMPT = "A red card with 'CANDY' at the center in white, large.";

export interface Wish {
  prompt?: string;
  /** Small where it is left out, because the software adapter is slow; a draft has 256 codes whatever the size. */
  size?: number;
  steps?: number;
  seed?: number;
}

export const promptBox = (page: Page) => page.getByRole("textbox", { name: "Prompt" });
export const generateButton = (page: Page) => page.getByRole("button", { name: "Generate" });
export const cancelButton = (page: Page) => page.getByRole("button", { name: "Cancel" });
export const picture = (page: Page) => page.getByRole("img", { name: "Generated picture" });
export const message = (page: Page) => page.getByRole("alert");
/** The line under the sheet that says what is going on. */
export const detail = (page: Page) => page.locator("#detail");
const steps = (page: Page) => page.getByRole("textbox", { name: "Steps" });

/** Fills the form. */
export async function fill(page: Page, wish: Wish = {}): Promise<void> {
  await promptBox(page).fill(wish.prompt ?? PROMPT);
  await page.getByLabel("Size").selectOption("other");
  await page.getByLabel("Width").fill(String(wish.size ?? 64));
  await page.getByLabel("Height").fill(String(wish.size ?? 64));
  await steps(page).fill(String(wish.steps ?? 2));
  await page.getByRole("textbox", { name: "Seed" }).fill(wish.seed === undefined ? "" : String(wish.seed));
}

/** Gives the page a file as its picker does. */
export async function openFile(page: Page, name: string, mimeType: string, buffer: Buffer): Promise<void> {
  await page.locator("#open-input").setInputFiles({ name, mimeType, buffer });
}

/** A blueprint of mini's that nobody wrote: enough to paint from, and there without waiting for the architect. */
export function anyBlueprint(size = 64): Blueprint {
  const { source } = JSON.parse(readFileSync(join(MINI, "pack.json"), "utf8")) as { source: string };
  const side = size / 32;
  return {
    format: "atelier-blueprint/1",
    model: source,
    prompt: "A sign with 'OK'",
    width: size,
    height: size,
    seed: 1,
    sampling: { temperature: 0.5, top_p: 0.75, top_k: null },
    rng: 1,
    large: { rows: side, columns: side, ids: Array.from({ length: side * side }, (_, place) => 10 + place) },
  };
}

/** Puts such a blueprint on the sheet, so that Generate paints at once. */
export async function openBlueprint(page: Page, count = 2, size = 64): Promise<void> {
  await openFile(page, "any.json", "application/json", Buffer.from(JSON.stringify(anyBlueprint(size))));
  await page.getByText("A blueprint is open").waitFor();
  await steps(page).fill(String(count));
}

/** Waits for the picture, or fails with what the page says instead. */
export async function finished(page: Page): Promise<void> {
  await picture(page).or(message(page)).first().waitFor({ timeout: PATIENCE });
  if (await message(page).isVisible()) throw new Error(`the page says: ${await message(page).innerText()}`);
}

/** Presses Generate and waits for the picture. */
export async function paint(page: Page): Promise<void> {
  await generateButton(page).click();
  await cancelButton(page).waitFor();
  await finished(page);
}

/** Presses Generate and waits until the painter's files have been fetched, compared with their hashes and read. */
export async function loadPainter(page: Page): Promise<void> {
  await generateButton(page).click();
  await reached(page, /^(Paint: loading|The painter paints)/);
}

/** What `browser.ts` leaves in every page: the lines of detail since Generate was pressed last. */
declare const sayings: () => string[];

/** Waits until the run is there or has been there, or fails with what the page says instead. Returns what it has said. */
export async function reached(page: Page, text: RegExp): Promise<string[]> {
  const until = performance.now() + PATIENCE;
  let said: string[] = [];
  while (!said.some((line) => text.test(line))) {
    if (await message(page).isVisible()) throw new Error(`the page says: ${await message(page).innerText()}`);
    if (performance.now() > until) throw new Error(`expected ${text}; the page has said: ${said.join(" | ")}`);
    await setTimeout(50);
    said = await page.evaluate(() => sayings());
  }
  return said;
}

/** What `browser.ts` leaves in every page: the names of the engine's events since Generate was pressed last. */
declare const engineEvents: () => string[];

/** Paints, and says whether files were hashed for it. */
export async function hashes(page: Page): Promise<boolean> {
  await paint(page);
  return page.evaluate(() => engineEvents().includes("verify"));
}

/** The bytes of what a link or button saves. */
export async function saved(page: Page, control: Locator): Promise<Buffer> {
  const [download] = await Promise.all([page.waitForEvent("download"), control.click()]);
  const chunks: Buffer[] = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export const savedPng = (page: Page) => saved(page, page.getByRole("link", { name: "Save PNG" }));

export async function savedBlueprint(page: Page): Promise<Blueprint> {
  return JSON.parse((await saved(page, page.getByRole("button", { name: "Save blueprint" }))).toString()) as Blueprint;
}
