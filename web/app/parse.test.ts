import { readPictureNote } from "atelier-web";
import { expect, test } from "vitest";
import { FileProblem, parseBlueprint, parseRecord } from "./parse";
import { BLUEPRINT, type Hostile, hostileFiles, RECORD } from "./testing/hostile";

/** What becomes of a file, as in `open-files.ts`. */
async function verdict({ name, type, bytes }: Hostile): Promise<string> {
  try {
    if (name.endsWith(".json")) return parseBlueprint(new TextDecoder().decode(bytes)) ? "blueprint" : "unknown";
    if (type !== "image/png") return name.endsWith(".txt") ? "unknown" : "image";
    const note = await readPictureNote(new Blob([bytes]));
    return note === undefined ? "image" : parseRecord(note).format;
  } catch (error) {
    return error instanceof FileProblem ? error.kind : "damaged";
  }
}

test("hostile files are all refused, each as what it is", async () => {
  const files = await hostileFiles();
  expect(files.length).toBeGreaterThanOrEqual(40);
  const found = await Promise.all(files.map(async (file) => [file.name, await verdict(file)]));
  expect(found).toEqual(files.map((file) => [file.name, file.verdict]));
}, 60_000);

test("a blueprint as it should be is taken as it is, with all that it may have", () => {
  const sources = [{ width: 1, height: 2, sha256: "a".repeat(64) }];
  const draft = { rows: 1, columns: 1, ids: [4_294_967_295] };
  for (const blueprint of [BLUEPRINT, { ...BLUEPRINT, draft, sources }]) {
    expect(parseBlueprint(JSON.stringify(blueprint))).toEqual(blueprint);
  }
});

test("a run as it should be is taken, with what a later version may add beside it", () => {
  const record = { ...RECORD, sources: ["a.png"], paint: { ...RECORD.paint, glyph_tokens: 12 } };
  expect(parseRecord({ ...record, latents: { sha256: "0", index: 0 } })).toEqual(record);
});

test("what is wrong is named by its field", () => {
  const grid = { ...BLUEPRINT, large: { ...BLUEPRINT.large, ids: [1, 2, 3, "x"] } };
  expect(() => parseBlueprint(JSON.stringify(grid))).toThrow(/^large\.ids\.3: /);
  expect(() => parseRecord({ ...RECORD, paint: { ...RECORD.paint, steps: 0 } })).toThrow(/^paint\.steps: /);
});
