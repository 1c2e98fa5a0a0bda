/** Files from outside, keys of input methods, and one picture after another: nothing wedges the page. */

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hostileFiles } from "../app/testing/hostile.ts";
import { complaints, DIST, launch, openPage, PATIENCE } from "./browser.ts";
import { FileServer } from "./server.ts";
import {
  cancelButton,
  detail,
  finished,
  generateButton,
  message,
  openBlueprint,
  openFile,
  promptBox,
} from "./studio.ts";

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

const TITLES = {
  damaged: "is damaged",
  "other-version": "is of another version",
  unknown: "This page cannot open",
  image: "cannot be shown by this browser",
};

test("each hostile file gets a message, and the page goes on", async () => {
  const page = await openPage(browser, server.url);
  const problems = complaints(page);
  for (const { name, type, bytes, verdict } of await hostileFiles()) {
    // A picture whose note is only odd is a picture.
    if (name === "ten thousand chunks.png") continue;
    await openFile(page, name, type, Buffer.from(bytes));
    const title = page.locator("#message-title");
    await expect.poll(() => title.textContent(), { timeout: PATIENCE, message: name }).toContain(name);
    expect(await title.textContent(), name).toContain(TITLES[verdict]);
    expect(await page.locator("#opened").isVisible(), name).toBe(false);
    expect(await generateButton(page).isEnabled(), name).toBe(true);
    await page.locator("#message-close").click();
  }
  // And still it opens what is as it should be.
  await openBlueprint(page);
  expect(problems).toEqual([]);
  await page.context().close();
});

test("a pack of a newer format is refused once, and nothing of it fetched", async () => {
  const page = await openPage(browser, server.url, { serviceWorkers: "block" });
  await page.route("**/newer/**", (route) =>
    route.request().url().endsWith("/pack.json")
      ? route.fulfill({ json: { format: "atelier-pack-2", files: [], shards: [] } })
      : route.fulfill({ status: 404 }),
  );
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.locator("input[value=url]").check();
  await page.getByLabel("Address", { exact: true }).fill("newer/");
  await page.getByLabel("Address", { exact: true }).blur();
  await promptBox(page).fill("A sign");
  await generateButton(page).click();
  await message(page).waitFor({ timeout: PATIENCE });
  expect(await message(page).innerText()).toContain("of different versions");
  expect(asked.filter((url) => url.includes("/newer/") && !url.endsWith("/pack.json"))).toEqual([]);
  expect(asked.filter((url) => url.endsWith("/newer/pack.json")).length).toBeLessThan(5);
  await page.context().close();
});

/** A key as an input method sends it while its user still chooses characters. */
async function pressComposing(page: Page, key: string): Promise<void> {
  await promptBox(page).evaluate((box, key) => {
    const event = { key, isComposing: true, keyCode: 229, bubbles: true, cancelable: true, ctrlKey: key === "Enter" };
    box.dispatchEvent(new KeyboardEvent("keydown", event));
  }, key);
}

test("Escape of an input method does not cancel; pictures wait in line, and cancelling goes on with the next", async () => {
  const page = await openPage(browser, server.url);
  await openBlueprint(page, 30);
  await generateButton(page).click();
  await cancelButton(page).waitFor();
  expect(await page.evaluate(() => document.title)).toMatch(/^\d+\s?% .* Atelier$/);
  await pressComposing(page, "Escape");
  await pressComposing(page, "Enter");
  expect(await cancelButton(page).isEnabled()).toBe(true);
  expect(await page.locator("#queue").isVisible()).toBe(false);
  // The browser asks before it leaves a page that works.
  expect(await page.evaluate(() => !dispatchEvent(new Event("beforeunload", { cancelable: true })))).toBe(true);

  await page.getByRole("textbox", { name: "Steps" }).fill("1");
  await generateButton(page).click();
  await generateButton(page).click();
  await page.getByText("2 pictures wait").waitFor();
  await page.locator("#queue-list button").last().click();
  await page.getByText("One picture waits").waitFor();
  await detail(page)
    .filter({ hasText: /^The painter paints/ })
    .waitFor({ timeout: PATIENCE });
  await page.keyboard.press("Escape");
  await finished(page);
  await expect.poll(() => page.locator("#gallery-list li").count(), { timeout: PATIENCE }).toBe(1);
  expect(await page.locator("#facts").innerText()).toMatch(/Steps\s+1\b/);
  expect(await page.evaluate(() => document.title)).toContain("pictures from your words");
  await page.context().close();
});
