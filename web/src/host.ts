/** The worker's side: opens one model and makes pictures with it, one thing at a time. */

import { AtelierError, crash, isFatal, messageOf, toWire, type WireError } from "./errors.js";
import { decodeImage } from "./images.js";
import type { FromWorker, ToWorker, WireEvent, WireOpen, WireRequest, WireWasm } from "./protocol.js";
import { openSource } from "./sources/open.js";
import type { OpenSource } from "./sources/source.js";
import type { LoadedWasm, WasmEngine, WasmPicture, WasmRequest, WasmSource } from "./wasm-module.js";

/** Milliseconds between two events that only say how far something is. */
const PACE = 50;

/** Milliseconds of reading after which messages are let through. */
const BREATH = 30;

/** Milliseconds that a lost device gets to say so after what it broke did. */
const HINDSIGHT = 200;

/** What the host needs of its surroundings. */
export interface HostMeans {
  readonly send: (message: FromWorker, transfer?: Transferable[]) => void;
  readonly load: (wasm: WireWasm | undefined) => Promise<LoadedWasm>;
  readonly open?: typeof openSource;
  /** Whether the engine's device has subgroups; left out where it has none. */
  readonly subgroups?: () => Promise<boolean>;
}

/** Does what the page's side asks for. */
export class Host {
  readonly #means: HostMeans;
  #source: OpenSource | undefined;
  #engine: WasmEngine | undefined;
  #job = { id: -1, stop: new AbortController() };
  #gone = false;
  #refused: string | undefined;
  /** The error of a read that the engine reports in its own words. */
  #unread: unknown;
  #paced = { what: "", at: 0 };

  constructor(means: HostMeans) {
    this.#means = means;
  }

  /** Takes a message of the page's side. */
  receive(message: ToWorker): void {
    if (message.type === "cancel") {
      if (message.id === this.#job.id) this.#job.stop.abort(new AtelierError("compute", "cancelled"));
      return;
    }
    this.#job = { id: message.id, stop: new AbortController() };
    this.#unread = undefined;
    const { id } = message;
    const work = message.type === "open" ? this.#open(id, message.open) : this.#run(id, message.request);
    void work.catch((error: unknown) => this.#fail(id, error)).finally(() => this.#source?.rest());
  }

  /** The device went away. */
  lost(reason: string): void {
    this.#leave({ code: "device-lost", message: reason });
  }

  /** The device ran out of memory: what it computes from now on is wrong. */
  outOfMemory(message: string): void {
    this.#leave({ code: "out-of-memory", message });
  }

  /** The device refused a command. */
  refused(message: string): void {
    this.#refused ??= message;
  }

  /** The engine panicked, or ran into a trap. */
  crashed(message: string): void {
    void this.#leaveLater(crash(this.#withRefusal(message)));
  }

  async #open(id: number, open: WireOpen): Promise<void> {
    const { signal } = this.#job.stop;
    const { wasm, module } = await this.#means.load(open.wasm);
    const hasher = () => new wasm.Hasher();
    const on = (event: WireEvent): void => this.#report(id, event);
    const source = await (this.#means.open ?? openSource)(open, hasher, on, signal);
    this.#source = source;
    const subgroups = (await this.#means.subgroups?.()) ?? false;
    this.#engine = await wasm.Engine.open(this.#watched(source), { defaultLimits: open.defaultLimits, subgroups });
    this.#means.send({ type: "opened", id, info: this.#engine.info(), module });
  }

  async #run(id: number, { images, ...request }: WireRequest): Promise<void> {
    if (!this.#engine) throw new AtelierError("engine-gone", "the model is not open");
    const { signal } = this.#job.stop;
    const decoded: WasmRequest["images"] = [];
    for (const image of images) decoded.push(await decodeImage(image));
    const onEvent = (event: object): boolean => {
      this.#report(id, event as WireEvent);
      return signal.aborted || this.#gone;
    };
    const picture = await this.#engine.generate({ ...request, images: decoded }, onEvent);
    this.#finish(id, picture);
  }

  #finish(id: number, { width, height, data, png, record }: WasmPicture): void {
    if (this.#gone) return;
    const pixels = { width, height, data: new Uint8ClampedArray(data.buffer, data.byteOffset, data.byteLength) };
    const transfer = [...new Set([data.buffer, png.buffer])];
    this.#means.send({ type: "finished", id, picture: { pixels, png, record } }, transfer);
  }

  #report(id: number, event: WireEvent): void {
    if (this.#gone || this.#tooSoon(event)) return;
    if (event.event === "step" && event.preview) {
      const { width, height, data: given } = event.preview;
      const data = new Uint8ClampedArray(given.buffer as ArrayBuffer, given.byteOffset, given.byteLength);
      this.#means.send({ type: "event", id, event: { ...event, preview: { width, height, data } } }, [data.buffer]);
    } else {
      this.#means.send({ type: "event", id, event });
    }
  }

  /** Bytes are counted far more often than anyone looks. The first and the last of a kind always get through. */
  #tooSoon(event: WireEvent): boolean {
    if (event.event !== "download" && event.event !== "verify" && event.event !== "load") return false;
    const what = `${event.event} ${event.event === "download" ? event.file : event.stage}`;
    const now = performance.now();
    if (what === this.#paced.what && now - this.#paced.at < PACE && event.bytes < event.total) return true;
    this.#paced = { what, at: now };
    return false;
  }

  async #fail(id: number, error: unknown): Promise<void> {
    if (this.#gone) return;
    let wire = this.#name(error);
    if (wire.code === "compute" || isFatal(wire.code)) {
      // A device that goes away breaks whatever was waiting for it before it says so.
      await this.#hindsight();
      if (this.#gone) return;
      wire = { ...wire, message: this.#withRefusal(wire.message) };
      if (isFatal(wire.code)) return this.#leave(wire);
    }
    if (wire.code === "bad-file" && wire.file !== undefined) wire = await this.#heal(id, wire, wire.file);
    if (!this.#gone) this.#means.send({ type: "failed", id, error: wire });
  }

  #name(error: unknown): WireError {
    if (this.#job.stop.signal.aborted) return { code: "cancelled", message: "cancelled" };
    const wire = toWire(error);
    if (this.#unread === undefined || (wire.code !== "bad-file" && wire.code !== "compute")) return wire;
    return toWire(this.#unread);
  }

  async #heal(id: number, wire: WireError, file: string): Promise<WireError> {
    try {
      const on = (event: WireEvent): void => this.#report(id, event);
      const healed = await this.#source?.heal(file, on, this.#job.stop.signal);
      // What is whole and cannot be read is of another version.
      if (healed === "whole") return { ...wire, code: "other-version" };
      return healed ? { ...wire, healed } : wire;
    } catch (error) {
      if (this.#job.stop.signal.aborted) return this.#name(error);
      return { ...wire, message: `${wire.message} (getting it again failed: ${messageOf(error)})` };
    }
  }

  async #leaveLater(error: WireError): Promise<void> {
    await this.#hindsight();
    this.#leave(error);
  }

  /** The device's own words are the better ones where a command of the engine's was wrong. */
  #withRefusal(message: string): string {
    const refused = this.#refused;
    return refused === undefined || message.includes(refused) ? message : `${message} (the device says: ${refused})`;
  }

  #hindsight(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, HINDSIGHT));
  }

  /** Says once that this worker is of no more use. */
  #leave(error: WireError): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#means.send({ type: "gone", error });
  }

  /** The source as the engine gets it: its errors are remembered, and messages get through between reads. */
  #watched(source: OpenSource): WasmSource {
    let breathed = performance.now();
    const breathe = async (): Promise<void> => {
      if (performance.now() - breathed < BREATH) return;
      await macrotask();
      breathed = performance.now();
    };
    const remember = (error: unknown): never => {
      this.#unread = error;
      // Errors of the browser's own cross into the engine as they are, and it knows only these.
      throw error instanceof AtelierError ? error : new AtelierError("bad-file", messageOf(error));
    };
    return {
      name: source.name,
      size: (path) => source.size(path).catch(remember),
      read: async (path, start, end) => {
        await breathe();
        return source.read(path, start, end).catch(remember);
      },
    };
  }
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
