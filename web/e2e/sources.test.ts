/** A picture to start from is the same in the tab as in the program: upright, in sRGB, on white where it is transparent. */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Blueprint, RunRecord } from "atelier-web";
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

/** What a run of the tab's leaves of its source images, and what it has warned of. */
interface Told {
  readonly blueprint: Blueprint;
  readonly warnings: readonly { readonly kind: string; readonly message: string }[];
  readonly record: RunRecord;
}

/** Makes a picture in the tab, from the prompt or from a blueprint. A script of its own, as the test's would be bundled. */
async function inTab(bytes: Buffer, name: string, blueprint?: Blueprint): Promise<Told> {
  const start = blueprint ? { blueprint } : { prompt: PROMPT, width: SIDE, height: SIDE };
  const request = { ...start, seed: 1, steps: 1, imageNames: [name] };
  return page.evaluate(`(async () => {
    const { createEngine } = await import("/lib/index.js");
    globalThis.engine ??= await createEngine({ url: "/dist/models/mini/" });
    const bytes = await (await fetch("data:;base64,${bytes.toString("base64")}")).blob();
    const run = engine.generate({ ...${JSON.stringify(request)}, images: [bytes] });
    const warnings = [];
    for await (const event of run) if (event.event === "warning") warnings.push(event);
    const { blueprint, record } = await run.result;
    return { blueprint, warnings, record };
  })()`);
}

/** Has the program write a blueprint, or paint one. */
async function inProgram(file: string, ...more: string[]): Promise<{ blueprint: Blueprint; said: string }> {
  const out = join(folder, "program.json");
  const start = more.length > 0 ? more : [PROMPT, "-W", String(SIDE), "-H", String(SIDE), "--blueprint-only"];
  const args = ["generate", ...start, "-i", file, "-s", "1", "--device", "cpu", "--model", MINI];
  const { stderr } = await promisify(execFile)(program ?? "", [...args, "--save-blueprint", out]);
  return { blueprint: JSON.parse(readFileSync(out, "utf8")) as Blueprint, said: stderr };
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
    expect((await inTab(bytes, `${name}.png`)).blueprint.sources).toEqual(expected);
    expect((await inProgram(fileOf(`${name}.png`, bytes))).blueprint.sources).toEqual(expected);
  });
});

describe("but for the rounding of one decoder or another", () => {
  const orange: Colour = [200, 100, 50];

  test.each(Object.entries(PROFILES))("the colours of %s", async (name, profile: Profile) => {
    const { bytes } = png({ color: "rgb", depth: 8, only: orange, profile });
    const expected = fromProfile(orange, profile);
    expect(apart(expected, orange)).toBeGreaterThan(5);
    const tab = colourOf((await inTab(bytes, "a.png")).blueprint, expected, 2);
    const { blueprint, said } = await inProgram(fileOf(`${name}.png`, bytes));
    expect(apart(colourOf(blueprint, expected, 2), tab)).toBeLessThanOrEqual(2);
    expect(said).toContain("converted from its colour profile to sRGB");
  });

  test("colours that let half through", async () => {
    const { bytes } = png({ color: "rgba", depth: 8, only: orange, alpha: 128 });
    const expected = orange.map((value) => Math.round((value * 128 + 255 * 127) / 255)) as unknown as Colour;
    const tab = colourOf((await inTab(bytes, "a.png")).blueprint, expected, 1);
    const { blueprint } = await inProgram(fileOf("half.png", bytes));
    expect(apart(colourOf(blueprint, expected, 0), tab)).toBeLessThanOrEqual(1);
  });

  test.each(["cmyk.jpg", "ycck.jpg"])("the inks of %s", async (name) => {
    const printed: Colour = [223, 111, 0];
    const tab = colourOf((await inTab(readFileSync(join(JPEGS, name)), name)).blueprint, printed, 8);
    const { blueprint } = await inProgram(join(JPEGS, name));
    expect(apart(colourOf(blueprint, printed, 8), tab)).toBeLessThanOrEqual(4);
  });
});

test("a blueprint that was written for other pixels of the same picture is painted, with a warning", async () => {
  const { bytes } = png({ color: "rgb", depth: 8, only: [200, 100, 50] });
  const { bytes: other } = png({ color: "rgb", depth: 8, only: [201, 100, 50] });
  const { blueprint, warnings } = await inTab(bytes, "mine.png");
  const changed = (told: Told["warnings"]) => told.filter(({ kind }) => kind === "changed-source");
  expect(changed(warnings)).toEqual([]);
  expect(changed((await inTab(bytes, "mine.png", blueprint)).warnings)).toEqual([]);
  const told = await inTab(other, "mine.png", blueprint);
  expect(changed(told.warnings)).toMatchObject([
    { name: "mine.png", message: expect.stringContaining("other pixels") },
  ]);
  expect(told.record.blueprint).toEqual(blueprint);
  // So does the program, with the tab's blueprint.
  const file = fileOf("tab.json", Buffer.from(JSON.stringify(blueprint)));
  const paint = ["--blueprint", file, "--steps", "1", "-o", join(folder, "painted.png")];
  expect((await inProgram(fileOf("other.png", other), ...paint)).said).toContain("other pixels");
  expect((await inProgram(fileOf("same.png", bytes), ...paint)).said).not.toContain("other pixels");
  // Another size is another picture.
  const large = png({ color: "rgb", depth: 8, side: 2 * SIDE }).bytes;
  await expect(inTab(large, "mine.png", blueprint)).rejects.toThrow(/sources: expected/);
});
