/** Where pictures are made: the user's choice, and what it comes to in this browser. */

import { type EngineChoice, type EngineInUse, isSupported } from "atelier-web";
import { byId } from "./dom";
import { onLanguage, t } from "./i18n";
import { recall, remember } from "./keep";

const WHY: Readonly<Record<Extract<EngineInUse, { kind: "cpu" }>["why"], () => string>> = {
  "no-webgpu": () => t().engineNoWebgpu,
  "no-adapter": () => t().engineNoAdapter,
  "software-adapter": () => t().engineSoftware,
  "device-lost": () => t().engineLost,
  asked: () => t().engineAsked,
};

const CHOICES: readonly string[] = ["auto", "gpu", "cpu"] satisfies readonly EngineChoice[];

export class EngineField {
  readonly #select = byId("engine", HTMLSelectElement);
  readonly #hint = byId("engine-hint", HTMLElement);
  /** What the open engine says, or what the next one will be. */
  #inUse: EngineInUse | undefined;

  /** `changed` runs whenever another engine is chosen. */
  constructor(changed: () => void) {
    const before = recall("atelier-engine");
    if (typeof before === "string" && CHOICES.includes(before)) this.#select.value = before;
    this.#select.addEventListener("change", () => {
      remember("atelier-engine", this.choice);
      void this.look().then(changed);
    });
    onLanguage(() => this.#render());
  }

  get choice(): EngineChoice {
    return this.#select.value as EngineChoice;
  }

  /** The engine that pictures are made with as far as is known. */
  get inUse(): EngineInUse | undefined {
    return this.#inUse;
  }

  /** Hears which engine is open. */
  show(engine: EngineInUse): void {
    this.#inUse = engine;
    this.#render();
  }

  /** Finds out which engine it will be, before one is made. Undefined where there is none. */
  async look(): Promise<EngineInUse | undefined> {
    const { choice } = this;
    if (choice === "auto") {
      const support = await isSupported();
      this.#inUse = support.supported ? support.engine : undefined;
    } else this.#inUse = choice === "gpu" ? { kind: "gpu" } : { kind: "cpu", why: "asked" };
    this.#render();
    return this.#inUse;
  }

  #render(): void {
    const engine = this.#inUse;
    this.#hint.textContent = !engine ? "" : engine.kind === "gpu" ? t().engineGpu : WHY[engine.why]();
  }
}
