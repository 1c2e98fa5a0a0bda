/**
 * Around the prompt: what the model can draw, by its card, which texts will be drawn, which may be lost, and what the model was
 * not taught.
 */

import type { Card } from "atelier-web";
import { cardWarnings, MINI } from "./card";
import { byId, make } from "./dom";
import { list, named } from "./format";
import { onLanguage, t } from "./i18n";
import { type Doubt, quoteDoubts, spelledTexts } from "./quotes";
import { warningWords } from "./warnings";

/** What stands in the form beside the prompt. */
export interface Asked {
  readonly size: { readonly width: number; readonly height: number } | undefined;
  /** Pictures to start from. */
  readonly sources: number;
}

export class Texts {
  readonly #prompt = byId("prompt", HTMLTextAreaElement);
  readonly #asked: () => Asked;
  #card: Card | undefined = MINI;

  /** `asked` gives what the form has now. */
  constructor(asked: () => Asked) {
    this.#asked = asked;
    this.#prompt.addEventListener("input", () => this.render());
    onLanguage(() => this.render());
  }

  /** What is known of the chosen model; nothing where it has no card. */
  set card(card: Card | undefined) {
    this.#card = card;
    this.render();
  }

  /** Looks at the form again. */
  render(): void {
    const prompt = this.#prompt.value;
    const card = this.#card;
    const texts = shownTexts(prompt);
    byId("prompt-hint", HTMLElement).textContent = [t().promptHint, ...(card ? [abilities(card)] : [])].join(" ");
    // Of a model that is not known to draw texts nobody need want any.
    const none = card && (card.most_texts || card.longest_text) && prompt.trim() !== "" ? t().textsNone(card.name) : "";
    show("texts", texts.length > 0 ? t().textsSpelled(list(texts.map(t().quoted))) : none);
    const { size, sources } = this.#asked();
    const known: readonly [number, number] = size ? [size.width, size.height] : (card?.sizes?.[0] ?? [0, 0]);
    const warnings = card ? cardWarnings(card, spelledTexts(prompt), known, sources) : [];
    const about = (kind: string) =>
      warnings
        .filter((warning) => warning.kind === kind)
        .map(warningWords)
        .join("");
    show("size-doubt", about("size"));
    show("sources-doubt", about("sources"));
    const ofTexts = warnings.filter(({ kind }) => kind !== "size" && kind !== "sources");
    const found = [...quoteDoubts(prompt).map(words), ...ofTexts.map(warningWords)];
    const doubts = byId("doubts", HTMLUListElement);
    doubts.hidden = found.length === 0;
    doubts.replaceChildren(...found.map((textContent) => make("li", { textContent })));
  }
}

/** The texts of a prompt in which there is something to see. */
export function shownTexts(prompt: string): string[] {
  return spelledTexts(prompt).filter((text) => text.trim() !== "");
}

/** One sentence of what a model can draw. */
function abilities({ name, most_texts, longest_text, languages, decorations }: Card): string {
  const known = [most_texts, longest_text, languages, decorations].some((ability) => ability !== undefined);
  return known
    ? t().abilities(
        name,
        most_texts,
        longest_text,
        languages ? list(languages.map(named)) : "",
        decorations ? list(decorations) : "",
      )
    : "";
}

function show(id: string, text: string): void {
  const element = byId(id, HTMLElement);
  if (element.textContent !== text) element.textContent = text;
  element.hidden = text === "";
}

function words(doubt: Doubt): string {
  switch (doubt.kind) {
    case "apostrophe":
      return t().doubtApostrophe(doubt.word);
    case "mark":
      return t().doubtMark(doubt.mark, doubt.word);
    case "alone":
      return t().doubtAlone(doubt.mark);
    case "partner":
      return t().doubtPartner(doubt.mark, doubt.partner);
    case "unknown":
      return t().doubtUnknown(doubt.text);
    case "empty":
      return t().doubtEmpty;
  }
}
