/** An open model on the page's side: its runs one after another, its worker replaced when it is lost. */

import { Clock } from "./clock.js";
import { AtelierError } from "./errors.js";
import { EventLog } from "./generation.js";
import type { WireEvent, WireOpen, WirePicture, WireRequest } from "./protocol.js";
import { prepareRequest, withBlueprint } from "./request.js";
import { type Connect, HealedError, Session } from "./session.js";
import type { Blueprint, Engine, GenerateEvent, GenerateRequest, Generation, ModelInfo, Picture } from "./types.js";

/** How a model is opened, now and after its worker was lost. */
export interface Opening {
  readonly open: WireOpen;
  readonly connect: Connect;
  /** The model's name for the PNG's note. */
  readonly name: string;
  /** Whether the model is on this device. */
  readonly isCached: () => Promise<boolean>;
  /** Removes it. */
  readonly clear: () => Promise<void>;
}

/** Times that one file is fetched again for one run, or for opening; more than that is no accident. */
const HEALED = 2;

/** The engine behind `createEngine`. */
export class LocalEngine implements Engine {
  readonly #opening: Opening;
  #session: Session | undefined;
  #info: ModelInfo | undefined;
  /** The engine's code; compiling takes a while. */
  #module: WebAssembly.Module | undefined;
  /** The end of what was asked for so far. */
  #last: Promise<void> = Promise.resolve();
  readonly #disposal = new AbortController();

  private constructor(opening: Opening) {
    this.#opening = opening;
  }

  /** Opens a model. */
  static async open(
    opening: Opening,
    on: (event: WireEvent) => void,
    signal: AbortSignal | undefined,
  ): Promise<LocalEngine> {
    const engine = new LocalEngine(opening);
    await engine.#healing(
      () => engine.#start(on, signal),
      () => {},
    );
    return engine;
  }

  get info(): ModelInfo {
    if (!this.#info) throw new AtelierError("engine-gone", "the model is not open");
    return this.#info;
  }

  generate(request: GenerateRequest): Generation {
    const log = new EventLog();
    try {
      const prepared = prepareRequest(request, this.#opening.name);
      this.#queue(log, prepared, request.signal);
    } catch (error) {
      log.fail(error);
    }
    return log;
  }

  isCached(): Promise<boolean> {
    return this.#opening.isCached();
  }

  clearCache(): Promise<void> {
    const cleared = this.#last.then(() => {
      // The worker has the files open.
      this.#session?.end(undefined);
      return this.#opening.clear();
    });
    this.#last = cleared.catch(() => {});
    return cleared;
  }

  dispose(): void {
    const error = new AtelierError("engine-gone", "the engine was disposed of");
    this.#disposal.abort(error);
    this.#session?.end(error);
  }

  #queue(log: EventLog, request: WireRequest, signal: AbortSignal | undefined): void {
    this.#disposal.signal.throwIfAborted();
    signal?.throwIfAborted();
    // A run that has not begun ends at once.
    const abort = (): void => log.fail(signal?.reason);
    signal?.addEventListener("abort", abort);
    this.#last = this.#last.then(async () => {
      signal?.removeEventListener("abort", abort);
      try {
        log.finish(await this.#run(log, request, signal));
      } catch (error) {
        log.fail(error);
      }
    });
  }

  async #run(log: EventLog, request: WireRequest, signal: AbortSignal | undefined): Promise<Picture> {
    const clock = new Clock();
    let blueprint: Blueprint | undefined;
    let lost = false;
    const on = (event: GenerateEvent): void => {
      if (event.event === "blueprint") blueprint = event.blueprint;
      clock.on(event);
      log.push(event);
    };
    const attempt = async (): Promise<WirePicture> => {
      const session = await this.#live(on, signal);
      return session.run(blueprint ? withBlueprint(request, blueprint) : request, on, signal);
    };
    const retry = (reason: string): void => on({ event: "retry", reason });
    const picture = await this.#healing(async () => {
      for (;;) {
        try {
          return await attempt();
        } catch (error) {
          if (lost || !(error instanceof AtelierError) || error.code !== "device-lost") throw error;
          lost = true;
          retry(error.message);
        }
      }
    }, retry);
    return pictureOf(picture, clock);
  }

  /** Repeats `work` in a new worker for as long as files that were damaged come back whole. */
  async #healing<T>(work: () => Promise<T>, retry: (reason: string) => void): Promise<T> {
    const healed = new Map<string, number>();
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof HealedError)) throw error;
        this.#session?.end(error.error);
        const { file = "" } = error.error;
        const times = (healed.get(file) ?? 0) + 1;
        if (times > HEALED) throw error.error;
        healed.set(file, times);
        retry(error.message);
      }
    }
  }

  /** The worker, or a new one. */
  async #live(on: (event: WireEvent) => void, signal: AbortSignal | undefined): Promise<Session> {
    return this.#session && !this.#session.isGone ? this.#session : this.#start(on, signal);
  }

  async #start(on: (event: WireEvent) => void, signal: AbortSignal | undefined): Promise<Session> {
    const { open, connect } = this.#opening;
    const again = this.#info !== undefined;
    const session = await Session.open(
      connect,
      {
        ...open,
        wasm: this.#module ?? open.wasm,
        // The model does not change while it is open.
        requests: again && open.requests === "fresh" ? "missing" : open.requests,
      },
      on,
      signal ? AbortSignal.any([signal, this.#disposal.signal]) : this.#disposal.signal,
    );
    this.#session = session;
    this.#info = session.info;
    this.#module = session.module;
    return session;
  }
}

function pictureOf({ pixels, png, record }: WirePicture, clock: Clock): Picture {
  const blob = new Blob([png], { type: "image/png" });
  return { pixels, png: blob, blueprint: record.blueprint, record, timings: clock.timings() };
}
