/** The pictures to start from: dropped, pasted or picked; shown small, each with a way to take it out again. */

import { byId, make } from "./dom";
import { onLanguage, t } from "./i18n";

interface Source {
  readonly file: Blob;
  readonly name: string;
  readonly url: string;
  readonly transparent: boolean;
}

/** More than any camera has; the program refuses the same. */
const MAX_PIXELS = 100_000_000;

/** Pixels of the side of the square in which transparency is looked for. */
const LOOKED = 64;

/** Why a picture cannot be used: the browser does not know it, or it is too large. */
export type Refused = "unknown" | "large";

export class SourceImages {
  readonly #list = byId("sources", HTMLUListElement);
  readonly #refused: (name: string, why: Refused) => void;
  readonly #changed: () => void;
  #sources: Source[] = [];
  #pasted = 0;

  /** `changed` runs when there are more or fewer of them. */
  constructor(refused: (name: string, why: Refused) => void, changed: () => void) {
    this.#refused = refused;
    this.#changed = changed;
    const input = byId("sources-file", HTMLInputElement);
    byId("sources-pick", HTMLButtonElement).addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      for (const file of input.files ?? []) void this.add(file, file.name);
      input.value = "";
    });
    document.addEventListener("paste", (event) => {
      const images = [...(event.clipboardData?.files ?? [])].filter((file) => file.type.startsWith("image/"));
      // Text that was copied together with its picture is meant as text.
      if (images.length === 0 || event.clipboardData?.types.includes("text/plain")) return;
      event.preventDefault();
      for (const file of images) void this.add(file, t().sourcePasted(++this.#pasted));
    });
    onLanguage(() => this.#render());
  }

  /** Takes a picture that the browser can show; of any other the page hears. */
  async add(file: Blob, name: string): Promise<void> {
    const url = URL.createObjectURL(file);
    const image = make("img", { src: url });
    let why: Refused | undefined;
    try {
      // The size is known from the first bytes; only then are pixels made.
      await new Promise((resolve, reject) => {
        image.onload = resolve;
        image.onerror = reject;
      });
      if (image.naturalWidth * image.naturalHeight > MAX_PIXELS) why = "large";
    } catch {
      why = "unknown";
    }
    if (why) {
      URL.revokeObjectURL(url);
      this.#refused(name, why);
      return;
    }
    this.#sources.push({ file, name, url, transparent: isTransparent(image) });
    byId("more", HTMLDetailsElement).open = true;
    this.#render();
    this.#changed();
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
    this.#changed();
    byId("sources-pick", HTMLButtonElement).focus();
  }

  #render(): void {
    byId("sources-white", HTMLElement).hidden = !this.#sources.some((source) => source.transparent);
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

/** Whether a small copy lets anything through. */
function isTransparent(image: HTMLImageElement): boolean {
  const canvas = make("canvas", { width: LOOKED, height: LOOKED });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return false;
  context.drawImage(image, 0, 0, LOOKED, LOOKED);
  const { data } = context.getImageData(0, 0, LOOKED, LOOKED);
  return data.some((value, at) => at % 4 === 3 && value < 255);
}
