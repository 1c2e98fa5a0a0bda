/** The page without an engine at work: how it looks, speaks and is used. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Browser, Locator } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { audit } from "./axe.ts";
import { complaints, DIST, launch, openPage } from "./browser.ts";
import { FileServer } from "./server.ts";
import { anyBlueprint, detail, fill, generateButton, message, openBlueprint, openFile, promptBox } from "./studio.ts";

const card = JSON.parse(readFileSync(resolve(import.meta.dirname, "../../models/mini/atelier.json"), "utf8")) as {
  readonly decorations: readonly string[];
};

/** What of the manifest is tested. */
interface Installed {
  readonly file_handlers: readonly { readonly accept: Readonly<Record<string, readonly string[]>> }[];
  readonly icons: readonly { readonly src: string; readonly sizes: string; readonly type: string }[];
}

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

describe.each(["light", "dark"] as const)("in %s", (colorScheme) => {
  test("axe finds nothing, with everything unfolded", async () => {
    const page = await openPage(browser, server.url, { colorScheme });
    expect(await audit(page)).toEqual([]);
    await page.getByLabel("Size").selectOption("other");
    await page.locator("#more summary").click();
    await page.getByRole("button", { name: "Check this GPU" }).click();
    await page.getByText(/computes what it should/).waitFor();
    await page.getByText("All results").click();
    await openBlueprint(page);
    await page.locator("input[value=files]").check();
    await openFile(page, "notes.txt", "text/plain", Buffer.from("no"));
    await message(page).waitFor();
    expect(await audit(page)).toEqual([]);
    await page.context().close();
  });
});

test("a phone of 320 pixels needs no sideways scrolling", async () => {
  const page = await openPage(browser, server.url, { viewport: { width: 320, height: 640 } });
  await page.getByLabel("Size").selectOption("other");
  await page.locator("#more summary").click();
  await page.getByRole("button", { name: "Check this GPU" }).click();
  await page.getByText(/computes what it should/).waitFor();
  await page.getByText("All results").click();
  for (const kind of ["url", "files"]) {
    await page.locator(`input[value=${kind}]`).check();
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBe(320);
  }
  await page.context().close();
});

test("privacy, prompt and button are in a phone's first screen, and the sheet is as wide as its column", async () => {
  const page = await openPage(browser, server.url, { viewport: { width: 390, height: 844 } });
  await page.locator("#examples button").first().click();
  const below = async (element: Locator) => {
    const box = await element.boundingBox();
    return (box?.y ?? Number.NaN) + (box?.height ?? 0);
  };
  const shown = [page.getByText("stays on this device."), promptBox(page), generateButton(page)];
  expect(Math.max(...(await Promise.all(shown.map(below))))).toBeLessThanOrEqual(844);
  for (const width of [1100, 1920]) {
    await page.setViewportSize({ width, height: 900 });
    const edges = await page.evaluate(() =>
      [".board", ".languages", ".footer"].map((part) => document.querySelector(part)?.getBoundingClientRect().right),
    );
    expect(new Set(edges).size, `right edges in a window of ${width}: ${edges}`).toBe(1);
  }
  await page.context().close();
});

test("Chinese by the browser's language, and by the switch, which is kept", async () => {
  const page = await openPage(browser, server.url, { locale: "zh-CN" });
  await page.getByRole("textbox", { name: "提示词" }).waitFor();
  expect(await page.locator("html").getAttribute("lang")).toBe("zh-Hans");
  await page.getByRole("button", { name: "English" }).click();
  await promptBox(page).waitFor();
  await page.reload();
  await promptBox(page).waitFor();
  await page.getByRole("button", { name: "中文" }).click();
  await page.getByRole("button", { name: "生成" }).waitFor();
  // Nothing that a user reads may be left in the other language.
  const english = (await page.locator("main").innerText()).match(/\b[a-z]{2,}\b/g) ?? [];
  // Its name, and what it draws, in the words of a prompt.
  const names = ["mini", ...card.decorations.flatMap((name: string) => name.split(" "))];
  expect(english.filter((word) => !names.includes(word))).toEqual([]);
  await page.context().close();
});

test("the first paint waits for no wasm, and nothing is fetched before it is wanted", async () => {
  const page = await openPage(browser, server.url, { serviceWorkers: "block" });
  await generateButton(page).waitFor();
  await page.getByText("The first picture downloads mini once").waitFor();
  const asked = await page.evaluate(() => performance.getEntriesByType("resource").map((entry) => entry.name));
  expect(asked.some((name) => name.endsWith("pack.json"))).toBe(true);
  expect(asked.filter((name) => /wasm|worker|safetensors/.test(name))).toEqual([]);
  await page.context().close();
});

test("an example fills the prompt; what is missing is said beside its field", async () => {
  const page = await openPage(browser, server.url);
  await generateButton(page).click();
  await page.getByText("Describe what the picture should show.").waitFor();
  expect(await promptBox(page).evaluate((box) => box === document.activeElement)).toBe(true);
  await page.locator("#examples button").first().click();
  expect(await promptBox(page).inputValue()).toContain("'OPEN STUDIO'");
  await page.getByText("Will be spelled: “OPEN STUDIO”, “Friday 7pm”").waitFor();
  await page.getByRole("textbox", { name: "Seed" }).fill("1.5");
  await generateButton(page).click();
  await page.getByText("The seed must be a whole number").waitFor();
  expect(await detail(page).isVisible()).toBe(false);
  await page.context().close();
});

test("what the model can draw stands beside the prompt, and the prompt is compared with it", async () => {
  const page = await openPage(browser, server.url);
  await page.getByText("mini draws up to 12 texts of up to 48 characters (English, German, French, Spanish)").waitFor();
  const seen = (text: string) => page.getByText(text).waitFor();
  await promptBox(page).fill("a cat in the rain");
  await seen("No words are in quotation marks: mini guesses which ones to draw.");
  await promptBox(page).fill(`'Кот' and '${"long ".repeat(12)}' ${"'a' ".repeat(11)}`);
  await seen("mini cannot draw К о т");
  await seen("mini learned texts of up to 48 characters; “long long long long long…” has 60.");
  await seen("mini learned up to 12 texts in a picture; here are 13.");
  await page.getByLabel("Size").selectOption("other");
  await page.getByLabel("Width").fill("256");
  await page.getByLabel("Width").blur();
  await seen("mini never learned this size: try 512 × 512.");
  await page.getByLabel("Size").selectOption("512 × 768");
  await promptBox(page).fill("'fine'");
  await expect.poll(() => page.locator(".doubts:visible").count()).toBe(0);

  // Another model's card is read before the model is open, and a model without one is not judged.
  const model = (card: object) => ({
    name: "pack.json",
    mimeType: "application/json",
    buffer: Buffer.from(JSON.stringify({ configs: { "atelier.json": card } })),
  });
  await page.locator("input[value=files]").check();
  await page
    .locator("#files-input")
    .setInputFiles(model({ name: "other", longest_text: 3, sizes: [[640, 384]], default_steps: 9 }));
  await seen("other learned texts of up to 3 characters; “fine” has 4.");
  expect(await page.getByRole("textbox", { name: "Steps" }).inputValue()).toBe("9");
  await seen("other never learned this size: try 640 × 384.");
  await page.getByLabel("Size").selectOption("640 × 384");
  await page.locator("#files-input").setInputFiles(model({}));
  await expect.poll(() => page.locator(".doubts:visible").count()).toBe(0);
  expect(await page.locator("#prompt-hint").innerText()).toBe("Put the words of the picture in quotation marks.");
  await page.context().close();
});

test("a blueprint takes the place of prompt and size until it is put away", async () => {
  const page = await openPage(browser, server.url);
  await openBlueprint(page);
  expect(await promptBox(page).inputValue()).toBe(anyBlueprint().prompt);
  expect(await promptBox(page).isEditable()).toBe(false);
  await page.getByRole("button", { name: "Close blueprint" }).click();
  expect(await promptBox(page).isEditable()).toBe(true);
  await openFile(page, "broken.json", "application/json", Buffer.from(`{"format":"atelier-blueprint/1"}`));
  await page.getByText("broken.json is damaged").waitFor();
  await page.context().close();
});

test("installed, the page opens the files that the system gives it", async () => {
  const manifest = JSON.parse(readFileSync(resolve(DIST, "manifest.webmanifest"), "utf8")) as Installed;
  expect(manifest.file_handlers.flatMap(({ accept }) => Object.values(accept).flat())).toEqual([".png", ".json"]);
  for (const { src, sizes, type } of manifest.icons.filter(({ type }) => type === "image/png")) {
    const bytes = readFileSync(resolve(DIST, src));
    const side = bytes.readUInt32BE(16);
    expect([`${side}x${bytes.readUInt32BE(20)}`, type]).toEqual([sizes, "image/png"]);
  }
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.addInitScript((text) => {
    const file = async () => new File([text], "launched.json", { type: "application/json" });
    const setConsumer = (take: (launch: object) => void) => take({ files: [{ getFile: file }] });
    Object.defineProperty(globalThis, "launchQueue", { value: { setConsumer } });
  }, JSON.stringify(anyBlueprint()));
  await page.goto(server.url);
  await page.getByText("A blueprint is open").waitFor();
  await context.close();
});

test("with the user's own colours every bar and what has the focus can be seen", async () => {
  const page = await openPage(browser, server.url, { forcedColors: "active" });
  const drawn = await page.evaluate(() => {
    const bar = document.createElement("span");
    bar.className = "bar";
    const fill = document.createElement("span");
    bar.append(fill);
    document.getElementById("stages")?.append(bar);
    document.getElementById("progress")?.removeAttribute("hidden");
    const { borderTopWidth } = getComputedStyle(bar);
    const [full, empty] = [getComputedStyle(fill).backgroundColor, getComputedStyle(bar).backgroundColor];
    return { border: borderTopWidth, apart: full !== empty };
  });
  expect(drawn).toEqual({ border: "1px", apart: true });
  await promptBox(page).focus();
  await page.keyboard.press("Tab");
  const outline = () => page.evaluate(() => getComputedStyle(document.activeElement ?? document.body).outlineStyle);
  expect(await outline()).toBe("solid");
  await page.context().close();
});

test("pictures come by drop and by paste, and go again", async () => {
  const page = await openPage(browser, server.url);
  const photo = [...(await page.screenshot({ clip: { x: 0, y: 0, width: 32, height: 32 } }))];
  await page.evaluate((photo) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([new Uint8Array(photo)], "dropped.png", { type: "image/png" }));
    document.body.dispatchEvent(new DragEvent("dragover", { dataTransfer: transfer, bubbles: true, cancelable: true }));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
    document.body.dispatchEvent(
      new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true }),
    );
  }, photo);
  await page.getByRole("img", { name: "dropped.png" }).waitFor();
  await page.getByRole("img", { name: "pasted 1" }).waitFor();
  await page.getByRole("button", { name: "Remove dropped.png" }).click();
  await page.getByRole("img", { name: "dropped.png" }).waitFor({ state: "detached" });
  expect(await page.locator("#sources img").count()).toBe(1);
  await page.context().close();
});

test("a model on another server is refused", async () => {
  const page = await openPage(browser, server.url);
  await page.locator("input[value=url]").check();
  await page.getByLabel("Address", { exact: true }).fill("https://example.com/model/");
  await page.getByLabel("Address", { exact: true }).blur();
  await page.getByText("must be on this page’s own server").waitFor();
  await page.context().close();
});

test("neither page may reach anyone else, and the browser says so", async () => {
  const page = await openPage(browser, server.url);
  const found = complaints(page);
  const tries = await page.evaluate(async () => {
    const reach = (url: string) =>
      fetch(url).then(
        () => "reached",
        () => "refused",
      );
    return [await reach("https://example.com/"), await reach("./icon.svg")];
  });
  expect(tries).toEqual(["refused", "reached"]);
  expect(found.join()).toContain("Content Security Policy");
  await page.context().close();
});

test("without WebGPU and without vector instructions the page says so and what to do", async () => {
  const plain = await launch({ webgpu: false });
  const page = await plain.newPage();
  await page.addInitScript(() => {
    Reflect.deleteProperty(Navigator.prototype, "gpu");
    WebAssembly.validate = () => false;
  });
  await page.goto(server.url);
  await message(page).waitFor();
  expect(await message(page).innerText()).toContain("This browser has no WebGPU");
  await plain.close();
});

test("with WebGPU and no adapter, the GPU is asked for: the page says that there is none", async () => {
  const plain = await launch({ webgpu: false });
  const page = await plain.newPage();
  await page.goto(server.url);
  await expect.poll(() => page.locator("#engine-hint").innerText()).toContain("WebGPU finds no graphics card");
  await page.getByLabel("Pictures are made on").selectOption("gpu");
  await fill(page);
  await generateButton(page).click();
  await message(page).waitFor();
  expect(await message(page).innerText()).toContain("WebGPU found no graphics adapter");
  await plain.close();
});
