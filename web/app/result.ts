/** What stands under a finished picture: how it was made, and what can be done with it. */

import { byId, fillFacts, saveFile } from "./dom";
import type { Entry } from "./gallery";
import { onLanguage, t } from "./i18n";

export class Result {
  readonly #box = byId("result", HTMLElement);
  #entry: Entry | undefined;

  constructor(actions: { again: (entry: Entry) => void; useSettings: (entry: Entry) => void }) {
    const on = (id: string, act: (entry: Entry) => void) =>
      byId(id, HTMLButtonElement).addEventListener("click", () => {
        if (this.#entry) act(this.#entry);
      });
    byId("save-png", HTMLAnchorElement).addEventListener("click", () => {
      if (this.#entry) this.#entry.saved = true;
    });
    on("again", actions.again);
    on("use-settings", actions.useSettings);
    on("save-blueprint", ({ blueprint }) => {
      const json = new Blob([JSON.stringify(blueprint), "\n"], { type: "application/json" });
      saveFile(json, `atelier-${blueprint.seed}.blueprint.json`);
    });
    onLanguage(() => this.#render());
  }

  show(entry: Entry | undefined): void {
    this.#entry = entry;
    this.#render();
  }

  /** Hidden during a run: what stands there belongs to another picture. */
  hide(): void {
    this.#box.hidden = true;
  }

  #render(): void {
    const entry = this.#entry;
    this.#box.hidden = !entry;
    if (!entry) return;
    const { blueprint, record, url } = entry;
    const { seed, steps } = record.paint;
    byId("caption", HTMLElement).textContent = blueprint.prompt;
    fillFacts(byId("facts", HTMLElement), [
      [t().factSeed, String(seed)],
      [t().factBlueprintSeed, blueprint.seed === seed ? undefined : String(blueprint.seed)],
      [t().factSteps, String(steps)],
      [t().factSize, `${blueprint.width} × ${blueprint.height}`],
    ]);
    const save = byId("save-png", HTMLAnchorElement);
    save.href = url;
    save.download = `atelier-${seed}.png`;
  }
}
