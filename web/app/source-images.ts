/** The pictures to start from: dropped, pasted or picked; shown small, each with a way to take it out again. */

import { byId, make } from "./dom";
import { onLanguage, t } from "./i18n";

interface Source {
  readonly file: Blob;
  readonly name: string;
  readonly url: string;
}

export class SourceImages {
  readonly #list = byId("sources", HTMLUListElement);
  #sources: Source[] = [];
  #pasted = 0;

  constructor() {
    const input = byId("sources-file", HTMLInputElement);
    byId("sources-pick", HTMLButtonElement).addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      for (const file of input.files ?? []) this.add(file, file.name);
      input.value = "";
    });
    document.addEventListener("paste", (event) => {
      const images = [...(event.clipboardData?.files ?? [])].filter((file) => file.type.startsWith("image/"));
      // Text that was copied together with its picture is meant as text.
      if (images.length === 0 || event.clipboardData?.types.includes("text/plain")) return;
      event.preventDefault();
      for (const file of images) this.add(file, t().sourcePasted(++this.#pasted));
    });
    onLanguage(() => this.#render());
  }

  add(file: Blob, name: string): void {
    this.#sources.push({ file, name, url: URL.createObjectURL(file) });
    byId("more", HTMLDetailsElement).open = true;
    this.#render();
  }

  get images(): readonly Blob[] {
    return this.#sources.map((source) => source.file);
  }

  get names(): readonly string[] {
    return this.#sources.map((source) => source.name);
  }

  #remove(source: Source): void {
    URL.revokeObjectURL(source.url);
    this.#sources = this.#sources.filter((other) => other !== source);
    this.#render();
    byId("sources-pick", HTMLButtonElement).focus();
  }

  #render(): void {
    this.#list.replaceChildren(
      ...this.#sources.map((source) => {
        const remove = make("button", {
          type: "button",
          className: "remove",
          textContent: "×",
          ariaLabel: t().sourceRemove(source.name),
        });
        remove.addEventListener("click", () => this.#remove(source));
        return make("li", {}, make("img", { src: source.url, alt: source.name }), remove);
      }),
    );
  }
}
