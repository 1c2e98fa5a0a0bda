/** Takes the pictures of the page that stand in docs/: light, dark and as wide as a phone. Some minutes in software. */

import { mkdirSync } from "node:fs";
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
