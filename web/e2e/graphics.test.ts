/** The check of the GPU: what it finds, and that the engine does without what was found broken. */

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ModelInfo } from "../src/types.ts";
import { DIST, launch, openPage } from "./browser.ts";
import { FileServer } from "./server.ts";
import { openBlueprint, paint } from "./studio.ts";

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

/** What `browser.ts` leaves in every page: what the engine said of itself when it was opened last. */
declare const engineInfo: () => ModelInfo | undefined;

async function adapterInUse(page: Page): Promise<ModelInfo["adapter"]> {
  const info = await page.evaluate(() => engineInfo());
  if (!info) throw new Error("no engine is open");
  return info.adapter;
}

const button = (page: Page) => page.getByRole("button", { name: "Check this GPU" });

test("every kernel in every variant of this adapter computes what it should", async () => {
  const page = await openPage(browser, server.url);
  await button(page).click();
  await page.getByText(/computes what it should: \d+ checks passed/).waitFor();
  await page.getByText("All results").click();
  const rows = await page.locator("#graphics-rows tr").allInnerTexts();
  for (const variant of ["plain", "subgroups", "dot"]) expect(rows.join("\n")).toContain(variant);
  expect(rows.length).toBeGreaterThan(20);
  expect(await page.locator("#graphics-rows tr.failed").count()).toBe(0);
  await expect.poll(() => button(page).isEnabled()).toBe(true);
  await page.context().close();
});

/** In the page: notes a variant as broken, as a check does. */
async function noteBroken(variant: string): Promise<void> {
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  const { vendor, architecture, device, description } = adapter?.info ?? ({} as GPUAdapterInfo);
  const name = [vendor, architecture, device, description, navigator.userAgent].join(" | ");
  localStorage.setItem("atelier-broken", JSON.stringify({ [name]: [variant], "another adapter": ["dot"] }));
}

test("the engine does without what was found broken, until a check finds it whole", async () => {
  const page = await openPage(browser, server.url);
  await openBlueprint(page, 1);
  await paint(page);
  expect(await adapterInUse(page)).toMatchObject({ subgroups: true, packed_dot: true });

  await page.evaluate(noteBroken, "subgroups");
  await page.reload();
  await openBlueprint(page, 1);
  await paint(page);
  expect(await adapterInUse(page)).toMatchObject({ subgroups: false, packed_dot: true });

  await button(page).click();
  await page.getByText(/computes what it should/).waitFor();
  await paint(page);
  expect(await adapterInUse(page)).toMatchObject({ subgroups: true });
  await page.reload();
  await openBlueprint(page, 1);
  await paint(page);
  expect(await adapterInUse(page)).toMatchObject({ subgroups: true });
  await page.context().close();
});
