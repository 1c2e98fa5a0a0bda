import { expect, test, vi } from "vitest";
// The rules are the engine's, and so are the sizes they are tried with.
import source from "../../crates/atelier/src/card.rs?raw";

// The build writes mini's into the page.
vi.stubGlobal("__CARD__", {});
const { cardWarnings, readCard } = await import("./card");

const CARD = {
  name: "mini",
  sizes: [
    [512, 512],
    [512, 768],
    [768, 512],
    [768, 768],
  ],
  other_sizes: { multiple_of: 64, least: 512, most: 768 },
  most_texts: 2,
  longest_text: 12,
  alphabet: {
    characters: " é'",
    ranges: [
      { name: "A to Z", first: "A", last: "Z" },
      { name: "a to z", first: "a", last: "z" },
    ],
  },
  reads_source_pictures: false,
} as const;

test("what was taught is not warned of", () => {
  for (const size of [
    [512, 768],
    [640, 576],
  ] as const)
    expect(cardWarnings(CARD, ["HELLO", "a\ncafé"], size, 0)).toEqual([]);
  expect(cardWarnings({ name: "x" }, ["ʞ", "b", "c"], [64, 768], 1)).toEqual([]);
});

test("a size that was not taught has the nearest one that was", () => {
  const cases = [...source.matchAll(/\(\[(\d+), (\d+)\], "(\d+)×(\d+)"\)/g)].map((found) => found.slice(1).map(Number));
  expect(cases.length).toBeGreaterThan(3);
  for (const [width = 0, height = 0, ...nearest] of cases)
    expect(cardWarnings(CARD, [], [width, height], 0)).toEqual([
      { kind: "size", model: "mini", width, height, nearest },
    ]);
});

test("characters, lengths, counts and source pictures", () => {
  const found = cardWarnings(CARD, ["bжʞж", "abcd efghijklm", "c"], [512, 512], 1);
  expect(found).toEqual([
    { kind: "characters", model: "mini", characters: "жʞ" },
    { kind: "long-text", model: "mini", text: "abcd efghijklm", length: 14, longest: 12 },
    { kind: "texts", model: "mini", texts: 3, most: 2 },
    { kind: "sources", model: "mini" },
  ]);
});

test("the card of files is read, in a folder and in a pack, and only what is as it should be", async () => {
  const files = (name: string, value: unknown) => ({ files: new Map([[name, new Blob([JSON.stringify(value)])]]) });
  expect(await readCard(files("atelier.json", CARD))).toEqual(CARD);
  expect(await readCard(files("pack.json", { configs: { "atelier.json": CARD } }))).toEqual(CARD);
  expect(await readCard(files("pack.json", { configs: {} }))).toBeUndefined();
  const wrong = {
    name: "x",
    sizes: "all",
    alphabet: 3,
    most_texts: -1,
    languages: [1],
    decorations: null,
    other_sizes: [],
  };
  expect(await readCard(files("atelier.json", wrong))).toEqual({ name: "x" });
  for (const nothing of [null, 7, "x", { name: 1 }])
    expect(await readCard(files("atelier.json", nothing))).toBeUndefined();
});
