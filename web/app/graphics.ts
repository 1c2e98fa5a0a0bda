/** The check of this device's GPU: what is broken there is done without from then on. */

import { checkDevice, type DeviceCheck, type KernelCheck } from "atelier-web";
import { noteBroken } from "./broken";
import { byId, make } from "./dom";
import { engineParts } from "./engines";
import { onLanguage, t } from "./i18n";

export interface GraphicsActions {
  /** Variants were found broken, or are not any more: the next engine is another one. */
  readonly changed: () => void;
  readonly failed: (error: unknown) => void;
}

export class Graphics {
  readonly #button = byId("graphics-check", HTMLButtonElement);
  readonly #rows = byId("graphics-rows", HTMLElement);
  readonly #actions: GraphicsActions;
  #result: (() => string) | undefined;
  #inUse = false;
  #checking = false;

  constructor(actions: GraphicsActions) {
    this.#actions = actions;
    this.#button.addEventListener("click", () => void this.#check());
    onLanguage(() => this.#render());
  }

  /** While a picture is made the GPU has enough to do. */
  setInUse(inUse: boolean): void {
    this.#inUse = inUse;
    this.#render();
  }

  async #check(): Promise<void> {
    this.#checking = true;
    this.#rows.replaceChildren();
    let checked = 0;
    const found = (one: KernelCheck): void => {
      checked += 1;
      this.#result = () => t().graphicsChecking(checked);
      this.#rows.append(row(one));
      this.#render();
    };
    this.#result = () => t().graphicsChecking(checked);
    this.#render();
    try {
      const report = await checkDevice({ ...(await engineParts()), found });
      await noteBroken(report.broken);
      this.#result = () => verdict(report);
      this.#actions.changed();
    } catch (error) {
      this.#result = undefined;
      this.#actions.failed(error);
    } finally {
      this.#checking = false;
      this.#render();
    }
  }

  #render(): void {
    this.#button.disabled = this.#inUse || this.#checking;
    byId("graphics-result", HTMLElement).textContent = this.#result?.() ?? "";
    byId("graphics-table", HTMLElement).hidden = this.#rows.childElementCount === 0;
  }
}

function row({ kernel, variant, passed, error, worst }: KernelCheck): HTMLTableRowElement {
  const share = error === null ? "∞" : error.toPrecision(2);
  const result = passed ? share : `${share}: ${worst}`;
  return make(
    "tr",
    { className: passed ? "" : "failed" },
    ...[kernel, variant, result].map((textContent) => make("td", { textContent })),
  );
}

function verdict({ passed, checks, broken, seconds, device }: DeviceCheck): string {
  if (passed) return t().graphicsPassed(device.name, checks.length, seconds);
  const plain = checks.some((check) => !check.passed && check.variant === "plain");
  return plain ? t().graphicsBroken(device.name) : t().graphicsAvoided(device.name, broken.join(", "));
}
