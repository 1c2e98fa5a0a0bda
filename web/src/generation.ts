/** The events of a run: kept, so that whoever listens late misses nothing. */

import type { Blueprint, BlueprintRun, GenerateEvent, Generation, Picture, WriteEvent } from "./types.js";

/** The pictures of a run that is over. */
export type Pictures = readonly [Picture, ...Picture[]];

/** A run as its maker sees it: events, and at the end what it made. */
export class EventLog<Event, Made> implements AsyncIterable<Event> {
  protected readonly made: Promise<Made>;
  readonly #events: Event[] = [];
  #waiting: (() => void)[] = [];
  #end: { readonly error?: unknown } | undefined;
  #resolve!: (made: Made) => void;
  #reject!: (error: unknown) => void;

  constructor() {
    this.made = new Promise<Made>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Who reads only the events hears of the error there.
    this.made.catch(() => {});
  }

  /** Adds an event, while the run is not over. */
  push(event: Event): void {
    if (this.#end) return;
    this.#events.push(event);
    this.#wake();
  }

  /** Ends the run with what it made. */
  finish(made: Made): void {
    if (this.#end) return;
    this.#end = {};
    this.#resolve(made);
    this.#wake();
  }

  /** Ends the run with an error. */
  fail(error: unknown): void {
    if (this.#end) return;
    this.#end = { error };
    this.#reject(error);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Event, void, undefined> {
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

/** A run that makes pictures. */
export class PictureLog extends EventLog<GenerateEvent, Pictures> implements Generation {
  readonly pictures: Promise<readonly Picture[]> = this.made;
  readonly result: Promise<Picture> = this.made.then(([first]) => first);

  constructor() {
    super();
    this.result.catch(() => {});
  }

  override finish(pictures: Pictures): void {
    this.push({ event: "done", result: pictures[0], pictures });
    super.finish(pictures);
  }
}

/** A run that writes a blueprint. */
export class BlueprintLog extends EventLog<WriteEvent, Blueprint> implements BlueprintRun {
  readonly result: Promise<Blueprint> = this.made;
}
