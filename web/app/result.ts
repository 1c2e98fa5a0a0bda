/** What can be done with a finished picture, and under it how it was made. */

import { byId, fillFacts, saveFile } from "./dom";
import type { Entry } from "./gallery";
import { onLanguage, t } from "./i18n";

export interface ResultActions {
  /** The same blueprint, painted with another seed. */
  readonly again: (entry: Entry) => void;
  /** Another blueprint for the same prompt. */
  readonly anew: (entry: Entry) => void;
  readonly useSettings: (entry: Entry) => void;
}

export class Result {
  readonly #box = byId("result", HTMLElement);
  readonly #said = byId("said", HTMLElement);
  #entry: Entry | undefined;

  constructor(actions: ResultActions) {
    const on = (id: string, act: (entry: Entry) => void | Promise<void>) =>
      byId(id, HTMLButtonElement).addEventListener("click", () => {
        this.#said.textContent = "";
        if (this.#entry) void act(this.#entry);
      });
    byId("save-png", HTMLAnchorElement).addEventListener("click", () => {
      if (this.#entry) this.#entry.saved = true;
    });
    on("copy", async ({ png }) => {
      const done = await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]).then(
        () => true,
        () => false,
      );
      this.#said.textContent = done ? t().copied : t().copyFailed;
    });
    // Closing the dialog is an answer, too.
    on("share", (entry) => navigator.share({ files: [fileOf(entry)] }).catch(() => {}));
    on("again", actions.again);
    on("anew", actions.anew);
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
    this.#said.textContent = "";
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
    save.download = nameOf(entry);
    // Not every browser can, and none where the page is not trusted.
    byId("copy", HTMLElement).hidden = !("ClipboardItem" in globalThis && "clipboard" in navigator);
    byId("share", HTMLElement).hidden = !("canShare" in navigator && navigator.canShare({ files: [fileOf(entry)] }));
  }
}

function nameOf({ record }: Entry): string {
  return `atelier-${record.paint.seed}.png`;
}

function fileOf(entry: Entry): File {
  return new File([entry.png], nameOf(entry), { type: "image/png" });
}
