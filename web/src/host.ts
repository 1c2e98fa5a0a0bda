/** The worker's side: opens one model and makes pictures with it, one thing at a time. */

import { AtelierError, crash, isFatal, messageOf, toWire, type WireError } from "./errors.js";
import type { KernelCheck } from "./generated/atelier.js";
import { decodeImage } from "./images.js";
import type { FromWorker, ToWorker, WireCheck, WireEvent, WireOpen, WireRun, WireWasm } from "./protocol.js";
import { openSource } from "./sources/open.js";
import type { OpenSource } from "./sources/source.js";
import type { ModelFiles, OpenOptions, SourceImage } from "./wasm/atelier_web.js";
import type { LoadedWasm, OpenModel } from "./wasm-module.js";

/** Between two events that only say how far something is. */
const PROGRESS_INTERVAL_MS = 50;

/** Of reading and computing, after which messages are let through. */
const YIELD_INTERVAL_MS = 30;

/** What a lost device gets to say so, after whatever it broke did. */
const LATE_ERROR_DELAY_MS = 200;

/** What the host needs of its surroundings. */
export interface HostMeans {
  readonly send: (message: FromWorker, transfer?: Transferable[]) => void;
  readonly load: (engine: WireOpen["engine"], wasm: WireWasm) => Promise<LoadedWasm>;
  readonly open?: typeof openSource;
  /** Whether the engine's device has subgroups; left out where it has none. */
  readonly subgroups?: () => Promise<boolean>;
}

/** Does what the page's side asks for. */
export class Host {
  readonly #means: HostMeans;
  #source: OpenSource | undefined;
  #engine: OpenModel | undefined;
  #job = { id: -1, stop: new AbortController() };
  #gone = false;
  #rests = false;
  #refused: string | undefined;
  /** The error of a read that the engine reports in its own words. */
  #readError: unknown;
  #reported = { what: "", at: 0 };

  constructor(means: HostMeans) {
    this.#means = means;
  }

  /** Takes a message of the page's side. */
  receive(message: Exclude<ToWorker, { type: "hello" }>): void {
    if (message.type === "cancel") {
      if (message.id === this.#job.id) this.#job.stop.abort(new AtelierError("compute", "cancelled"));
      return;
    }
    this.#job = { id: message.id, stop: new AbortController() };
    this.#readError = undefined;
    const { id } = message;
    const work = this.#work(id, message);
    void work.catch((error: unknown) => this.#fail(id, error)).finally(() => this.#source?.close());
  }

  #work(id: number, message: Exclude<ToWorker, { type: "cancel" | "hello" }>): Promise<void> {
    if (message.type === "open") return this.#open(id, message.open);
    return message.type === "run" ? this.#run(id, message.run) : this.#check(id, message.check);
  }

  /** The device went away. */
  lost(reason: string): void {
    this.#retire({ code: "device-lost", message: reason });
  }

  /** The device ran out of memory: what it computes from now on is wrong. */
  outOfMemory(message: string): void {
    this.#retire({ code: "out-of-memory", message });
  }

  /** The device refused a command. */
  refused(message: string): void {
    this.#refused ??= message;
  }

  /** The engine panicked, or ran into a trap. */
  crashed(message: string): void {
    void this.#retireLater(crash(this.#withRefusal(message)));
  }

  async #open(id: number, open: WireOpen): Promise<void> {
    const { signal } = this.#job.stop;
    const { wasm, module } = await this.#means.load(open.engine, open.wasm);
    const hasher = () => new wasm.Hasher();
    const on = (event: WireEvent): void => this.#report(id, event);
    const source = await (this.#means.open ?? openSource)(open, hasher, on, signal);
    this.#source = source;
    this.#engine = await wasm.Engine.open(this.#watched(source), await this.#device(open));
    // The GPU's engine waits for its device, and messages come through meanwhile.
    this.#rests = open.engine === "cpu";
    this.#means.send({ type: "opened", id, info: this.#engine.info(), module });
  }

  async #check(id: number, check: WireCheck): Promise<void> {
    const { wasm } = await this.#means.load("gpu", check.wasm);
    const found = (found: KernelCheck): void => this.#means.send({ type: "found", id, found });
    const report = await wasm.check(await this.#device({ ...check, engine: "gpu", avoid: [] }), found);
    if (!this.#gone) this.#means.send({ type: "checked", id, report });
  }

  async #device({
    engine,
    defaultLimits,
    avoid,
  }: Pick<WireOpen, "engine" | "defaultLimits" | "avoid">): Promise<OpenOptions> {
    const subgroups = engine === "gpu" && ((await this.#means.subgroups?.()) ?? false);
    return { defaultLimits, avoid, subgroups };
  }

  async #run(id: number, { images, ...run }: WireRun): Promise<void> {
    if (!this.#engine) throw new AtelierError("engine-gone", "the model is not open");
    const { signal } = this.#job.stop;
    const decoded: SourceImage[] = [];
    for (const { image, name } of images) decoded.push({ ...(await decodeImage(image, name)), name });
    const stop = (): boolean => signal.aborted || this.#gone;
    const report = (event: WireEvent): boolean => {
      this.#report(id, event);
      return stop();
    };
    const rest = this.#rests ? this.#yielding() : () => undefined;
    await this.#engine.generate({ ...run, images: decoded }, report, stop, rest);
    if (!this.#gone) this.#means.send({ type: "finished", id });
  }

  #report(id: number, event: WireEvent): void {
    if (this.#gone || this.#tooSoon(event)) return;
    this.#means.send({ type: "event", id, event }, transferOf(event));
  }

  /** Bytes are counted far more often than anyone looks. The first and the last of a kind always get through. */
  #tooSoon(event: WireEvent): boolean {
    if (event.event !== "download" && event.event !== "verify" && event.event !== "load") return false;
    const what = `${event.event} ${event.event === "download" ? event.file : event.stage}`;
    const now = performance.now();
    if (what === this.#reported.what && now - this.#reported.at < PROGRESS_INTERVAL_MS && event.bytes < event.total)
      return true;
    this.#reported = { what, at: now };
    return false;
  }

  async #fail(id: number, error: unknown): Promise<void> {
    if (this.#gone) return;
    let wire = this.#name(error);
    if (wire.code === "compute" || isFatal(wire.code)) {
      // A device that goes away breaks whatever was waiting for it before it says so.
      await this.#lateErrors();
      if (this.#gone) return;
      wire = { ...wire, message: this.#withRefusal(wire.message) };
      if (isFatal(wire.code)) return this.#retire(wire);
    }
    if (wire.code === "bad-file" && wire.file !== undefined) wire = await this.#refetch(id, wire, wire.file);
    if (!this.#gone) this.#means.send({ type: "failed", id, error: wire });
  }

  #name(error: unknown): WireError {
    if (this.#job.stop.signal.aborted) return { code: "cancelled", message: "cancelled" };
    const wire = toWire(error);
    if (this.#readError === undefined || (wire.code !== "bad-file" && wire.code !== "compute")) return wire;
    return toWire(this.#readError);
  }

  async #refetch(id: number, wire: WireError, file: string): Promise<WireError> {
    try {
      const on = (event: WireEvent): void => this.#report(id, event);
      const refetched = await this.#source?.refetch(file, on, this.#job.stop.signal);
      // What is whole and cannot be read is of another version.
      if (refetched === "whole") return { ...wire, code: "other-version" };
      return refetched ? { ...wire, refetched } : wire;
    } catch (error) {
      if (this.#job.stop.signal.aborted) return this.#name(error);
      // Written without room, a file can be as good as gone: what the user can mend is the room.
      const again = toWire(error);
      if (again.code === "quota") return again;
      return { ...wire, message: `${wire.message} (getting it again failed: ${messageOf(error)})` };
    }
  }

  async #retireLater(error: WireError): Promise<void> {
    await this.#lateErrors();
    this.#retire(error);
  }

  /** The device's own words are the better ones where a command of the engine's was wrong. */
  #withRefusal(message: string): string {
    const refused = this.#refused;
    return refused === undefined || message.includes(refused) ? message : `${message} (the device says: ${refused})`;
  }

  #lateErrors(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, LATE_ERROR_DELAY_MS));
  }

  /** Says once that this worker is of no more use. */
  #retire(error: WireError): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#means.send({ type: "gone", error });
  }

  /** Lets messages through from time to time. */
  #yielding(): () => Promise<void> | undefined {
    let yielded = performance.now();
    return () => {
      if (performance.now() - yielded < YIELD_INTERVAL_MS) return undefined;
      return macrotask().then(() => {
        yielded = performance.now();
      });
    };
  }

  /** The source as the engine gets it: its errors are remembered, and messages get through between reads. */
  #watched(source: OpenSource): ModelFiles {
    const yieldNow = this.#yielding();
    const remember = (error: unknown): never => {
      this.#readError = error;
      // Errors of the browser's own cross into the engine as they are, and it knows only these.
      throw error instanceof AtelierError ? error : new AtelierError("bad-file", messageOf(error));
    };
    return {
      name: source.name,
      size: (path) => source.size(path).catch(remember),
      read: async (path, start, end) => {
        await yieldNow();
        return source.read(path, start, end).catch(remember);
      },
      hasHash: (path, sha256) => source.hasHash(path, sha256),
      noteHash: (path, sha256) => source.noteHash(path, sha256),
    };
  }
}

/** The bytes of an event that are given away rather than copied. */
function transferOf(event: WireEvent): Transferable[] {
  if (event.event === "step" && event.preview) return [event.preview.data.buffer];
  return event.event === "picture" ? [event.png.buffer] : [];
}

/** Lets messages and timers run: promises alone would keep them waiting. */
function macrotask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
