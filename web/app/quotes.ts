/**
 * The quoted texts that the engine will spell, and the quotation marks that its rule takes for something else than their
 * writer: the rules of `crates/atelier/src/prompt` (`glyph_text.rs`, `quotes.rs`), whose own examples test these.
 */

const QUOTES = [
  ["'", "'"],
  ["“", "”"],
  ['"', '"'],
  ["「", "」"],
] as const;

/** Pairs that people write and the rule does not know. */
const UNKNOWN = ["„“”", "«»", "»«", "‘’", "‚‘’", "‹›", "『』", "＂＂"] as const;

/** One place where what is written may be lost. */
export type Doubt =
  | { readonly kind: "apostrophe"; readonly word: string }
  | { readonly kind: "alone"; readonly mark: string }
  | { readonly kind: "partner"; readonly mark: string; readonly partner: string }
  | { readonly kind: "unknown"; readonly text: string };

/** The texts between quotes, in the order in which the encoder sees them. */
export function spelledTexts(prompt: string): string[] {
  return QUOTES.flatMap(([open, close]) => quoted(prompt, open, close));
}

function quoted(prompt: string, open: string, close: string): string[] {
  const texts: string[] = [];
  let start: number | undefined;
  for (let at = 0; at < prompt.length; at += 1) {
    const letter = prompt[at];
    if (start !== undefined && letter === close) {
      texts.push(prompt.slice(start, at));
      start = undefined;
    } else if (letter === open) start = at + 1;
  }
  return texts;
}

/** What may be lost or cut; empty where all is as it looks. */
export function quoteDoubts(prompt: string): Doubt[] {
  const count = (mark: string) => prompt.split(mark).length - 1;
  const doubts: Doubt[] = [];
  const word = apostrophe(prompt);
  if (word !== undefined) doubts.push({ kind: "apostrophe", word });
  for (const mark of ["'", '"']) if (count(mark) % 2 === 1) doubts.push({ kind: "alone", mark });
  for (const [open, close] of [QUOTES[1], QUOTES[3]]) {
    if (count(open) === count(close) || prompt.includes("„")) continue;
    const [mark, partner] = count(open) > count(close) ? [open, close] : [close, open];
    doubts.push({ kind: "partner", mark, partner });
  }
  for (const marks of UNKNOWN) {
    const found = new RegExp(`${marks[0]}[\\s\\S]*?[${marks.slice(1)}]`).exec(prompt);
    if (found) doubts.push({ kind: "unknown", text: found[0] });
  }
  return doubts;
}

/** The first word with a straight apostrophe in it, or a measure of feet. */
function apostrophe(prompt: string): string | undefined {
  for (const { index, 0: word } of prompt.matchAll(/[\p{Alphabetic}\p{N}']+/gu)) {
    for (let at = word.indexOf("'"); at >= 0; at = word.indexOf("'", at + 1)) {
      const isLetter = (letter: string | undefined) => letter !== undefined && letter !== "'";
      const inside = isLetter(word[at - 1]) && isLetter(word[at + 1]);
      // A closing quote after a number has its opening one before it.
      const opened = prompt.slice(0, index + at).split("'").length % 2 === 0;
      if (inside || (/\d/.test(word[at - 1] ?? "") && !opened)) return word.replace(/^'+/, "");
    }
  }
  return undefined;
}
