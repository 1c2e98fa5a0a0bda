import { expect, test } from "vitest";
// The rule is the engine's, and so are its examples.
import source from "../../crates/atelier/src/prompt/quotes/tests.rs?raw";
import { type Doubt, quoteDoubts, spelledTexts } from "./quotes";

const literal = (text: string) => JSON.parse(`"${text.replace(/\\u\{(.*?)\}/g, "\\u$1")}"`) as string;
const strings = (rust: string) => [...rust.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text]) => literal(text ?? ""));
/** The list that a test of the engine walks. */
const list = (name: string) =>
  new RegExp(`fn ${name}[\\s\\S]*?in \\[([\\s\\S]*?)\\n {4}\\] \\{`).exec(source)?.[1] ?? "";
/** Its lines: a prompt, and what is expected of it. */
const cases = (name: string) =>
  list(name)
    .split("\n")
    .filter((line) => line.includes('"'))
    .map(strings);

function shown(doubt: Doubt): string {
  if (doubt.kind === "apostrophe") return `the apostrophe of ${doubt.word} counts`;
  if (doubt.kind === "mark") return `the ${doubt.mark} of ${doubt.word} counts`;
  if (doubt.kind === "empty") return "one quoted text is empty";
  if (doubt.kind === "alone") return `one ${doubt.mark} has no partner`;
  if (doubt.kind === "partner") return `one ${doubt.mark} has no ${doubt.partner}`;
  return `${doubt.text} is not spelled`;
}

test("prompts that raise no doubt in the engine raise none here", () => {
  const prompts = strings(list("ordinary_prompts_raise_no_doubt"));
  expect(prompts.length).toBeGreaterThan(6);
  for (const prompt of prompts) expect(quoteDoubts(prompt), prompt).toEqual([]);
});

test("the engine's texts are those shown here, in its order", () => {
  const found = cases("texts_are_read_as_a_reader_does");
  expect(found.length).toBeGreaterThan(20);
  for (const [prompt = "", ...texts] of found) expect(spelledTexts(prompt), prompt).toEqual(texts);
});

test("every doubt of the engine is one here, in the same words", () => {
  const found = cases("each_text_that_may_be_lost_is_named");
  expect(found.length).toBeGreaterThan(8);
  for (const [prompt = "", ...words] of found) {
    const doubts = quoteDoubts(prompt).map(shown);
    expect(doubts.length, `${prompt}: ${doubts.join("; ")}`).toBe(words.length);
    for (const [index, word] of words.entries()) expect(doubts[index]).toContain(word);
  }
});

test("a mark before a word is none of it", () => {
  expect(quoteDoubts("A sign that says 'It's OPEN")[0]).toEqual({ kind: "apostrophe", word: "It's" });
});
