/** This session's pictures. Each holds an object URL, which is given back when it is removed. */

import type { Blueprint, Picture, RunRecord } from "atelier-web";
import { byId, make } from "./dom";
import { onLanguage, t } from "./i18n";

export interface Entry {
  readonly url: string;
  readonly blueprint: Blueprint;
  readonly record: RunRecord;
  /** The pictures it started from, to paint it again. */
  readonly images: readonly Blob[];
}

export class Gallery {
  readonly #section = byId("gallery", HTMLElement);
  readonly #list = byId("gallery-list", HTMLUListElement);
  readonly #show: (entry: Entry | undefined) => void;
  #entries: Entry[] = [];
  #shown: Entry | undefined;

  /** `show` is called with the picture to be looked at, and with nothing when the last is gone. */
  constructor(show: (entry: Entry | undefined) => void) {
    this.#show = show;
    byId("gallery-clear", HTMLButtonElement).addEventListener("click", () => this.#remove(this.#entries));
    onLanguage(() => this.#render());
  }

  add({ png, blueprint, record }: Picture, images: readonly Blob[]): void {
    const entry = { url: URL.createObjectURL(png), blueprint, record, images };
    this.#entries.unshift(entry);
    this.#select(entry);
  }

  /** The picture that is on the sheet, or was before a run began. */
  get shown(): Entry | undefined {
    return this.#shown;
  }

  #select(entry: Entry | undefined): void {
    this.#shown = entry;
    this.#show(entry);
    this.#render();
  }

  #remove(gone: readonly Entry[]): void {
    this.#entries = this.#entries.filter((entry) => !gone.includes(entry));
    for (const entry of gone) URL.revokeObjectURL(entry.url);
    if (this.#shown && gone.includes(this.#shown)) this.#select(this.#entries[0]);
    else this.#render();
    if (this.#entries.length === 0) byId("prompt", HTMLTextAreaElement).focus();
    else this.#list.querySelector("button")?.focus();
  }

  #render(): void {
    this.#section.hidden = this.#entries.length === 0;
    this.#list.replaceChildren(
      ...this.#entries.map((entry) => {
        const { prompt } = entry.blueprint;
        const { seed } = entry.record.paint;
        const open = make(
          "button",
          { type: "button", className: "thumb", ariaLabel: t().galleryShow(prompt, seed) },
          make("img", { src: entry.url, alt: "" }),
        );
        if (entry === this.#shown) open.ariaCurrent = "true";
        open.addEventListener("click", () => {
          this.#select(entry);
          byId("sheet", HTMLElement).scrollIntoView({ block: "nearest" });
        });
        const remove = make("button", {
          type: "button",
          className: "remove",
          textContent: "×",
          ariaLabel: t().galleryRemove(prompt, seed),
        });
        remove.addEventListener("click", () => this.#remove([entry]));
        return make("li", {}, open, remove);
      }),
    );
  }
}
