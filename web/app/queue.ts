/** The pictures that wait for the one in work: shown under the buttons, each with a way to take it out again. */

import { byId, make } from "./dom";
import { onLanguage, t } from "./i18n";

export interface Waiting {
  readonly width: number;
  readonly height: number;
  readonly request: { readonly prompt?: string; readonly blueprint?: { readonly prompt: string } };
}

export class Queue<T extends Waiting> {
  readonly #box = byId("queue", HTMLElement);
  readonly #list = byId("queue-list", HTMLOListElement);
  readonly #resume = byId("queue-resume", HTMLButtonElement);
  #waiting: T[] = [];
  #stopped = false;

  /** `resume` is called when the user wants the rest after an error stopped it. */
  constructor(resume: () => void) {
    this.#resume.addEventListener("click", resume);
    byId("queue-clear", HTMLButtonElement).addEventListener("click", () => this.#set([]));
    onLanguage(() => this.#render());
  }

  add(waiting: T): void {
    this.#set([...this.#waiting, waiting]);
  }

  /** The next one, which waits no longer. */
  next(): T | undefined {
    const [next, ...rest] = this.#waiting;
    this.#set(rest);
    return next;
  }

  /** What waits goes on waiting, as the one before it failed; or it does not. */
  stop(stopped: boolean): void {
    this.#stopped = stopped;
    this.#render();
  }

  #set(waiting: T[]): void {
    this.#waiting = waiting;
    this.#render();
  }

  #render(): void {
    this.#box.hidden = this.#waiting.length === 0;
    this.#resume.hidden = !this.#stopped;
    byId("queue-title", HTMLElement).textContent = t().queue(this.#waiting.length);
    this.#list.replaceChildren(
      ...this.#waiting.map((waiting) => {
        const { request, width, height } = waiting;
        const prompt = request.prompt ?? request.blueprint?.prompt ?? "";
        const remove = make("button", {
          type: "button",
          className: "quiet",
          textContent: t().queueRemove,
          ariaLabel: t().queueRemoveOne(prompt),
        });
        remove.addEventListener("click", () => {
          this.#set(this.#waiting.filter((other) => other !== waiting));
          byId("generate", HTMLButtonElement).focus();
        });
        return make("li", {}, make("span", { textContent: `${prompt} · ${width} × ${height}` }), remove);
      }),
    );
  }
}
