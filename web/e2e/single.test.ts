/** The page as one file, opened from a disk, without a network, in both browsers. */

import { existsSync, mkdtempSync, rmSync, copyFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { complaints, DIST, engineOf, launch, PATIENCE } from "./browser.ts";
import { launchFirefox } from "./firefox.ts";
import { FileServer } from "./server.ts";
import { fill, generateButton, paint, saved, savedPng } from "./studio.ts";
import { decodePng } from "./png.ts";

const single = resolve(import.meta.dirname, "../single/atelier.html");
let folder: string;
let url: string;

beforeAll(() => {
  if (!existsSync(single)) throw new Error(`there is no ${single}: \`npm run single\` makes it of the built page`);
  // Alone, under another name, in a folder with a space.
  folder = mkdtempSync(join(tmpdir(), "a stick "));
  copyFileSync(single, join(folder, "Atelier (copy).html"));
  url = pathToFileURL(join(folder, "Atelier (copy).html")).href;
});

afterAll(() => rmSync(folder, { recursive: true }));

test("Chromium: a picture, and again after loading it anew", async () => {
  const browser = await launch({ webgpu: false });
  const page = await browser.newPage();
  const problems = complaints(page);
  const asked: string[] = [];
  page.on("request", (request) => {
    if (!/^(file|blob|data):/.test(request.url())) asked.push(request.url());
  });
  await page.context().setOffline(true);
  await page.goto(url);
  await page.getByText("Now: the processor").waitFor();
  for (let times = 0; times < 2; times += 1) {
    await fill(page, { size: 128, seed: 1 });
    await paint(page);
    const { width, height } = decodePng(await savedPng(page));
    expect([width, height]).toEqual([128, 128]);
    if (times > 0) break;
    const licences = await saved(page, page.getByRole("link", { name: "Licences of what is in it" }));
    expect(licences.toString()).toContain("wasm-bindgen ");
    page.once("dialog", (dialog) => void dialog.accept());
    await page.reload();
    await generateButton(page).waitFor();
  }
  expect(asked).toEqual([]);
  // A proposal that this browser does not know yet.
  expect(problems.filter((problem) => !problem.includes("directive 'webrtc'"))).toEqual([]);
  await browser.close();
});

test("Chromium with a graphics card: the GPU makes it", async () => {
  const browser = await launch();
  const page = await browser.newPage();
  const problems = complaints(page);
  await page.goto(url);
  await page.getByLabel("Pictures are made on").selectOption("gpu");
  await fill(page);
  await paint(page);
  await page.getByText("Now: the graphics card.").waitFor();
  // A proposal that this browser does not know yet.
  expect(problems.filter((problem) => !problem.includes("directive 'webrtc'"))).toEqual([]);
  // Neither the page nor its worker reaches anybody.
  const server = await FileServer.start(DIST);
  const reach = (url: string) =>
    fetch(url, { mode: "no-cors" }).then(
      () => "reached",
      () => "refused",
    );
  const tries = [page.evaluate(reach, server.url), (await engineOf(page)).evaluate(reach, server.url)];
  expect(await Promise.all(tries)).toEqual(["refused", "refused"]);
  expect(server.asked).toEqual([]);
  await server.close();
  await browser.close();
});

test("Firefox: a picture", async () => {
  const browser = await launchFirefox();
  const page = await browser.newPage();
  await page.goto(url);
  await page.type("#prompt", "A navy sign with 'OPEN' in white");
  await page.click("#generate");
  await page.waitForFunction(
    () => {
      const message = document.querySelector<HTMLElement>("#message");
      if (message && !message.hidden) throw new Error(`the page says: ${message.innerText}`);
      return document.querySelectorAll("#gallery-list li").length === 1;
    },
    { timeout: PATIENCE },
  );
  await browser.close();
});
