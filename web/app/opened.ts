/** The blueprint that was opened: it takes the place of prompt and size until it is put away. */

import type { Blueprint } from "atelier-web";
import type { Compose } from "./compose";
import { byId } from "./dom";
import { onLanguage, t } from "./i18n";

export class Opened {
  readonly #compose: Compose;
  readonly #changed: () => void;
  #blueprint: Blueprint | undefined;

  /** `changed` runs when one is opened or put away. */
  constructor(compose: Compose, changed: () => void) {
    this.#compose = compose;
    this.#changed = changed;
    byId("opened-close", HTMLButtonElement).addEventListener("click", () => {
      this.set(undefined);
      compose.focusPrompt();
    });
    onLanguage(() => this.#render());
  }

  get blueprint(): Blueprint | undefined {
    return this.#blueprint;
  }

  set(blueprint: Blueprint | undefined): void {
    // A file that cannot be shown must not stay behind, invisible and in use.
    this.#blueprint = undefined;
    if (blueprint) this.#compose.write({ prompt: blueprint.prompt, width: blueprint.width, height: blueprint.height });
    this.#blueprint = blueprint;
    this.#compose.lock(blueprint !== undefined);
    this.#render();
    this.#changed();
  }

  #render(): void {
    const blueprint = this.#blueprint;
    byId("opened", HTMLElement).hidden = !blueprint;
    byId("opened-text", HTMLElement).textContent = blueprint
      ? t().blueprintOpen(blueprint.width, blueprint.height, blueprint.seed)
      : "";
  }
}
