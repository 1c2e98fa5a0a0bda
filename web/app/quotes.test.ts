import { expect, test } from "vitest";
// The rules are those of the engine, and so are their examples.
import source from "../../crates/atelier/src/prompt/quotes.rs?raw";
import { type Doubt, quoteDoubts, spelledTexts } from "./quotes";

const literal = (text: string) => JSON.parse(`"${text}"`) as string;
const strings = (rust: string) => [...rust.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text]) => literal(text ?? ""));

function shown(doubt: Doubt): string {
  if (doubt.kind === "apostrophe") return doubt.word;
  if (doubt.kind === "alone") return `one ${doubt.mark} has no partner`;
  if (doubt.kind === "partner") return `one ${doubt.mark} has no ${doubt.partner}`;
  return `${doubt.text} is not spelled`;
}

test("prompts that raise no doubt in the engine raise none here", () => {
  const list = /fn ordinary_prompts[\s\S]*?in \[([\s\S]*?)\n {8}\]/.exec(source)?.[1] ?? "";
  const prompts = strings(list);
  expect(prompts.length).toBeGreaterThan(6);
  for (const prompt of prompts) expect(quoteDoubts(prompt), prompt).toEqual([]);
});

test("every doubt of the engine is one here, in the same words", () => {
  const list = /fn each_lost_text[\s\S]*?in \[([\s\S]*?)\n {8}\] \{/.exec(source)?.[1] ?? "";
  const cases = list
    .split("\n")
    .map(strings)
    .filter((found) => found.length > 1);
  expect(cases.length).toBeGreaterThan(10);
  for (const [prompt = "", ...words] of cases) {
    const found = quoteDoubts(prompt).map(shown);
    expect(found.length, `${prompt}: ${found.join("; ")}`).toBe(words.length);
    for (const [index, word] of words.entries()) expect(found[index]).toContain(word);
  }
});

test("a mark before a word is none of it", () => {
  expect(quoteDoubts("A sign that says 'It's OPEN'")[0]).toEqual({ kind: "apostrophe", word: "It's" });
});

test("texts come in the engine's order", () => {
  expect(spelledTexts("A 6' tall sign 'OPEN'")).toEqual([" tall sign "]);
  expect(spelledTexts("\"c\" “b” 'a' 「d」")).toEqual(["a", "b", "c", "d"]);
  expect(spelledTexts("„a“")).toEqual([]);
});
