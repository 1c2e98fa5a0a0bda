/** An open model on the page's side: its runs one after another, its worker replaced when it is lost. */

import { Clock } from "./clock.js";
import { AtelierError } from "./errors.js";
import { EventLog, type Pictures } from "./generation.js";
import { decodeImage } from "./images.js";
import type { WireEvent, WireOpen, WireRun, WireWasm } from "./protocol.js";
import { prepareRun } from "./request.js";
import { type Connect, RefetchedError, Session } from "./session.js";
import type {
  Blueprint,
  Engine,
  EngineInUse,
  GenerateRequest,
  Generation,
  ModelInfo,
  Picture,
  Pixels,
  RetryEvent,
} from "./types.js";

/** How a model is opened, now and after its worker was lost. */
export interface Opening {
  readonly open: WireOpen;
  /** Why the model is opened on the CPU, if it is. */
  readonly engine: EngineInUse;
  /** Of a model on the GPU: the CPU engine's file, where that may take over. */
  readonly fallback?: { readonly wasm: WireWasm };
  readonly connect: Connect;
  /** The model's name for the PNG's note. */
  readonly name: string;
  /** Whether the model is on this device. */
  readonly isCached: () => Promise<boolean>;
  /** Removes it. */
  readonly clear: () => Promise<void>;
}

/** Times that one file is fetched again for one run, or for opening; more than that is no accident. */
const MAX_REFETCHES = 2;

/** The engine behind `createEngine`. */
export class LocalEngine implements Engine {
  readonly #opening: Opening;
  #session: Session | undefined;
  #info: ModelInfo | undefined;
  #engine: EngineInUse;
  /** The engine's code; compiling takes a while. */
  #module: WebAssembly.Module | undefined;
  /** The end of what was asked for so far. */
  #last: Promise<void> = Promise.resolve();
  readonly #disposal = new AbortController();

  private constructor(opening: Opening) {
    this.#opening = opening;
    this.#engine = opening.engine;
  }

  /** Opens a model. */
  static async open(
    opening: Opening,
    on: (event: WireEvent) => void,
    signal: AbortSignal | undefined,
  ): Promise<LocalEngine> {
    const engine = new LocalEngine(opening);
    const start = async (): Promise<unknown> => {
      try {
        return await engine.#start(on, signal);
      } catch (error) {
        // What the browser called an adapter is none after all.
        if (isOf(error, "no-adapter") && engine.#leaveGpu("no-adapter")) return engine.#start(on, signal);
        throw error;
      }
    };
    await engine.#withRefetches(start, () => {});
    return engine;
  }

  get engine(): EngineInUse {
    return this.#engine;
  }

  get info(): ModelInfo {
    if (!this.#info) throw new AtelierError("engine-gone", "the model is not open");
    return this.#info;
  }

  generate(request: GenerateRequest): Generation {
    const log = new EventLog();
    try {
      this.#queue(log, prepareRun(request, this.#opening.name), request.signal);
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

  #queue(log: EventLog, run: WireRun, signal: AbortSignal | undefined): void {
    this.#disposal.signal.throwIfAborted();
    signal?.throwIfAborted();
    // A run that has not begun ends at once.
    const abort = (): void => log.fail(signal?.reason);
    signal?.addEventListener("abort", abort);
    this.#last = this.#last.then(async () => {
      signal?.removeEventListener("abort", abort);
      try {
        log.finish(await this.#run(log, run, signal));
      } catch (error) {
        log.fail(error);
      }
    });
  }

  async #run(log: EventLog, run: WireRun, signal: AbortSignal | undefined): Promise<Pictures> {
    const clock = new Clock();
    const pictures: Picture[] = [];
    let written: Blueprint | undefined;
    let lost = false;
    const on = (event: WireEvent | RetryEvent): void => {
      clock.on(event);
      if (event.event === "blueprint") written = event.blueprint;
      if (event.event === "picture") {
        const { image, images } = event;
        const picture = pictureOf(event, clock);
        pictures.push(picture);
        log.push({ event: "picture", image, images, picture });
      } else log.push(event);
    };
    const attempt = async (): Promise<void> => {
      const session = await this.#live(on, signal);
      // What is made is not made again.
      await session.run({ ...run, ...(written && { written }), made: pictures.length }, on, signal);
    };
    const retry = (reason: string): void => on({ event: "retry", reason });
    await this.#withRefetches(async () => {
      for (;;) {
        try {
          return await attempt();
        } catch (error) {
          if (!isOf(error, "device-lost") || (lost && !this.#leaveGpu("device-lost"))) throw error;
          lost = true;
          retry(error.message);
        }
      }
    }, retry);
    const [first, ...others] = pictures;
    if (!first) throw new AtelierError("engine-gone", "the run ended without a picture");
    return [first, ...others];
  }

  /** Repeats `work` in a new worker for as long as files that were damaged come back whole. */
  async #withRefetches<T>(work: () => Promise<T>, retry: (reason: string) => void): Promise<T> {
    const refetched = new Map<string, number>();
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof RefetchedError)) throw error;
        this.#session?.end(error.error);
        const { file = "" } = error.error;
        const times = (refetched.get(file) ?? 0) + 1;
        if (times > MAX_REFETCHES) throw error.error;
        refetched.set(file, times);
        retry(error.message);
      }
    }
  }

  /** From now on the CPU does it, if it may. */
  #leaveGpu(why: "no-adapter" | "device-lost"): boolean {
    if (!this.#opening.fallback || this.#engine.kind === "cpu") return false;
    this.#engine = { kind: "cpu", why };
    this.#module = undefined;
    return true;
  }

  /** The worker, or a new one. */
  async #live(on: (event: WireEvent) => void, signal: AbortSignal | undefined): Promise<Session> {
    return this.#session && !this.#session.isGone ? this.#session : this.#start(on, signal);
  }

  async #start(on: (event: WireEvent) => void, signal: AbortSignal | undefined): Promise<Session> {
    const { open, connect, engine, fallback } = this.#opening;
    const wasm = this.#engine.kind === engine.kind || !fallback ? open.wasm : fallback.wasm;
    const again = this.#info !== undefined;
    const session = await Session.open(
      connect,
      {
        ...open,
        engine: this.#engine.kind,
        wasm: this.#module ?? wasm,
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

function isOf(error: unknown, code: AtelierError["code"]): error is AtelierError {
  return error instanceof AtelierError && error.code === code;
}

function pictureOf({ png, record }: Extract<WireEvent, { event: "picture" }>, clock: Clock): Picture {
  const blob = new Blob([png], { type: "image/png" });
  const pixels = (): Promise<Pixels> => decodeImage(blob, "the picture");
  return { png: blob, blueprint: record.blueprint, record, timings: clock.timings(), pixels };
}
