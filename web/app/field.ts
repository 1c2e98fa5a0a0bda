/** A text field with a meaning: read, checked, and its error shown beside it. */

import { byId } from "./dom";

export class Field<T> {
  readonly input: HTMLInputElement | HTMLTextAreaElement;
  readonly #error: HTMLElement;
  readonly #parse: (text: string) => T | undefined;
  readonly #problem: () => string;

  /** `parse` gives undefined for what cannot be used; `problem` says then what was expected. */
  constructor(id: string, error: string, parse: (text: string) => T | undefined, problem: () => string) {
    const input = document.getElementById(id);
    if (!(input instanceof HTMLInputElement || input instanceof HTMLTextAreaElement))
      throw new Error(`no field #${id}`);
    this.input = input;
    this.#error = byId(error, HTMLElement);
    this.#parse = parse;
    this.#problem = problem;
    input.addEventListener("input", () => this.#show(undefined));
  }

  /** The value, or undefined with the error shown. */
  read(): T | undefined {
    const value = this.#parse(this.input.value.trim());
    this.#show(value === undefined ? this.#problem() : undefined);
    return value;
  }

  /** As if the user had typed it: whoever listens to the field hears of it. */
  write(text: string): void {
    this.input.value = text;
    this.input.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #show(problem: string | undefined): void {
    this.#error.hidden = problem === undefined;
    this.#error.textContent = problem ?? "";
    if (problem === undefined) this.input.removeAttribute("aria-invalid");
    else this.input.setAttribute("aria-invalid", "true");
  }
}

/** A whole number from `least` to `most`. */
export function whole(text: string, least: number, most: number): number | undefined {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : undefined;
}

/** A number from 0 to `most`, written with a point or a comma. */
export function decimal(text: string, most: number): number | undefined {
  const value = text === "" ? Number.NaN : Number(text.replace(",", "."));
  return value >= 0 && value <= most ? value : undefined;
}
