/** The events of a run: kept, so that whoever listens late misses nothing. */

import type { GenerateEvent, Generation, Picture } from "./types.js";

/** The pictures of a run that is over. */
export type Pictures = readonly [Picture, ...Picture[]];

/** A run as its maker sees it. */
export class EventLog implements Generation {
  readonly result: Promise<Picture>;
  readonly pictures: Promise<readonly Picture[]>;
  readonly #events: GenerateEvent[] = [];
  #waiting: (() => void)[] = [];
  #end: { readonly error?: unknown } | undefined;
  #resolve!: (pictures: Pictures) => void;
  #reject!: (error: unknown) => void;

  constructor() {
    const pictures = new Promise<Pictures>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.pictures = pictures;
    this.result = pictures.then(([first]) => first);
    // Who reads only the events hears of the error there.
    for (const unused of [this.pictures, this.result]) unused.catch(() => {});
  }

  /** Adds an event, while the run is not over. */
  push(event: GenerateEvent): void {
    if (this.#end) return;
    this.#events.push(event);
    this.#wake();
  }

  /** Ends the run with its pictures. */
  finish(pictures: Pictures): void {
    if (this.#end) return;
    this.push({ event: "done", result: pictures[0], pictures });
    this.#end = {};
    this.#resolve(pictures);
    this.#wake();
  }

  /** Ends the run with an error. */
  fail(error: unknown): void {
    if (this.#end) return;
    this.#end = { error };
    this.#reject(error);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<GenerateEvent, void, undefined> {
    for (let next = 0; ; ) {
      const event = this.#events[next];
      if (event) {
        next += 1;
        yield event;
      } else if (this.#end) {
        if ("error" in this.#end) throw this.#end.error;
        return;
      } else {
        await new Promise<void>((wake) => this.#waiting.push(wake));
      }
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
