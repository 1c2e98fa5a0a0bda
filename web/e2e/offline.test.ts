/** Nothing is sent: without a network everything works from this device, and a sealed tab cannot connect at all. */

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { complaints, DIST, engineOf, launch, openPage } from "./browser.ts";
import { FileServer } from "./server.ts";
import { detail, fill, finished, generateButton, openBlueprint, paint, promptBox } from "./studio.ts";

let server: FileServer;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  server = await FileServer.start(DIST);
  // The server is also the browser's proxy: whatever page, worker, service worker or browser ask of anyone comes by here.
  browser = await launch({ proxy: server.url });
  page = await openPage(browser, server.url);
});

afterAll(async () => {
  await browser.close();
  await server.close();
});

/**
 * What the page, its worker and its service worker asked for. Chromium itself asks its makers for this and that, and this server,
 * whenever it likes after a page was opened, for a newer service worker: with an address that says nothing.
 */
function asked(from = 0): string[] {
  const makers = /^(https?:\/\/)?[\w.-]+\.(google|googleapis)\.com[:/]/;
  return server.asked
    .slice(from)
    .map(({ method, url }) => `${method} ${url}`)
    .filter((line) => line !== `GET ${server.url}sw.js` && !makers.test(line.split(" ")[1] ?? ""));
}

/** Until nothing more is asked for that a page asks for when it is opened. */
async function settled(): Promise<void> {
  for (let before = -1; before !== asked().length; ) {
    before = asked().length;
    await page.waitForTimeout(2000);
  }
}

test("everything that is asked for lies on this server", async () => {
  await openBlueprint(page);
  await paint(page);
  await page.getByRole("link", { name: "Seal this tab" }).waitFor();
  await settled();
  expect(asked().filter((line) => !line.startsWith(`GET ${server.url}`))).toEqual([]);
  expect(asked().some((line) => line.endsWith(".wasm"))).toBe(true);
});

/** Pictures in the browser's database. */
function keptPictures(): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((resolve, reject) => {
        const opening = indexedDB.open("atelier");
        opening.onerror = () => reject(opening.error);
        opening.onsuccess = () => {
          const count = opening.result.transaction("pictures").objectStore("pictures").count();
          count.onsuccess = () => {
            opening.result.close();
            resolve(count.result);
          };
        };
      }),
  );
}

test("sealed, it runs from this device and the browser refuses to connect", async () => {
  await promptBox(page).evaluate((box) => box.removeAttribute("readonly"));
  await promptBox(page).fill("kept through the seal");
  await page.getByRole("link", { name: "Seal this tab" }).click();
  await page.getByText("This tab is sealed").waitFor();
  expect(await promptBox(page).inputValue()).toBe("kept through the seal");
  // The picture came along, and what is made now is not written down.
  await expect.poll(() => page.locator("#gallery-list li").count()).toBe(1);
  await settled();
  const before = server.asked.length;
  const problems = complaints(page);
  await openBlueprint(page);
  await paint(page);
  expect(asked(before)).toEqual([]);
  expect(problems).toEqual([]);

  const reach = (url: string) =>
    fetch(url).then(
      () => "reached",
      () => "refused",
    );
  expect(await page.evaluate(reach, "./icon.svg")).toBe("refused");
  expect(await (await engineOf(page)).evaluate(reach, `${server.url}icon.svg`)).toBe("refused");
  expect(asked(before)).toEqual([]);
  expect(await keptPictures()).toBe(1);
  await page.getByRole("link", { name: "Break the seal" }).click();
  await page.getByText("The page can connect only to its own server").waitFor();
  await expect.poll(() => page.locator("#gallery-list li").count()).toBe(2);
  expect(await keptPictures()).toBe(1);
});

test("offline, the page opens and generates, and not one request leaves", async () => {
  await settled();
  server.goAway();
  await page.context().setOffline(true);
  await page.reload();
  await page.getByText("mini is on this device.").waitFor();
  await settled();
  const before = server.asked.length;
  // From a prompt: the architect's files come from this device, too.
  await fill(page);
  await generateButton(page).click();
  await detail(page)
    .filter({ hasText: /^The architect sketches/ })
    .waitFor({ timeout: 120_000 });
  await page.keyboard.press("Escape");
  await detail(page).filter({ hasText: "Cancelled." }).waitFor();
  await openBlueprint(page);
  await paint(page);
  await finished(page);
  expect(asked(before)).toEqual([]);
});
