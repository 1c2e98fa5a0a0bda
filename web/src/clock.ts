/** How long each stage of a run took. */

import type { WireEvent } from "./protocol.js";
import type { RetryEvent, Stage } from "./types.js";

/** Watches the events of a run. */
export class Clock {
  readonly #now: () => number;
  readonly #spent: Partial<Record<Stage, number>> = {};
  #stage: Stage | undefined;
  #since: number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#since = now();
  }

  /** Takes the time that has passed for the stage that it went to. */
  on(event: WireEvent | RetryEvent): void {
    if (event.event === "download" || event.event === "retry") {
      // Fetching and starting anew are no stage's work.
      this.#charge();
      this.#stage = undefined;
      return;
    }
    const stage = stageOf(event);
    if (stage === undefined || stage === this.#stage) return;
    this.#charge();
    this.#stage = stage;
  }

  /** Milliseconds of every stage that ran. */
  timings(): Readonly<Partial<Record<Stage, number>>> {
    this.#charge();
    return { ...this.#spent };
  }

  #charge(): void {
    const now = this.#now();
    if (this.#stage) this.#spent[this.#stage] = (this.#spent[this.#stage] ?? 0) + now - this.#since;
    this.#since = now;
  }
}

function stageOf(event: WireEvent): Stage | undefined {
  switch (event.event) {
    case "verify":
    case "load":
      return event.stage;
    // A blueprint that was given is reported too, and no architect was at work.
    case "blueprint-token":
      return "architect";
    case "step":
      return "painter";
    case "decode":
      return "decoder";
    default:
      return undefined;
  }
}
