/** A worker that tests play by hand. */

import type { AtelierError } from "../errors.js";
import type { FromWorker, ToWorker, WireEvent, WireOpen } from "../protocol.js";
import type { Connect } from "../session.js";
import type { Blueprint, ModelInfo, RunRecord } from "../types.js";

export const info = { model: "m" } as ModelInfo;
export const module = { code: true } as unknown as WebAssembly.Module;
export const blueprint = { format: "atelier-blueprint/1", model: "m", prompt: "p" } as Blueprint;
export const painted = (image = 0, images = 1): WireEvent => ({
  event: "picture",
  image,
  images,
  png: new Uint8Array([1, 2, 3]),
  record: { blueprint, image, images } as RunRecord,
});

/** One worker, from the worker's side. */
export class FakeWorker {
  readonly messages: ToWorker[] = [];
  terminated = false;
  #awaited: (() => void) | undefined;

  constructor(
    readonly say: (message: FromWorker) => void,
    readonly fail: (error: AtelierError) => void,
  ) {}

  send(message: ToWorker): void {
    this.messages.push(message);
    this.#awaited?.();
  }

  terminate(): void {
    this.terminated = true;
  }

  /** The next message of a type; `count` of them have come then. */
  async got<T extends ToWorker["type"]>(type: T, count = 1): Promise<Extract<ToWorker, { type: T }>> {
    for (;;) {
      const found = this.messages.filter((message) => message.type === type)[count - 1];
      if (found) return found as Extract<ToWorker, { type: T }>;
      await new Promise<void>((resolve) => (this.#awaited = resolve));
    }
  }

  /** Opens as it is asked. */
  async opens(): Promise<WireOpen> {
    const { id, open } = await this.got("open");
    this.say({ type: "opened", id, info, module });
    return open;
  }

  /** Answers a run with its pictures that are missing. */
  async finishes(count = 1): Promise<void> {
    const { id, run } = await this.got("run", count);
    const images = run.request.images_per_prompt ?? 1;
    for (let image = run.made; image < images; image += 1) {
      this.say({ type: "event", id, event: painted(image, images) });
    }
    this.say({ type: "finished", id });
  }
}

/** Workers as they are started. */
export class FakeWorkers {
  readonly started: FakeWorker[] = [];
  #awaited: (() => void) | undefined;

  readonly connect: Connect = async (receive, fail) => {
    const worker = new FakeWorker(receive, fail);
    this.started.push(worker);
    this.#awaited?.();
    return worker;
  };

  /** The worker of that number, counted from 1, when it is started. */
  async number(count: number): Promise<FakeWorker> {
    for (;;) {
      const worker = this.started[count - 1];
      if (worker) return worker;
      await new Promise<void>((resolve) => (this.#awaited = resolve));
    }
  }
}
