/** The page's side of one worker: from its start to its end. */

import { AtelierError, fromWire, type WireError } from "./errors.js";
import type { FromWorker, ToWorker, WireCheck, WireEvent, WireOpen, WireRun } from "./protocol.js";
import type { DeviceCheck, KernelCheck, ModelInfo, RunPlan } from "./types.js";

/** A worker that listens. */
export interface Port {
  send(message: ToWorker): void;
  terminate(): void;
}

/** Starts a worker. `receive` gets its messages, `fail` what ends it. */
export type Connect = (receive: (message: FromWorker) => void, fail: (error: AtelierError) => void) => Promise<Port>;

/** The error of a run or of opening whose damaged file was fetched again since. */
export class RefetchedError extends Error {
  constructor(readonly error: AtelierError) {
    super(error.message);
  }
}

/** Milliseconds that a run gets to stop. */
const STOPPING = 10_000;

/** Who hears of what happens before the answer. */
interface Listeners {
  readonly event?: (event: WireEvent) => void;
  readonly found?: (found: KernelCheck) => void;
}

interface Pending {
  readonly id: number;
  readonly on: Listeners;
  readonly resolve: (message: FromWorker) => void;
  readonly reject: (error: unknown) => void;
}

/** A worker with an open model. It does one run at a time. */
export class Session {
  #port: Port | undefined;
  #pending: Pending | undefined;
  #ids = 0;
  #gone: unknown;
  #opened: { info: ModelInfo; module: WebAssembly.Module } | undefined;

  private constructor() {}

  /** Starts a worker and opens a model in it. The signal ends the worker: what was fetched stays. */
  static async open(
    connect: Connect,
    open: WireOpen,
    on: (event: WireEvent) => void,
    signal: AbortSignal,
  ): Promise<Session> {
    return Session.#with(connect, signal, async (session) => {
      const opened = await session.#ask((id) => ({ type: "open", id, open }), { event: on });
      if (opened.type !== "opened") throw unexpected(opened);
      session.#opened = opened;
      return session;
    });
  }

  /** Starts a worker, checks the device in it, and ends it. */
  static check(
    connect: Connect,
    check: WireCheck,
    found: (found: KernelCheck) => void,
    signal: AbortSignal,
  ): Promise<DeviceCheck> {
    return Session.#with(connect, signal, async (session) => {
      const checked = await session.#ask((id) => ({ type: "check", id, check }), { found });
      if (checked.type !== "checked") throw unexpected(checked);
      session.end(undefined);
      return checked.report;
    });
  }

  /** Starts a worker for this; what fails, and the signal, end it. */
  static async #with<T>(connect: Connect, signal: AbortSignal, work: (session: Session) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const session = new Session();
    const abort = (): void => session.end(signal.reason);
    signal.addEventListener("abort", abort);
    try {
      const connecting = connect(
        (message) => session.#receive(message),
        (error) => session.end(error),
      );
      // A worker that comes too late is not wanted any more; one that never comes keeps nobody waiting.
      void connecting.then(
        (port) => (session.#gone === undefined ? (session.#port = port) : port.terminate()),
        () => {},
      );
      await Promise.race([connecting, aborted(signal)]);
      return await work(session);
    } catch (error) {
      session.end(error);
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** What is known of the model. */
  get info(): ModelInfo {
    return this.#known.info;
  }

  /** The engine's code, for the next worker. */
  get module(): WebAssembly.Module {
    return this.#known.module;
  }

  /** Whether the worker is of no more use. */
  get isGone(): boolean {
    return this.#gone !== undefined;
  }

  /**
   * Makes the pictures of a run, or what comes before. When the signal comes, the worker is told to stop, and this rejects with the signal's reason
   * once it has.
   */
  async run(
    run: WireRun,
    on: (event: WireEvent) => void,
    signal: AbortSignal | undefined,
    until?: "blueprint",
  ): Promise<void> {
    signal?.throwIfAborted();
    let late: ReturnType<typeof setTimeout> | undefined;
    const cancel = (): void => {
      if (this.#pending) this.#port?.send({ type: "cancel", id: this.#pending.id });
      // A device that hangs cannot be asked to stop: the worker goes, and the next run has another.
      late = setTimeout(() => this.end(signal?.reason), STOPPING);
    };
    signal?.addEventListener("abort", cancel);
    try {
      const finished = await this.#ask(
        (id) => ({ type: "run", id, run, until }),
        // What was on its way when the run was cancelled is of no interest.
        { event: (event) => void (signal?.aborted || on(event)) },
      );
      // A run that was over just then is not wanted either.
      signal?.throwIfAborted();
      if (finished.type !== "finished") throw unexpected(finished);
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    } finally {
      signal?.removeEventListener("abort", cancel);
      clearTimeout(late);
    }
  }

  /** What a run needs on the device. */
  async plan(run: WireRun): Promise<RunPlan> {
    const planned = await this.#ask((id) => ({ type: "plan", id, run }), {});
    if (planned.type !== "planned") throw unexpected(planned);
    return planned.plan;
  }

  /** Frees what is held between runs. */
  async release(): Promise<void> {
    const released = await this.#ask((id) => ({ type: "release", id }), {});
    if (released.type !== "released") throw unexpected(released);
  }

  /** Ends the worker; what it was asked for rejects with `error`. */
  end(error: unknown): void {
    if (this.#gone !== undefined) return;
    this.#gone = error ?? new AtelierError("engine-gone", "the engine was disposed of");
    this.#port?.terminate();
    this.#pending?.reject(this.#gone);
    this.#pending = undefined;
  }

  get #known(): { info: ModelInfo; module: WebAssembly.Module } {
    if (!this.#opened) throw new AtelierError("engine-gone", "the model is not open");
    return this.#opened;
  }

  #ask(message: (id: number) => ToWorker, on: Listeners): Promise<FromWorker> {
    return new Promise((resolve, reject) => {
      if (this.#gone !== undefined) return reject(this.#gone);
      const id = (this.#ids += 1);
      this.#pending = { id, on, resolve, reject };
      // A request that cannot be cloned throws here.
      this.#port?.send(message(id));
    });
  }

  #receive(message: FromWorker): void {
    if (message.type === "ready") return;
    if (message.type === "gone") return this.end(fromWire(message.error));
    const pending = this.#pending;
    if (message.id !== pending?.id) return;
    if (message.type === "event") return pending.on.event?.(message.event);
    if (message.type === "found") return pending.on.found?.(message.found);
    this.#pending = undefined;
    if (message.type === "failed") pending.reject(errorOf(message.error));
    else pending.resolve(message);
  }
}

function unexpected({ type }: FromWorker): AtelierError {
  return new AtelierError("engine-gone", `unexpected answer ${type}`);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}

function errorOf(wire: WireError): Error {
  const error = fromWire(wire);
  return wire.refetched ? new RefetchedError(error) : error;
}
