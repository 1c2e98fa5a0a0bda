/** Takes the pictures of the page that stand in docs/: light, dark and as wide as a phone; draws its icons. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "vitest";
import type { FromWorker } from "../src/protocol.ts";
import { DIST, launch, PATIENCE } from "./browser.ts";
import { FileServer } from "./server.ts";
import { cancelButton, finished, generateButton } from "./studio.ts";

const DOCS = resolve(import.meta.dirname, "../../docs");

/** In the page: from the middle of the blueprint on, what the engine's worker says waits until `goOn` is called. */
function holdInTheMiddle(): void {
  const held: { readonly worker: Worker; readonly data: FromWorker }[] = [];
  let holds = true;
  globalThis.Worker = class extends Worker {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options);
      this.addEventListener("message", (message: MessageEvent<FromWorker>) => {
        const { data } = message;
        const event = data.type === "event" ? data.event : undefined;
        const middle = event?.event === "blueprint-token" && event.grid === "large" && event.index >= 170;
        if (!holds || (held.length === 0 && !middle)) return;
        message.stopImmediatePropagation();
        held.push({ worker: this, data });
        Object.assign(globalThis, { isHeld: true });
      });
    }
  };
  const goOn = () => {
    holds = false;
    for (const { worker, data } of held) worker.dispatchEvent(new MessageEvent("message", { data }));
  };
  Object.assign(globalThis, { isHeld: false, goOn });
}
declare const isHeld: boolean;
declare const goOn: () => void;

test("pictures of the page", { timeout: PATIENCE }, async () => {
  mkdirSync(DOCS, { recursive: true });
  const server = await FileServer.start(DIST);
  const browser = await launch();
  // The adapter in software does not pass for a real one here: the processor's engine makes the picture, as on a plain laptop.
  const page = await browser.newPage({
    colorScheme: "dark",
    locale: "en-US",
    viewport: { width: 1280, height: 860 },
    deviceScaleFactor: 1.5,
  });
  await page.addInitScript(holdInTheMiddle);
  await page.goto(server.url);
  const shoot = (name: string, fullPage: boolean) => page.screenshot({ path: join(DOCS, name), fullPage });

  const paint = async (example: number, seed: string) => {
    await page.locator("#examples button").nth(example).click();
    await page.getByRole("textbox", { name: "Seed" }).fill(seed);
    await generateButton(page).click();
  };
  await paint(0, "1");
  await page.waitForFunction(() => isHeld);
  await shoot("web-dark.png", false);
  await page.evaluate(() => goOn());
  await finished(page);
  for (const example of [1, 2, 3]) {
    await cancelButton(page).waitFor({ state: "hidden" });
    await paint(example, "1");
    await cancelButton(page).waitFor();
    await finished(page);
  }
  await cancelButton(page).waitFor({ state: "hidden" });
  await page.emulateMedia({ colorScheme: "light" });
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
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
