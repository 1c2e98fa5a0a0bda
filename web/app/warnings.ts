/** What the model's card says of the picture in work: drawn all the same, and better known before it is done. */

import type { WarningEvent } from "atelier-web";
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
    this.#list.replaceChildren(...this.#events.map((event) => make("li", { textContent: words(event) })));
  }
}

function words(event: WarningEvent): string {
  switch (event.kind) {
    case "characters":
      return t().warnCharacters(event.characters);
    case "size":
      return t().warnSize(`${event.nearest[0]} × ${event.nearest[1]}`);
    case "texts":
      return t().warnTexts;
    case "long-text":
      return t().warnLongText;
    case "sources":
      return t().warnSources;
    case "far-pixels":
      return t().warnFarPixels(event.image + 1);
    case "far-logits":
      return t().warnFarLogits;
    case "changed-source":
      return t().warnChangedSource(event.name);
  }
}
