/** The picture from close by, and against the one before it. */

import { byId } from "./dom";
import { t } from "./i18n";

/** What a picture is compared with. */
export interface Other {
  readonly png: Blob;
  readonly blueprint: { readonly prompt: string };
}

export class Viewer {
  readonly #sheet = byId("sheet", HTMLElement);
  readonly #other = byId("other", HTMLImageElement);
  readonly #split = byId("split", HTMLInputElement);
  readonly #compare = byId("compare", HTMLButtonElement);
  readonly #zoom = byId("zoom", HTMLButtonElement);

  /** `other` gives the picture to compare with; `begin` puts the whole picture on the sheet. */
  constructor(other: () => Other | undefined, begin: () => void) {
    this.#compare.addEventListener("click", () => {
      const found = isOn(this.#compare) ? undefined : other();
      begin();
      if (found) this.#against(found);
    });
    this.#split.addEventListener("input", () => this.#move());
    this.#zoom.addEventListener("click", () => {
      const close = !isOn(this.#zoom);
      begin();
      if (close) this.#closeBy();
    });
    // A finger and the keys scroll by themselves.
    this.#sheet.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse" && event.buttons === 1 && isOn(this.#zoom))
        this.#sheet.scrollBy(-event.movementX, -event.movementY);
    });
    this.#sheet.addEventListener("dragstart", (event) => {
      if (isOn(this.#zoom)) event.preventDefault();
    });
  }

  /** The whole picture, alone. */
  rest(): void {
    set(this.#compare, false);
    set(this.#zoom, false);
    this.#other.hidden = this.#split.hidden = true;
    URL.revokeObjectURL(this.#other.src);
    this.#other.removeAttribute("src");
    this.#sheet.classList.remove("close");
    this.#sheet.removeAttribute("tabindex");
  }

  #against({ png, blueprint }: Other): void {
    set(this.#compare, true);
    this.#other.src = URL.createObjectURL(png);
    this.#other.alt = t().compareWith(blueprint.prompt);
    this.#split.value = "50";
    this.#other.hidden = this.#split.hidden = false;
    this.#move();
    this.#split.focus();
  }

  #move(): void {
    this.#sheet.style.setProperty("--split", `${this.#split.value}%`);
  }

  /** A pixel of the picture on one of the page; keys move what does not fit. */
  #closeBy(): void {
    const sheet = this.#sheet;
    set(this.#zoom, true);
    sheet.classList.add("close");
    sheet.tabIndex = 0;
    sheet.scrollTo((sheet.scrollWidth - sheet.clientWidth) / 2, (sheet.scrollHeight - sheet.clientHeight) / 2);
    sheet.focus({ preventScroll: true });
  }
}

function isOn(button: HTMLButtonElement): boolean {
  return button.ariaPressed === "true";
}

function set(button: HTMLButtonElement, on: boolean): void {
  button.ariaPressed = String(on);
}
