/** What a model says that it can draw (docs/CARD.md), and what a request asks beyond that: known before the run. */

import type { Card, ModelSource, Warning } from "atelier-web";

/** The built-in model's card, which is part of the page. */
export const MINI = __CARD__;

type Size = readonly [number, number];

/** The card of a model that is not open yet; undefined where it has none, or none that can be read. */
export async function readCard(source: ModelSource): Promise<Card | undefined> {
  const read = async (name: string): Promise<unknown> => {
    if ("files" in source) return JSON.parse((await source.files.get(name)?.text()) ?? "null");
    const place = "urls" in source ? source.urls[name] : new URL(name, source.url);
    const answer = place === undefined ? undefined : await fetch(place);
    return answer?.ok ? answer.json() : null;
  };
  try {
    const pack = (await read("pack.json")) as { readonly configs?: Readonly<Record<string, unknown>> } | null;
    return plain(pack ? pack.configs?.["atelier.json"] : await read("atelier.json"));
  } catch {
    // The engine says what is wrong with it.
    return undefined;
  }
}

/** Whatever is in the file: of that, the fields that are what they should be. */
function plain(found: unknown): Card | undefined {
  const { name, sizes, other_sizes, most_texts, longest_text, alphabet, languages, decorations, ...rest } = Object(
    found,
  ) as Partial<Card>;
  if (typeof name !== "string") return undefined;
  const words = (list: unknown) => Array.isArray(list) && list.every((word) => typeof word === "string");
  const number = (value: unknown) => Number.isSafeInteger(value) && Number(value) > 0;
  const { default_steps, reads_source_pictures } = rest;
  return {
    name,
    ...(Array.isArray(sizes) && sizes.length > 0 && sizes.flat().every(number) && { sizes }),
    ...(other_sizes && [other_sizes.multiple_of, other_sizes.least, other_sizes.most].every(number) && { other_sizes }),
    ...(most_texts && number(most_texts) && { most_texts }),
    ...(longest_text && number(longest_text) && { longest_text }),
    ...(alphabet && typeof alphabet.characters === "string" && Array.isArray(alphabet.ranges) && { alphabet }),
    ...(languages && words(languages) && { languages }),
    ...(decorations && words(decorations) && { decorations }),
    ...(default_steps && number(default_steps) && { default_steps }),
    ...(typeof reads_source_pictures === "boolean" && { reads_source_pictures }),
  };
}

/**
 * What the engine will warn of, by the same rules as `Card::warnings` of `crates/atelier/src/card.rs`: some texts, a size in pixels,
 * and so many pictures to start from.
 */
export function cardWarnings(card: Card, texts: readonly string[], size: Size, sources: number): Warning[] {
  const { name: model, alphabet, longest_text: longest, most_texts: most } = card;
  const warnings: Warning[] = [];
  const isKnown = (letter: string) =>
    /\s/u.test(letter) ||
    alphabet?.characters.includes(letter) ||
    alphabet?.ranges.some(({ first, last }) => place(first) <= place(letter) && place(letter) <= place(last));
  const unknown = alphabet ? [...texts.join("")].filter((letter) => !isKnown(letter)) : [];
  if (unknown.length > 0) warnings.push({ kind: "characters", model, characters: [...new Set(unknown)].join("") });
  const lengths = texts.map((text) => [...text].length);
  const length = Math.max(0, ...lengths);
  if (longest && length > longest)
    warnings.push({ kind: "long-text", model, text: texts[lengths.lastIndexOf(length)] ?? "", length, longest });
  if (most && texts.length > most) warnings.push({ kind: "texts", model, texts: texts.length, most });
  const nearest = knownSize(card, size);
  const [width, height] = size;
  if (nearest[0] !== width || nearest[1] !== height) warnings.push({ kind: "size", model, width, height, nearest });
  if (card.reads_source_pictures === false && sources > 0) warnings.push({ kind: "sources", model });
  return warnings;
}

function place(letter: string): number {
  return letter.codePointAt(0) ?? 0;
}

/** The size itself where the model knows it, or says nothing of sizes; else the one that it knows and that is least unlike. */
function knownSize({ sizes = [], other_sizes: other }: Card, size: Size): Size {
  const allowed =
    other && size.every((side) => other.least <= side && side <= other.most && side % other.multiple_of === 0);
  if (allowed) return size;
  const unlike = (taught: Size) => size.reduce((sum, side, at) => sum + Math.log(side / (taught[at] ?? side)) ** 2, 0);
  return (
    sizes.reduce<Size | undefined>((best, next) => (best && unlike(best) <= unlike(next) ? best : next), undefined) ??
    size
  );
}
