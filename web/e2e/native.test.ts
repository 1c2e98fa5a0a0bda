/** The same seed gives the same blueprint in the tab as in the program, and a picture within two grey levels. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { complaints, DIST, launch, openPage } from "./browser.ts";
import { decodePng } from "./png.ts";
import { FileServer } from "./server.ts";
import { openFile, paint, savedBlueprint, savedPng } from "./studio.ts";

/** Holds `keep` and `q4`: blueprint.json and picture.png, made by the program on software Vulkan. */
const folder = process.env["ATELIER_NATIVE_DIR"];

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

test.each([
  ["keep", "the model of the page"],
  ["q4", "a pack of four bits, which the user picks"],
])("the tab and the program agree: %s, %s", async (name) => {
  if (!folder) throw new Error("ATELIER_NATIVE_DIR: expected the folder that `cargo xtask test` makes, found nothing");
  const native = readFileSync(join(folder, name, "picture.png"));
  const blueprint = JSON.parse(readFileSync(join(folder, name, "blueprint.json"), "utf8"));
  const page = await openPage(browser, server.url);
  const problems = complaints(page);
  if (name === "q4") {
    await page.locator("input[value=files]").check();
    await page.locator("#folder-input").setInputFiles(join(folder, name, "pack"));
  }
  // The program's own PNG brings the settings.
  await openFile(page, "native.png", "image/png", native);
  await page.getByText("Restored the settings of native.png.").waitFor();
  await page.getByRole("button", { name: "Close", exact: true }).click();
  await paint(page);

  expect(await savedBlueprint(page)).toEqual(blueprint);
  const [ours, theirs] = [decodePng(await savedPng(page)), decodePng(native)];
  expect([ours.width, ours.height]).toEqual([theirs.width, theirs.height]);
  const apart = ours.pixels.reduce((most, value, at) => Math.max(most, Math.abs(value - theirs.pixels[at]!)), 0);
  console.log(`${name}: the tab's picture is at most ${apart} grey levels from the program's`);
  expect(apart).toBeLessThanOrEqual(2);
  expect(problems).toEqual([]);
  await page.context().close();
});
