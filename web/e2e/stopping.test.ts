/** How soon a run stops: neither the queue of the device nor the step is waited for. */

import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { DIST, launch, openPage, PATIENCE } from "./browser.ts";
import { FileServer } from "./server.ts";
import { cancelButton, generateButton, openBlueprint } from "./studio.ts";

/** What `browser.ts` leaves in every page: the names of the engine's events since Generate was pressed last. */
declare const engineEvents: () => string[];

test("a run stops in a small part of a step", async () => {
  const server = await FileServer.start(DIST);
  const browser = await launch();
  const page = await openPage(browser, server.url);
  await openBlueprint(page, 4, 384);
  const steps = (count: number) =>
    expect
      .poll(() => page.evaluate(() => engineEvents().filter((event) => event === "step").length), {
        timeout: PATIENCE,
        interval: 20,
      })
      .toBe(count);
  await generateButton(page).click();
  await steps(1);
  const begun = performance.now();
  await steps(2);
  const step = performance.now() - begun;
  await setTimeout(step / 3);
  const asked = performance.now();
  await cancelButton(page).click();
  await generateButton(page).and(page.locator(":enabled")).waitFor();
  await cancelButton(page).waitFor({ state: "hidden" });
  const stopped = performance.now() - asked;
  console.log(`a step takes ${Math.round(step)} ms, stopping ${Math.round(stopped)} ms`);
  expect(stopped).toBeLessThan(step / 3);
  await browser.close();
  await server.close();
});
