/** A picture to start from is the same in the tab as in the program: upright, in sRGB, on white where it is transparent. */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Blueprint } from "atelier-web";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launch, openPage } from "./browser.ts";
import { type Colour, fromProfile, type Profile, PROFILES, png } from "./pictures.ts";
import { FileServer } from "./server.ts";
import { MINI } from "./studio.ts";

/** The program, as `cargo xtask test` builds it. */
const program = process.env["ATELIER_PROGRAM"];
const JPEGS = resolve(import.meta.dirname, "../../crates/atelier-cli/tests/data");

/** Pixels of a side. */
const SIDE = 64;
const PROMPT = "A card with 'HI'";

let server: FileServer;
let browser: Browser;
let page: Page;
let folder: string;

beforeAll(async () => {
  if (!program) throw new Error("ATELIER_PROGRAM: expected the path of `atelier`, found nothing");
  folder = mkdtempSync(join(tmpdir(), "atelier-sources-"));
  server = await FileServer.start(resolve(import.meta.dirname, ".."));
  browser = await launch();
  // Any document of the server's will do.
  page = await openPage(browser, `${server.url}package.json`);
});

afterAll(async () => {
  await browser.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

/** A picture as the engine gets it. */
interface Seen {
  readonly width: number;
  readonly height: number;
  /** RGB, row by row. */
  readonly pixels: Uint8Array;
}

/** Has the tab's worker code read a picture. A script of its own, as the test's would be bundled. */
async function inTab(bytes: Buffer, name: string): Promise<Seen> {
  const { width, height, rgba } = await page.evaluate<{ width: number; height: number; rgba: string }>(`(async () => {
    const { decodeImage } = await import("/lib/images.js");
    const bytes = await (await fetch("data:;base64,${bytes.toString("base64")}")).blob();
    const { width, height, data } = await decodeImage(bytes, ${JSON.stringify(name)});
    return { width, height, rgba: btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join("")) };
  })()`);
  return { width, height, pixels: onWhite(Buffer.from(rgba, "base64")) };
}

/** As the engine does it, here as in the program: `RgbImage::on_white`. */
function onWhite(rgba: Uint8Array): Uint8Array {
  const pixels = new Uint8Array((rgba.length / 4) * 3);
  for (let at = 0; at < rgba.length / 4; at += 1) {
    const alpha = rgba[4 * at + 3] ?? 0;
    for (let c = 0; c < 3; c += 1) {
      pixels[3 * at + c] = Math.trunc(((rgba[4 * at + c] ?? 0) * alpha + 255 * (255 - alpha) + 127) / 255);
    }
  }
  return pixels;
}

/** The colour of a picture of one colour. */
function onlyColour({ pixels }: Seen): Colour {
  const [red = 0, green = 0, blue = 0] = pixels;
  const colours = new Set(
    Array.from({ length: pixels.length / 3 }, (_, at) => pixels.slice(3 * at, 3 * at + 3).join()),
  );
  expect([...colours]).toEqual([[red, green, blue].join()]);
  return [red, green, blue];
}

/** Runs the program with a picture. Gives what it says. */
async function runProgram(file: string, ...more: string[]): Promise<string> {
  const args = ["generate", ...more, "-i", file, "-s", "1", "--device", "cpu", "--model", MINI];
  return (await promisify(execFile)(program ?? "", args)).stderr;
}

/** Has the program write a blueprint from a picture. */
async function inProgram(file: string): Promise<{ blueprint: Blueprint; said: string }> {
  const out = join(folder, "program.json");
  const size = ["-W", String(SIDE), "-H", String(SIDE)];
  const said = await runProgram(file, PROMPT, ...size, "--blueprint-only", "--save-blueprint", out);
  return { blueprint: JSON.parse(readFileSync(out, "utf8")) as Blueprint, said };
}

function fileOf(name: string, bytes: Buffer): string {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  return file;
}

const hashOf = (pixels: Uint8Array) => createHash("sha256").update(pixels).digest("hex");

/** The colour of a picture of one colour, near `guess`, by the hash of its pixels. */
function colourOf(blueprint: Blueprint, guess: Colour, reach: number): Colour {
  const [source] = blueprint.sources ?? [];
  if (!source) throw new Error("the blueprint has no source");
  const range = (value: number) =>
    Array.from({ length: 2 * reach + 1 }, (_, at) => value - reach + at).filter((level) => level >= 0 && level <= 255);
  const pixels = new Uint8Array(source.width * source.height * 3);
  for (const red of range(guess[0])) {
    for (const green of range(guess[1])) {
      for (const blue of range(guess[2])) {
        for (let at = 0; at < pixels.length; at += 3) {
          pixels[at] = red;
          pixels[at + 1] = green;
          pixels[at + 2] = blue;
        }
        if (hashOf(pixels) === source.sha256) return [red, green, blue];
      }
    }
  }
  throw new Error(`no colour within ${reach} levels of ${guess}`);
}

const apart = (one: Colour, other: Colour) => Math.max(...one.map((value, at) => Math.abs(value - (other[at] ?? 0))));

describe("to the bit", () => {
  test.each([
    ["eight bits", png({ color: "rgb", depth: 8 })],
    ["sixteen bits", png({ color: "rgb", depth: 16 })],
    ["a palette with a hole", png({ color: "palette", depth: 8 })],
    ["grey with holes", png({ color: "grey-alpha", depth: 8 })],
    ["colours with holes", png({ color: "rgba", depth: 8 })],
    ["upside down", png({ color: "rgb", depth: 8, orientation: 3 })],
    ["turned", png({ color: "rgb", depth: 8, orientation: 6 })],
    ["turned and mirrored", png({ color: "rgb", depth: 8, orientation: 5 })],
  ])("a PNG of %s", async (name, { bytes, width, height, pixels }) => {
    const expected = [{ width, height, sha256: hashOf(pixels) }];
    const tab = await inTab(bytes, `${name}.png`);
    expect([{ width: tab.width, height: tab.height, sha256: hashOf(tab.pixels) }]).toEqual(expected);
    expect((await inProgram(fileOf(`${name}.png`, bytes))).blueprint.sources).toEqual(expected);
  });
});

describe("but for the rounding of one decoder or another", () => {
  const orange: Colour = [200, 100, 50];

  test.each(Object.entries(PROFILES))("the colours of %s", async (name, profile: Profile) => {
    const { bytes } = png({ color: "rgb", depth: 8, only: orange, profile });
    const expected = fromProfile(orange, profile);
    expect(apart(expected, orange)).toBeGreaterThan(5);
    const tab = onlyColour(await inTab(bytes, "a.png"));
    expect(apart(tab, expected)).toBeLessThanOrEqual(2);
    const { blueprint, said } = await inProgram(fileOf(`${name}.png`, bytes));
    expect(apart(colourOf(blueprint, expected, 2), tab)).toBeLessThanOrEqual(2);
    expect(said).toContain("converted from its colour profile to sRGB");
  });

  test("colours that let half through", async () => {
    const { bytes } = png({ color: "rgba", depth: 8, only: orange, alpha: 128 });
    const expected = orange.map((value) => Math.round((value * 128 + 255 * 127) / 255)) as unknown as Colour;
    const tab = onlyColour(await inTab(bytes, "a.png"));
    const { blueprint } = await inProgram(fileOf("half.png", bytes));
    expect(apart(colourOf(blueprint, expected, 0), tab)).toBeLessThanOrEqual(1);
  });

  test.each(["cmyk.jpg", "ycck.jpg"])("the inks of %s", async (name) => {
    const printed: Colour = [223, 111, 0];
    const tab = onlyColour(await inTab(readFileSync(join(JPEGS, name)), name));
    expect(apart(tab, printed)).toBeLessThanOrEqual(8);
    const { blueprint } = await inProgram(join(JPEGS, name));
    expect(apart(colourOf(blueprint, printed, 8), tab)).toBeLessThanOrEqual(8);
  });
});

/** What the tab warns of before it begins to paint a blueprint from a picture. */
async function warnings(
  bytes: Buffer,
  blueprint: Blueprint,
): Promise<{ kind: string; name?: string; message: string }[]> {
  const request = { blueprint, seed: 1, steps: 1, imageNames: ["mine.png"] };
  return page.evaluate(`(async () => {
    const { createEngine } = await import("/lib/index.js");
    const engine = await createEngine({ url: "/dist/models/mini/" });
    const bytes = await (await fetch("data:;base64,${bytes.toString("base64")}")).blob();
    const warnings = [];
    for await (const event of engine.generate({ ...${JSON.stringify(request)}, images: [bytes] })) {
      if (event.event !== "warning") break;
      warnings.push(event);
    }
    engine.dispose();
    return warnings;
  })()`);
}

test("a blueprint that was written for other pixels of the same picture is painted, with a warning", async () => {
  const { bytes } = png({ color: "rgb", depth: 8, only: [200, 100, 50] });
  const { bytes: other } = png({ color: "rgb", depth: 8, only: [201, 100, 50] });
  const mine = fileOf("mine.png", bytes);
  const { blueprint } = await inProgram(mine);
  const changed = (told: readonly { kind: string }[]) => told.filter(({ kind }) => kind === "changed-source");
  expect(changed(await warnings(bytes, blueprint))).toEqual([]);
  const told = changed(await warnings(other, blueprint));
  expect(told).toMatchObject([
    { name: "mine.png", message: "mine.png has other pixels than the blueprint was written for" },
  ]);
  // So does the program.
  const file = fileOf("blueprint.json", Buffer.from(JSON.stringify(blueprint)));
  const paint = ["--blueprint", file, "--steps", "1", "-o", join(folder, "painted.png")];
  expect(await runProgram(fileOf("other.png", other), ...paint)).toContain("other pixels");
  expect(await runProgram(mine, ...paint)).not.toContain("other pixels");
  // Another size is another picture.
  const large = png({ color: "rgb", depth: 8, side: 2 * SIDE }).bytes;
  await expect(warnings(large, blueprint)).rejects.toThrow(/sources/);
});

test("what only telephones read is refused with what to do", async () => {
  for (const brand of ["heic", "mif1"]) {
    const bytes = Buffer.from(`\0\0\0\x18ftyp${brand}${"\0".repeat(40)}`, "latin1");
    const advice = "expected an image that the browser can show, found HEIC: save it as a JPEG or PNG first";
    await expect(inTab(bytes, "a.heic")).rejects.toThrow(`a.heic: ${advice}`);
  }
});
