/** What the page offers for a picture that is there. */

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { audit } from "./axe.ts";
import { DIST, launch, openPage, PATIENCE } from "./browser.ts";
import { FileServer } from "./server.ts";
import { cancelButton, detail, finished, openBlueprint, paint, picture } from "./studio.ts";

let server: FileServer;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  server = await FileServer.start(DIST);
  browser = await launch();
  page = await openPage(browser, server.url);
  await openBlueprint(page, 1);
  await paint(page);
});

afterAll(async () => {
  await browser.close();
  await server.close();
});

const tool = (name: string) => page.getByRole("button", { name, exact: true });

test("a picture, its blueprint and its place in the list are named by its texts", async () => {
  await page.getByRole("img", { name: "Generated picture that should say “OK”. Prompt: A sign with 'OK'" }).waitFor();
  await page.getByRole("button", { name: /^Show “OK”, seed \d+$/ }).waitFor();
  await tool("Blueprint").click();
  await page.getByRole("img", { name: "Blueprint: 4 of 4 cells of the layout. “OK”" }).waitFor();
  await tool("Picture").click();
});

test("a picture is copied, and shared where the browser can", async () => {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await tool("Copy").click();
  await page.getByText("Copied.").waitFor();
  const copied = await page.evaluate(async () => {
    const [item] = await navigator.clipboard.read();
    const { width, height } = await createImageBitmap((await item?.getType("image/png")) ?? new Blob());
    return [width, height];
  });
  expect(copied).toEqual([64, 64]);

  // This browser cannot share; one that can is asked to with the file.
  expect(await tool("Share…").isVisible()).toBe(false);
  await page.evaluate(() => {
    const share = async ({ files }: ShareData) => void Object.assign(globalThis, { shared: files?.[0]?.name });
    Object.assign(navigator, { canShare: ({ files }: ShareData) => files?.length === 1, share });
  });
  await page.getByRole("button", { name: /^Show/ }).click();
  await tool("Share…").click();
  expect(await page.evaluate(() => (globalThis as { shared?: string }).shared)).toMatch(/^atelier-\d+\.png$/);
});

test("a picture is compared with the one before, and seen from close by", async () => {
  // A single one has none before it.
  expect(await tool("Compare").isVisible()).toBe(false);
  await tool("Same layout, new paint").click();
  await cancelButton(page).waitFor();
  await finished(page);
  await tool("Compare").click();
  const other = page.getByRole("img", { name: /^The picture before: A sign/ });
  const seen = () => other.evaluate((image) => getComputedStyle(image).clipPath);
  const half = await seen();
  await page.keyboard.press("End");
  expect(await page.getByRole("slider", { name: "How much of the picture before is seen" }).inputValue()).toBe("100");
  expect(await seen()).not.toBe(half);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await audit(page)).toEqual([]);
  }
  await tool("Actual size").click();
  expect(await other.isVisible()).toBe(false);
  expect((await picture(page).boundingBox())?.width).toBe(64);
  await page.setViewportSize({ width: 360, height: 60 });
  const scrolled = () => page.locator("#sheet").evaluate((sheet) => sheet.scrollTop);
  const before = await scrolled();
  await page.locator("#sheet").focus();
  await page.keyboard.press("ArrowDown");
  await expect.poll(scrolled).toBeGreaterThan(before);
  await page.setViewportSize({ width: 1280, height: 720 });
  await tool("Actual size").click();
  expect((await picture(page).boundingBox())?.width).toBeGreaterThan(64);
});

test("a new layout for the same prompt is planned, and the focus is where that can be stopped", async () => {
  await tool("New layout").click();
  await detail(page)
    .filter({ hasText: /^The architect sketches/ })
    .waitFor({ timeout: PATIENCE });
  expect(await cancelButton(page).evaluate((button) => button === document.activeElement)).toBe(true);
  await page.keyboard.press("Escape");
  await detail(page).filter({ hasText: "Cancelled." }).waitFor();
});
