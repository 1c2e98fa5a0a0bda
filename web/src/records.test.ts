import { describe, expect, test } from "vitest";
import { checkBlueprint, parseBlueprint, parseRecord } from "./records.js";
import { blueprint, record } from "./testing/records.js";

test("a blueprint comes back as it was saved", () => {
  expect(parseBlueprint(JSON.stringify(blueprint))).toEqual(blueprint);
  const { draft: _, ...without } = blueprint;
  expect(parseBlueprint(JSON.stringify(without))).toEqual(without);
});

test("a record comes back as it was noted, without what a later version may add", () => {
  expect(parseRecord(JSON.stringify(record))).toEqual(record);
  expect(parseRecord(JSON.stringify({ ...record, more: 1 }))).toEqual(record);
  const latents = { sha256: "a".repeat(64), index: 1 };
  const paint = { ...record.paint, glyph_tokens: 9 };
  expect(parseRecord(JSON.stringify({ ...record, latents, paint }))).toEqual({ ...record, latents, paint });
});

test("other JSON is no blueprint", () => {
  for (const other of ["3", "null", "{}", '{"format":"atelier-run/1"}', "[]"])
    expect(parseBlueprint(other)).toBeUndefined();
});

test("another version is named so", () => {
  const newer = { format: "atelier-blueprint/2" };
  const refused = expect.objectContaining({ code: "other-version", message: expect.stringContaining("blueprint/2") });
  expect(() => parseBlueprint(JSON.stringify(newer))).toThrow(refused);
  expect(() => parseRecord(JSON.stringify({ ...record, blueprint: newer }))).toThrow(refused);
});

describe("a damaged one names the field, what was expected and what was found", () => {
  const grid = { rows: 2, columns: 2, ids: [1, 2, 3, 4] };
  test.each([
    [{ more: 1 }, 'expected no other fields, found "more"'],
    [{ prompt: 3 }, "prompt: expected a text of at most 100000 characters, found 3"],
    [{ prompt: "x".repeat(100_001) }, "prompt: expected a text of at most 100000 characters"],
    [{ width: 65 }, "width: expected a multiple of 32 from 32 to 4096, found 65"],
    [{ width: 8192 }, "width: expected a multiple of 32 from 32 to 4096, found 8192"],
    [{ seed: 2 ** 53 }, "seed: expected an integer from 0 to 9007199254740991, found 9007199254740992"],
    [{ sampling: undefined }, "sampling: expected an object, found none"],
    [{ sampling: { temperature: "1" } }, 'sampling.temperature: expected a number from 0 to 100, found "1"'],
    [{ draft: {} }, "draft.rows: expected an integer from 1 to 128, found none"],
    [{ large: { ...grid, rows: 129 } }, "large.rows: expected"],
    [{ large: { ...grid, rows: 4 } }, "large.ids: expected 8 codes, found 4"],
    [{ large: { ...grid, ids: [1, 2, 3] } }, "large.ids: expected 4 codes, found 3"],
    [{ large: { ...grid, ids: [1, -2, 3, 4] } }, "large.ids[1]: expected an integer from 0 to 4294967295, found -2"],
    [{ large: { ...grid, ids: Array(16_385).fill(0) } }, "large.ids: expected at most 16384 items, found 16385"],
    [{ width: 96 }, "large: expected a grid of 2 rows and 3 columns"],
    [{ sources: [{ width: 1, height: 1, sha256: "A".repeat(64) }] }, "sources[0].sha256: expected a SHA-256"],
    [{ sources: Array(65).fill({}) }, "sources: expected at most 64 items, found 65"],
  ])("%#", (wrong, message) => {
    expect(() => checkBlueprint({ ...blueprint, ...wrong }, "")).toThrow(
      expect.objectContaining({ code: "bad-blueprint", message: expect.stringContaining(`blueprint: ${message}`) }),
    );
  });

  test.each([
    ["{", "expected JSON"],
    ["null", "expected an object"],
    [JSON.stringify({ ...record, sources: "a.png" }), 'sources: expected a list, found "a.png"'],
    [JSON.stringify({ ...record, paint: { ...record.paint, steps: 0 } }), "paint.steps: expected"],
    [JSON.stringify({ ...record, blueprint: { ...blueprint, large: {} } }), "blueprint.large.rows: expected"],
    [JSON.stringify({ ...record, blueprint: { ...blueprint, width: 96 } }), "blueprint.large: expected"],
  ])("a record, %#", (json, message) => {
    expect(() => parseRecord(json)).toThrow(
      expect.objectContaining({ code: "bad-image", message: expect.stringContaining(`chunk 'atelier': ${message}`) }),
    );
  });
});

test("names of an object's own kind are no fields", () => {
  expect(parseBlueprint('{"__proto__": {"format": "atelier-blueprint/1"}}')).toBeUndefined();
});
