/** Takes the pictures of the page that stand in docs/: light, dark and as wide as a phone; draws its icons. Some minutes in software. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "vitest";
import { DIST, launch, openPage } from "./browser.ts";
import { FileServer } from "./server.ts";
import { cancelButton, detail, generateButton, picture } from "./studio.ts";

const DOCS = resolve(import.meta.dirname, "../../docs");
const HOUR = 3_600_000;

test("pictures of the page", { timeout: HOUR }, async () => {
  mkdirSync(DOCS, { recursive: true });
  const server = await FileServer.start(DIST);
  const browser = await launch();
  const page = await openPage(browser, server.url, {
    colorScheme: "dark",
    locale: "en-US",
    viewport: { width: 1280, height: 860 },
    deviceScaleFactor: 1.5,
  });
  const shoot = (name: string, fullPage: boolean) => page.screenshot({ path: join(DOCS, name), fullPage });

  await page.locator("#examples button").first().click();
  // Enough for the letters; each is long in software.
  await page.getByRole("textbox", { name: "Steps" }).fill("12");
  await page.getByRole("textbox", { name: "Seed" }).fill("1");
  await generateButton(page).click();
  // The draft is there, and two thirds of the large grid.
  await detail(page)
    .filter({ hasText: /writes the blueprint: 17\d of/ })
    .waitFor({ timeout: HOUR });
  await shoot("web-dark.png", false);
  await picture(page).waitFor({ timeout: HOUR });
  await cancelButton(page).waitFor({ state: "hidden" });
  await page.emulateMedia({ colorScheme: "light" });
  await page.mouse.move(0, 0);
  await shoot("web-light.png", true);
  await page.setViewportSize({ width: 390, height: 844 });
  await shoot("web-phone.png", true);
  await browser.close();
  await server.close();
});

/** What browsers want beside the drawing: sizes in pixels, and whether the system cuts the corners itself. */
const ICONS = [
  { name: "icon-180.png", size: 180, cut: true },
  { name: "icon-192.png", size: 192, cut: false },
  { name: "icon-512.png", size: 512, cut: false },
  { name: "icon-maskable.png", size: 512, cut: true },
];

test("icons of the page", async () => {
  const folder = resolve(import.meta.dirname, "../app/public");
  const drawing = readFileSync(join(folder, "icon.svg"), "utf8");
  const browser = await launch();
  const page = await browser.newPage();
  for (const { name, size, cut } of ICONS) {
    await page.setViewportSize({ width: size, height: size });
    // What is cut away may be a tenth of each side.
    const svg = cut ? drawing.replace('viewBox="0 0 32 32"', 'viewBox="-3 -3 38 38"') : drawing;
    const ground = cut ? "#2347c5" : "transparent";
    await page.setContent(`<style>body{margin:0;background:${ground}}svg{display:block;width:100vw}</style>${svg}`);
    writeFileSync(join(folder, name), await page.screenshot({ omitBackground: true }));
  }
  await browser.close();
});
