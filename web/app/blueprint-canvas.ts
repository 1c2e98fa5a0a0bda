/** The blueprint as it is written: the draft first, spread over the whole sheet, then the large grid on top of it. */

import { type Blueprint, type BlueprintTokenEvent, type Grid, SIDE_STEP, type TokenGrid } from "atelier-web";
import { byId } from "./dom";
import { onLanguage, t } from "./i18n";
import { shownTexts } from "./texts";

/** Pixels of the canvas for a cell of the large grid; fewer where the sheet has very many. */
const CELL = 24;
const LARGEST = 2048;

/** The colour of a code: always the same, and far from that of its neighbours in the codebook. */
export function codeColour(id: number): string {
  // Steps of the golden angle never come back to the same hue; the lightness goes round in 7 steps.
  return `oklch(${0.42 + (((id * 5) % 7) / 6) * 0.42} 0.1 ${(id * 137.508) % 360})`;
}

export class BlueprintCanvas {
  readonly #canvas = byId("grid", HTMLCanvasElement);
  readonly #context: CanvasRenderingContext2D;
  #draft = { done: 0, all: 0 };
  #large = { done: 0, all: 0 };
  #texts: readonly string[] = [];
  #last: { size: Grid; index: number; id: number; alpha: number } | undefined;

  constructor() {
    const context = this.#canvas.getContext("2d");
    if (!context) throw new Error("this browser has no 2D canvas");
    this.#context = context;
    onLanguage(() => this.#label());
  }

  /** An empty sheet for a picture of this size. */
  clear(width: number, height: number): void {
    const [columns, rows] = [width / SIDE_STEP, height / SIDE_STEP];
    const cell = Math.max(4, Math.min(CELL, Math.floor(LARGEST / Math.max(columns, rows))));
    // Setting the size also empties the canvas.
    this.#canvas.width = columns * cell;
    this.#canvas.height = rows * cell;
    this.#texts = [];
    this.#draft = { done: 0, all: 0 };
    this.#large = { done: 0, all: columns * rows };
    this.#last = undefined;
    this.#label();
  }

  /** One more code. */
  token(event: BlueprintTokenEvent): void {
    const count = { done: event.index + 1, all: event.size.rows * event.size.columns };
    if (event.grid === "draft") this.#draft = count;
    else this.#large = count;
    if (this.#last) this.#cell(this.#last, false);
    this.#last = { size: event.size, index: event.index, id: event.id, alpha: event.grid === "draft" ? 0.4 : 1 };
    this.#cell(this.#last, true);
    // A screen reader that looks here finds a fresh text, but a new one for every code would only disturb.
    if (count.done === 1 || count.done % event.size.columns === 0) this.#label();
  }

  /** A whole blueprint at once. */
  show(blueprint: Blueprint): void {
    this.clear(blueprint.width, blueprint.height);
    const { draft, large } = blueprint;
    this.#texts = shownTexts(blueprint.prompt);
    const all = (grid: TokenGrid | undefined) => ({ done: grid?.ids.length ?? 0, all: grid?.ids.length ?? 0 });
    this.#draft = all(draft);
    this.#large = all(large);
    for (const [index, id] of large.ids.entries()) this.#cell({ size: large, index, id, alpha: 1 }, false);
    this.#label();
  }

  #cell(cell: { size: Grid; index: number; id: number; alpha: number }, pen: boolean): void {
    const { size, index, id, alpha } = cell;
    const [width, height] = [this.#canvas.width / size.columns, this.#canvas.height / size.rows];
    const [x, y] = [(index % size.columns) * width, Math.floor(index / size.columns) * height];
    const gap = Math.max(0.5, width / 24);
    this.#context.clearRect(x, y, width, height);
    this.#context.globalAlpha = alpha;
    this.#context.fillStyle = codeColour(id);
    this.#context.fillRect(x + gap, y + gap, width - 2 * gap, height - 2 * gap);
    this.#context.globalAlpha = 1;
    if (!pen) return;
    this.#context.lineWidth = 3 * gap;
    this.#context.strokeStyle = getComputedStyle(this.#canvas).color;
    this.#context.strokeRect(x + 2 * gap, y + 2 * gap, width - 4 * gap, height - 4 * gap);
  }

  #label(): void {
    const { done, all } = this.#large;
    const label =
      this.#draft.all > 0
        ? t().blueprintLabel(this.#draft.done, this.#draft.all, done, all)
        : t().blueprintLabelLarge(done, all);
    this.#canvas.ariaLabel = [label, ...this.#texts.map(t().quoted)].join(" ");
  }
}
