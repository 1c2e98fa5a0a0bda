/** What the user wants: prompt, size, steps, seed and the rest, read from the form and written back into it. */

import {
  type Card,
  DEFAULT_STEPS,
  MAX_GUIDANCE,
  MAX_SEED,
  MAX_SIDE,
  MAX_STEPS,
  MAX_TEMPERATURE,
  type ModelInfo,
  SIDE_STEP,
} from "atelier-web";
import { MINI } from "./card";
import { byId, make } from "./dom";
import { decimal, Field, whole } from "./field";
import { onLanguage, t } from "./i18n";

/** A value left out is the model's own, a seed left out is drawn. */
export interface Settings {
  prompt: string;
  width: number;
  height: number;
  steps: number;
  seed?: number;
  guidance?: number;
  temperature?: number;
}

/** Up to so many steps there is nothing to gain by fewer. */
const FEW_STEPS = 20;
const OTHER = "other";
/** Stands for "left empty" where that has a meaning. */
const EMPTY = Symbol();
const orEmpty =
  <T>(parse: (text: string) => T | undefined) =>
  (text: string) =>
    text === "" ? EMPTY : parse(text);
const side = (text: string) => {
  const pixels = whole(text, SIDE_STEP, MAX_SIDE);
  return pixels !== undefined && pixels % SIDE_STEP === 0 ? pixels : undefined;
};

export class Compose {
  readonly #prompt = new Field(
    "prompt",
    "prompt-error",
    (text) => text || undefined,
    () => t().promptMissing,
  );
  readonly #width = new Field("width", "width-error", side, () => t().sideWrong(t().width));
  readonly #height = new Field("height", "height-error", side, () => t().sideWrong(t().height));
  readonly #steps = new Field(
    "steps",
    "steps-error",
    (text) => whole(text, 1, MAX_STEPS),
    () => t().stepsWrong(MAX_STEPS),
  );
  readonly #seed = new Field(
    "seed",
    "seed-error",
    orEmpty((text) => whole(text, 0, MAX_SEED)),
    () => t().seedWrong,
  );
  readonly #guidance = new Field(
    "guidance",
    "guidance-error",
    orEmpty((text) => decimal(text, MAX_GUIDANCE)),
    () => t().guidanceWrong(MAX_GUIDANCE),
  );
  readonly #temperature = new Field(
    "temperature",
    "temperature-error",
    orEmpty((text) => decimal(text, MAX_TEMPERATURE)),
    () => t().temperatureWrong(MAX_TEMPERATURE),
  );
  readonly #size = byId("size", HTMLSelectElement);
  readonly #keep = byId("seed-keep", HTMLButtonElement);
  /** The model's own numbers; mini's until another is open. */
  #defaults: Partial<ModelInfo["defaults"]> = { guidance: MINI.default_guidance };
  #fullSteps = MINI.default_steps;
  /** Sizes to choose from; all others can be typed. */
  #sizes: readonly string[] = [];
  #lastSeed: number | undefined;
  readonly #changed: () => void;

  /** `changed` runs when the size may be another. */
  constructor(changed: () => void) {
    this.#changed = changed;
    this.#offer(MINI.sizes);
    this.#size.addEventListener("change", () => {
      // What was typed for another model may be none of this one's.
      if (!this.#size.value) this.#size.value = this.#sizes[0] ?? OTHER;
      this.#showCustom();
      this.#changed();
    });
    for (const field of [this.#width, this.#height]) field.input.addEventListener("change", () => this.#changed());
    this.#steps.input.addEventListener("input", () => this.#showPreset());
    for (const button of this.#presets()) {
      button.addEventListener("click", () => {
        this.#steps.write(
          button.dataset["steps"] === "default" ? String(this.#fullSteps) : (button.dataset["steps"] ?? ""),
        );
        this.#showPreset();
      });
    }
    this.#keep.addEventListener("click", () => this.#seed.write(String(this.#lastSeed ?? "")));
    const random = byId("seed-random", HTMLButtonElement);
    random.addEventListener("click", () => {
      this.#seed.write("");
      this.#seed.input.focus();
    });
    this.#seed.input.addEventListener("input", () => {
      random.hidden = this.#seed.input.value === "";
    });
    this.#steps.write(String(this.#fullSteps));
    this.#showPreset();
    onLanguage(() => {
      this.#nameOther();
      this.#showDefaults();
    });
  }

  /** The settings, or undefined with the errors shown and the first of them focused. */
  read(): Settings | undefined {
    const size = this.size(true);
    const prompt = this.#prompt.read();
    const steps = this.#steps.read();
    const seed = this.#seed.read();
    const guidance = this.#guidance.read();
    const temperature = this.#temperature.read();
    if (
      !size ||
      prompt === undefined ||
      !steps ||
      seed === undefined ||
      guidance === undefined ||
      temperature === undefined
    ) {
      const wrong = document.querySelector<HTMLElement>("#compose [aria-invalid]");
      wrong?.closest("details")?.setAttribute("open", "");
      wrong?.focus();
      return undefined;
    }
    return {
      prompt,
      ...size,
      steps,
      ...(seed === EMPTY ? {} : { seed }),
      ...(guidance === EMPTY ? {} : { guidance }),
      ...(temperature === EMPTY ? {} : { temperature }),
    };
  }

  /** The size alone; `show` marks fields that are wrong. */
  size(show = false): { width: number; height: number } | undefined {
    if (this.#size.value !== OTHER) {
      const [width, height] = this.#size.value.split("×").map(Number);
      return width && height ? { width, height } : undefined;
    }
    const [width, height] = [this.#width, this.#height].map((field) =>
      show ? field.read() : side(field.input.value.trim()),
    );
    return width && height ? { width, height } : undefined;
  }

  /** Fills in what is given and leaves the rest. */
  write(settings: Partial<Settings>): void {
    if (settings.prompt !== undefined) this.#prompt.write(settings.prompt);
    if (settings.width !== undefined && settings.height !== undefined) this.#writeSize(settings.width, settings.height);
    if (settings.steps !== undefined) this.#steps.write(String(settings.steps));
    if (settings.seed !== undefined) this.#seed.write(String(settings.seed));
    if (settings.guidance !== undefined) this.#guidance.write(String(settings.guidance));
    if (settings.temperature !== undefined) this.#temperature.write(String(settings.temperature));
    this.#showPreset();
  }

  /** The model that was chosen: the sizes that it knows can be chosen, and its steps are the default. */
  setCard(card: Card | undefined): void {
    const before = this.size();
    this.#offer(card?.sizes ?? MINI.sizes);
    if (before) this.#writeSize(before.width, before.height);
    const { default_steps: steps = DEFAULT_STEPS, default_guidance: guidance } = card ?? {};
    this.setDefaults({ steps, ...(guidance !== undefined && { guidance }) });
  }

  #offer(sizes: NonNullable<Card["sizes"]>): void {
    this.#sizes = sizes.map((size) => size.join("×"));
    const options = this.#sizes.map((value) => make("option", { value, textContent: value.replace("×", " × ") }));
    this.#size.replaceChildren(...options, make("option", { value: OTHER }));
    this.#nameOther();
  }

  #nameOther(): void {
    const other = this.#size.lastElementChild;
    if (other) other.textContent = t().sizeOther;
  }

  /** Takes over the numbers of the model that is open, where the user has not chosen others. */
  setDefaults(defaults: Pick<ModelInfo["defaults"], "steps"> & Partial<ModelInfo["defaults"]>): void {
    if (this.#steps.input.value === String(this.#fullSteps)) this.#steps.write(String(defaults.steps));
    this.#fullSteps = defaults.steps;
    this.#defaults = defaults;
    this.#showDefaults();
    this.#showPreset();
  }

  /** The seed of the latest picture, which a button puts into the field. */
  setLastSeed(seed: number): void {
    this.#lastSeed = seed;
    this.#keep.hidden = false;
    this.#keep.title = String(seed);
  }

  /** While a blueprint is open, prompt and size are its own. */
  lock(locked: boolean): void {
    this.#prompt.input.readOnly = locked;
    for (const field of [this.#size, this.#width.input, this.#height.input]) field.disabled = locked;
  }

  focusPrompt(): void {
    this.#prompt.input.focus();
  }

  #writeSize(width: number, height: number): void {
    const known = `${width}×${height}`;
    this.#size.value = this.#sizes.includes(known) ? known : OTHER;
    this.#width.write(String(width));
    this.#height.write(String(height));
    this.#showCustom();
    this.#changed();
  }

  #showCustom(): void {
    for (const id of ["custom", "custom-height"]) byId(id, HTMLElement).hidden = this.#size.value !== OTHER;
  }

  #showDefaults(): void {
    const own = (value: number | undefined) => (value === undefined ? t().modelsOwn : `${t().modelsOwn}: ${value}`);
    this.#guidance.input.placeholder = own(this.#defaults.guidance);
    this.#temperature.input.placeholder = own(this.#defaults.temperature);
  }

  #showPreset(): void {
    for (const button of this.#presets()) {
      const steps = button.dataset["steps"] === "default" ? String(this.#fullSteps) : button.dataset["steps"];
      const chosen = this.#steps.input.value.trim() === steps;
      button.ariaPressed = String(chosen);
      // A single one need only be there where it does something.
      const single = this.#fullSteps <= FEW_STEPS;
      button.hidden = single && (button.dataset["steps"] !== "default" || chosen);
    }
  }

  #presets(): NodeListOf<HTMLButtonElement> {
    return document.querySelectorAll<HTMLButtonElement>("button[data-steps]");
  }
}
