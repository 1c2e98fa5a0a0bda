/** What the model's card says of the picture in work: drawn all the same, and better known before it is done. */

import type { Warning, WarningEvent } from "atelier-web";
import { byId, make } from "./dom";
import { onLanguage, t } from "./i18n";

export class Warnings {
  readonly #list = byId("warnings", HTMLUListElement);
  #events: WarningEvent[] = [];

  constructor() {
    onLanguage(() => this.#render());
  }

  add(event: WarningEvent): void {
    // A run that begins again says the same once more.
    if (this.#events.some((other) => other.message === event.message)) return;
    this.#events.push(event);
    this.#render();
  }

  clear(): void {
    this.#events = [];
    this.#render();
  }

  #render(): void {
    this.#list.hidden = this.#events.length === 0;
    this.#list.replaceChildren(...this.#events.map((event) => make("li", { textContent: warningWords(event) })));
  }
}

export function warningWords(warning: Warning | WarningEvent): string {
  switch (warning.kind) {
    case "characters":
      return t().warnCharacters(warning.model, shortened([...warning.characters], " "));
    case "size":
      return t().warnSize(warning.model, `${warning.nearest[0]} × ${warning.nearest[1]}`);
    case "texts":
      return t().warnTexts(warning.model, warning.most, warning.texts);
    case "long-text":
      return t().warnLongText(warning.model, warning.longest, shortened([...warning.text], ""), warning.length);
    case "sources":
      return t().warnSources(warning.model);
    case "far-pixels":
      return t().warnFarPixels(warning.image + 1);
    case "far-logits":
      return t().warnFarLogits;
    case "changed-source":
      return t().warnChangedSource(warning.name);
  }
}

/** Characters that a sentence may quote. */
const SHOWN = 24;

function shortened(letters: readonly string[], between: string): string {
  return [...letters.slice(0, SHOWN), ...(letters.length > SHOWN ? ["…"] : [])].join(between);
}
