/** The sheet: empty with its grid, then the blueprint, then the painter's preview over it, then the picture. */

import { type Blueprint, type BlueprintTokenEvent, type Pixels, SIDE_STEP } from "atelier-web";
import { BlueprintCanvas } from "./blueprint-canvas";
import { byId } from "./dom";
import { list } from "./format";
import { onLanguage, t } from "./i18n";
import { shownTexts } from "./texts";
import { type Other, Viewer } from "./viewer";

export type View = "picture" | "blueprint";

export class Easel {
  readonly #sheet = byId("sheet", HTMLElement);
  readonly #idle = byId("idle", HTMLElement);
  readonly #grid = byId("grid", HTMLCanvasElement);
  readonly #preview = byId("preview", HTMLCanvasElement);
  readonly #picture = byId("picture", HTMLImageElement);
  readonly #tools = byId("tools", HTMLElement);
  readonly #views = this.#tools.querySelectorAll<HTMLButtonElement>("[data-view]");
  readonly #viewer: Viewer;
  readonly #blueprint = new BlueprintCanvas();
  #prompt = "";

  /** `other` gives the picture that the one on the sheet is compared with. */
  constructor(other: () => Other | undefined) {
    this.#viewer = new Viewer(other, () => this.#look("picture"));
    onLanguage(() => this.#describe());
    for (const button of this.#views) {
      button.addEventListener("click", () =>
        this.#look(button.dataset["view"] === "blueprint" ? "blueprint" : "picture"),
      );
    }
  }

  /** The sheet takes this shape; nothing else changes. */
  shape(width: number, height: number): void {
    const style = this.#sheet.parentElement?.style;
    style?.setProperty("--ratio", String(width / height));
    style?.setProperty("--columns", String(width / SIDE_STEP));
    style?.setProperty("--rows", String(height / SIDE_STEP));
    byId("dim-x", HTMLElement).textContent = String(width);
    byId("dim-y", HTMLElement).textContent = String(height);
  }

  /** An empty sheet, waiting. */
  idle(width: number, height: number): void {
    this.#only([this.#idle]);
    this.shape(width, height);
  }

  /** An empty sheet for a run, with what is known of its blueprint. */
  begin(width: number, height: number, blueprint?: Blueprint): void {
    this.shape(width, height);
    this.#only([this.#grid]);
    if (blueprint) this.#blueprint.show(blueprint);
    else this.#blueprint.clear(width, height);
  }

  token(event: BlueprintTokenEvent): void {
    this.#blueprint.token(event);
  }

  /** What the painter has so far, over the blueprint. */
  preview(pixels: Pixels): void {
    this.#preview.width = pixels.width;
    this.#preview.height = pixels.height;
    const image = new ImageData(new Uint8ClampedArray(pixels.data), pixels.width, pixels.height);
    this.#preview.getContext("2d")?.putImageData(image, 0, 0);
    this.#preview.hidden = false;
  }

  /** A finished picture; its blueprint is one click away. */
  show(url: string, blueprint: Blueprint): void {
    this.shape(blueprint.width, blueprint.height);
    this.#blueprint.show(blueprint);
    this.#picture.src = url;
    this.#prompt = blueprint.prompt;
    this.#describe();
    this.#only([this.#grid, this.#picture]);
    this.#tools.hidden = false;
    this.#look("picture");
  }

  /** What the picture shows is what was asked for, above all the words in it. */
  #describe(): void {
    const texts = shownTexts(this.#prompt).map(t().quoted);
    this.#picture.alt = t().generatedPicture(list(texts), this.#prompt);
  }

  #look(view: View): void {
    this.#viewer.rest();
    this.#picture.hidden = view === "blueprint";
    this.#grid.hidden = view === "picture";
    for (const button of this.#views) button.ariaPressed = String(button.dataset["view"] === view);
  }

  #only(shown: HTMLElement[]): void {
    for (const part of [this.#idle, this.#grid, this.#preview, this.#picture]) part.hidden = !shown.includes(part);
    this.#viewer.rest();
    this.#tools.hidden = true;
  }
}
