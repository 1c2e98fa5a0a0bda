import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AtelierError } from "./errors.js";
import type { FromWorker, ToWorker } from "./protocol.js";
import { connectWith } from "./spawn.js";
import { VERSION } from "./version.js";

/** A worker of the page's own, as far as it is used. */
class OwnWorker {
  onmessage: ((event: { data: FromWorker }) => void) | undefined;
  onerror: ((event: { message: string; preventDefault(): void }) => void) | undefined;
  readonly heard: ToWorker[] = [];
  terminated = false;

  constructor(readonly answer: (hello: ToWorker) => FromWorker | undefined) {}

  postMessage(message: ToWorker): void {
    this.heard.push(message);
    const data = this.answer(message);
    if (data) queueMicrotask(() => this.onmessage?.({ data }));
  }

  terminate(): void {
    this.terminated = true;
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const received: FromWorker[] = [];
const failed: AtelierError[] = [];
const connect = (worker: OwnWorker): ReturnType<ReturnType<typeof connectWith>> =>
  connectWith(() => worker as unknown as Worker, true)(
    (message) => received.push(message),
    (error) => failed.push(error),
  );

test("a worker that was ready before anyone listened is asked, and answers", async () => {
  const worker = new OwnWorker(({ type }) => (type === "hello" ? { type: "ready", version: VERSION } : undefined));
  const port = await connect(worker);
  port.send({ type: "cancel", id: 1 });
  expect(worker.heard).toEqual([{ type: "hello" }, { type: "cancel", id: 1 }]);
  worker.onmessage?.({ data: { type: "finished", id: 1 } });
  expect(received).toEqual([{ type: "finished", id: 1 }]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a worker that never says anything is given up", async () => {
  const worker = new OwnWorker(() => undefined);
  const refused = expect(connect(worker)).rejects.toMatchObject({
    code: "network",
    message: expect.stringContaining("atelier-web/worker"),
  });
  await vi.advanceTimersByTimeAsync(59_000);
  expect(worker.terminated).toBe(false);
  await vi.advanceTimersByTimeAsync(1_000);
  await refused;
  expect(worker.terminated).toBe(true);
});

test("a worker of another version is refused, as is one that fails", async () => {
  const other = new OwnWorker(() => ({ type: "ready", version: "0.0.1" }));
  const message = `the worker's script: expected version ${VERSION}, as the page's has, found 0.0.1`;
  await expect(connect(other)).rejects.toEqual(new AtelierError("other-version", message));
  expect(other.terminated).toBe(true);

  const broken = new OwnWorker(() => undefined);
  const refused = expect(connect(broken)).rejects.toMatchObject({ code: "network" });
  await vi.advanceTimersByTimeAsync(0);
  broken.onerror?.({ message: "no such file", preventDefault: () => {} });
  await refused;
  expect([broken.terminated, vi.getTimerCount()]).toEqual([true, 0]);
});
