/** The same seed gives the same blueprint in the tab as in the program, and a picture within two grey levels. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { complaints, DIST, launch, openPage } from "./browser.ts";
import { decodePng } from "./png.ts";
import { FileServer } from "./server.ts";
import { openFile, paint, savedBlueprint, savedPng } from "./studio.ts";

/** Holds blueprint.json and picture.png, made by the program on software Vulkan from the same pack. */
const folder = process.env["ATELIER_NATIVE_DIR"];

test("the tab and the program agree", async () => {
  if (!folder) throw new Error("ATELIER_NATIVE_DIR: expected the folder that `cargo xtask test` makes, found nothing");
  const native = readFileSync(join(folder, "picture.png"));
  const blueprint = JSON.parse(readFileSync(join(folder, "blueprint.json"), "utf8"));
  const server = await FileServer.start(DIST);
  const browser = await launch();
  const page = await openPage(browser, server.url);
  const problems = complaints(page);
  // The program's own PNG brings the settings.
  await openFile(page, "native.png", "image/png", native);
  await page.getByText("The settings of native.png are back.").waitFor();
  await page.getByRole("button", { name: "Close" }).click();
  await paint(page);

  expect(await savedBlueprint(page)).toEqual(blueprint);
  const [ours, theirs] = [decodePng(await savedPng(page)), decodePng(native)];
  expect([ours.width, ours.height]).toEqual([theirs.width, theirs.height]);
  const apart = ours.pixels.reduce((most, value, at) => Math.max(most, Math.abs(value - theirs.pixels[at]!)), 0);
  console.log(`the tab's picture is at most ${apart} grey levels from the program's`);
  expect(apart).toBeLessThanOrEqual(2);
  expect(problems).toEqual([]);
  await browser.close();
  await server.close();
});
