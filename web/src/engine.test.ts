import { beforeEach, describe, expect, test, vi } from "vitest";
import { LocalEngine } from "./engine.js";
import { AtelierError } from "./errors.js";
import type { WireEvent, WireOpen } from "./protocol.js";
import { blueprint, type FakeWorker, FakeWorkers, info, module, painted } from "./testing/fake-worker.js";
import type { Generation } from "./types.js";

const open: WireOpen = {
  source: { kind: "url", url: "http://localhost/model/" },
  requests: "fresh",
  engine: "gpu",
  wasm: "http://localhost/engine.wasm",
  defaultLimits: false,
  avoid: [],
};

let workers: FakeWorkers;
let cleared: boolean[];
let clearing: Promise<void>;

beforeEach(() => {
  workers = new FakeWorkers();
  cleared = [];
  clearing = Promise.resolve();
});

function opening(): Parameters<typeof LocalEngine.open>[0] {
  const clear = async (): Promise<void> => {
    cleared.push(workers.started.every((worker) => worker.terminated));
    await clearing;
  };
  return { open, engine: { kind: "gpu" }, connect: workers.connect, name: "mini", isCached: async () => true, clear };
}

async function engineAndWorker(): Promise<[LocalEngine, FakeWorker]> {
  const engine = LocalEngine.open(opening(), () => {}, undefined);
  const worker = await workers.number(1);
  await worker.opens();
  return [await engine, worker];
}

async function events(run: Generation): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const event of run) names.push(event.event);
  } catch {
    names.push("error");
  }
  return names;
}

const token: WireEvent = {
  event: "blueprint-token",
  prompt: 0,
  prompts: 1,
  token: 1,
  tokens: 2,
  grid: "draft",
  size: { rows: 1, columns: 2 },
  index: 0,
  id: 3,
};
const written: WireEvent = { event: "blueprint", prompt: 0, prompts: 1, blueprint };
const lost = { code: "device-lost", message: "it was unplugged" } as const;

describe("opening", () => {
  test("progress is heard, and the model known", async () => {
    const heard: WireEvent[] = [];
    const opened = LocalEngine.open(opening(), (event) => heard.push(event), undefined);
    const worker = await workers.number(1);
    const { id } = await worker.got("open");
    const event: WireEvent = { event: "download", file: "f", bytes: 1, total: 2 };
    worker.say({ type: "event", id, event });
    worker.say({ type: "opened", id, info, module });
    expect((await opened).info).toBe(info);
    expect(heard).toEqual([event]);
  });

  test("an error ends the worker", async () => {
    const opened = LocalEngine.open(opening(), () => {}, undefined);
    const worker = await workers.number(1);
    const { id } = await worker.got("open");
    worker.say({ type: "failed", id, error: { code: "bad-file", message: "broken", file: "a" } });
    await expect(opened).rejects.toMatchObject({ code: "bad-file", file: "a", message: "broken" });
    await expect(opened).rejects.toBeInstanceOf(AtelierError);
    expect(worker.terminated).toBe(true);
  });

  test("the signal ends the worker, with its reason", async () => {
    const controller = new AbortController();
    const opened = LocalEngine.open(opening(), () => {}, controller.signal);
    const worker = await workers.number(1);
    await worker.got("open");
    controller.abort();
    await expect(opened).rejects.toMatchObject({ name: "AbortError" });
    expect(worker.terminated).toBe(true);
  });

  test("a signal that came before starts no worker", async () => {
    await expect(LocalEngine.open(opening(), () => {}, AbortSignal.abort("why"))).rejects.toBe("why");
    expect(workers.started).toEqual([]);
  });

  test("a worker that dies before it has opened", async () => {
    const opened = LocalEngine.open(opening(), () => {}, undefined);
    const worker = await workers.number(1);
    await worker.got("open");
    worker.say({ type: "gone", error: lost });
    await expect(opened).rejects.toMatchObject({ code: "device-lost" });
  });

  test("a damaged file that came back whole: opened again, in a new worker", async () => {
    const opened = LocalEngine.open(opening(), () => {}, undefined);
    const first = await workers.number(1);
    const { id } = await first.got("open");
    first.say({ type: "failed", id, error: { code: "bad-file", message: "broken", file: "a", refetched: true } });
    const second = await workers.number(2);
    await second.opens();
    expect((await opened).info).toBe(info);
    expect(first.terminated).toBe(true);
  });
});

describe("a run", () => {
  test("reports its events, and then its picture", async () => {
    const [engine, worker] = await engineAndWorker();
    const run = engine.generate({ prompt: "p", seed: 3 });
    const seen = events(run);
    const { id, run: asked } = await worker.got("run");
    expect(asked).toMatchObject({ request: { start: { prompts: [{ text: "p" }] }, seed: 3 }, name: "mini", made: 0 });
    worker.say({ type: "event", id, event: token });
    await worker.finishes();
    const picture = await run.result;
    expect(picture).toMatchObject({ blueprint, timings: { architect: expect.any(Number) } });
    expect(picture.png.type).toBe("image/png");
    expect(picture.png.size).toBe(3);
    expect(await seen).toEqual(["blueprint-token", "picture", "done"]);
  });

  test("of several pictures brings each as soon as it is finished", async () => {
    const [engine, worker] = await engineAndWorker();
    const run = engine.generate({ prompt: "p", count: 3 });
    const iterator = run[Symbol.asyncIterator]();
    const { id } = await worker.got("run");
    worker.say({ type: "event", id, event: painted(0, 3) });
    expect((await iterator.next()).value).toMatchObject({ event: "picture", image: 0, images: 3 });
    for (const image of [1, 2]) worker.say({ type: "event", id, event: painted(image, 3) });
    worker.say({ type: "finished", id });
    const pictures = await run.pictures;
    expect(pictures.map(({ record }) => record.image)).toEqual([0, 1, 2]);
    expect(await run.result).toBe(pictures[0]);
  });

  test("a bad request is refused before the worker hears of it", async () => {
    const [engine, worker] = await engineAndWorker();
    const run = engine.generate({ prompt: "p", steps: 0 });
    await expect(run.result).rejects.toMatchObject({ code: "bad-request" });
    expect(await events(run)).toEqual(["error"]);
    expect(worker.messages).toHaveLength(1);
  });

  test("a second one waits for the first, and an error of the first does not harm it", async () => {
    const [engine, worker] = await engineAndWorker();
    const first = engine.generate({ prompt: "p" });
    const second = engine.generate({ prompt: "q" });
    const { id } = await worker.got("run");
    expect(worker.messages.filter(({ type }) => type === "run")).toHaveLength(1);
    worker.say({ type: "failed", id, error: { code: "bad-blueprint", message: "no" } });
    await expect(first.result).rejects.toMatchObject({ code: "bad-blueprint" });
    await worker.finishes(2);
    await second.result;
    expect(workers.started).toHaveLength(1);
  });

  test("answers to another question are not mistaken for its own", async () => {
    const [engine, worker] = await engineAndWorker();
    const run = engine.generate({ prompt: "p" });
    const { id } = await worker.got("run");
    worker.say({ type: "failed", id: id - 1, error: { code: "compute", message: "old" } });
    await worker.finishes();
    await run.result;
  });
});

describe("cancelled", () => {
  test("the worker is told, and the run rejects with the reason once it has stopped", async () => {
    const [engine, worker] = await engineAndWorker();
    const controller = new AbortController();
    const run = engine.generate({ prompt: "p", signal: controller.signal });
    const { id } = await worker.got("run");
    worker.say({ type: "event", id, event: token });
    controller.abort();
    expect((await worker.got("cancel")).id).toBe(id);
    let over = false;
    run.result.catch(() => (over = true));
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(over).toBe(false);
    worker.say({ type: "event", id, event: token });
    worker.say({ type: "failed", id, error: { code: "cancelled", message: "cancelled" } });
    await expect(run.result).rejects.toMatchObject({ name: "AbortError" });
    expect(await events(run)).toEqual(["blueprint-token", "error"]);
    // The worker is as good as before.
    const next = engine.generate({ prompt: "p" });
    await worker.finishes(2);
    await next.result;
    expect(workers.started).toHaveLength(1);
  });

  test("a picture that was ready just then is not given", async () => {
    const [engine, worker] = await engineAndWorker();
    const controller = new AbortController();
    const run = engine.generate({ prompt: "p", signal: controller.signal });
    await worker.got("run");
    controller.abort("enough");
    await worker.finishes();
    await expect(run.result).rejects.toBe("enough");
  });

  test("before it began: at once, and the worker never hears of it", async () => {
    const [engine, worker] = await engineAndWorker();
    const controller = new AbortController();
    const first = engine.generate({ prompt: "p" });
    const second = engine.generate({ prompt: "q", signal: controller.signal });
    await worker.got("run");
    controller.abort("enough");
    await expect(second.result).rejects.toBe("enough");
    await worker.finishes();
    await first.result;
    const third = engine.generate({ prompt: "r" });
    expect((await worker.got("run", 2)).run.request.start).toEqual({ prompts: [{ text: "r" }] });
    await worker.finishes(2);
    await third.result;
    await expect(engine.generate({ prompt: "s", signal: controller.signal }).result).rejects.toBe("enough");
  });
});

describe("the device is lost", () => {
  test("after the blueprint: painted from it in a new worker, without asking the server", async () => {
    const [engine, first] = await engineAndWorker();
    const run = engine.generate({ prompt: "p", width: 64, height: 32, seed: 5, steps: 2 });
    const { id, run: asked } = await first.got("run");
    first.say({ type: "event", id, event: written });
    first.say({ type: "gone", error: lost });
    const second = await workers.number(2);
    const again = await second.opens();
    expect(again).toEqual({ ...open, wasm: module, requests: "missing" });
    expect((await second.got("run")).run).toEqual({ ...asked, written: blueprint });
    await second.finishes();
    await run.result;
    expect(await events(run)).toEqual(["blueprint", "retry", "picture", "done"]);
    expect(first.terminated).toBe(true);
  });

  test("after a picture: the others are made, and that one is not made again", async () => {
    const [engine, first] = await engineAndWorker();
    const run = engine.generate({ prompt: "p", count: 2 });
    const { id, run: asked } = await first.got("run");
    for (const event of [written, painted(0, 2)]) first.say({ type: "event", id, event });
    first.say({ type: "gone", error: lost });
    const second = await workers.number(2);
    await second.opens();
    expect((await second.got("run")).run).toEqual({ ...asked, written: blueprint, made: 1 });
    await second.finishes();
    expect((await run.pictures).map(({ record }) => record.image)).toEqual([0, 1]);
    expect(await events(run)).toEqual(["blueprint", "picture", "retry", "picture", "done"]);
  });

  test("before the blueprint: the same request, with the same seed", async () => {
    const [engine, first] = await engineAndWorker();
    const run = engine.generate({ prompt: "p" });
    const { run: asked } = await first.got("run");
    first.say({ type: "gone", error: lost });
    const second = await workers.number(2);
    await second.opens();
    expect((await second.got("run")).run).toEqual(asked);
    await second.finishes();
    await run.result;
  });

  test("twice: given up, and the next run starts anew", async () => {
    const [engine, first] = await engineAndWorker();
    const run = engine.generate({ prompt: "p" });
    await first.got("run");
    first.say({ type: "gone", error: lost });
    const second = await workers.number(2);
    await second.opens();
    await second.got("run");
    second.say({ type: "gone", error: lost });
    await expect(run.result).rejects.toMatchObject({ code: "device-lost", message: lost.message });
    expect(await events(run)).toEqual(["retry", "error"]);
    const next = engine.generate({ prompt: "p" });
    const third = await workers.number(3);
    await third.opens();
    await third.finishes();
    await next.result;
  });

  test("twice, where the CPU may take over: it does, from the blueprint, and stays", async () => {
    const opened = LocalEngine.open({ ...opening(), fallback: { wasm: "cpu.wasm" } }, () => {}, undefined);
    const first = await workers.number(1);
    expect(await first.opens()).toMatchObject({ engine: "gpu", wasm: open.wasm });
    const engine = await opened;
    const run = engine.generate({ prompt: "p" });
    const { id } = await first.got("run");
    first.say({ type: "event", id, event: written });
    first.say({ type: "gone", error: lost });
    const second = await workers.number(2);
    expect(await second.opens()).toMatchObject({ engine: "gpu", wasm: module });
    await second.got("run");
    expect(engine.engine).toEqual({ kind: "gpu" });
    second.say({ type: "gone", error: lost });
    const third = await workers.number(3);
    // The other engine is another module.
    expect(await third.opens()).toMatchObject({ engine: "cpu", wasm: "cpu.wasm" });
    expect((await third.got("run")).run.written).toEqual(blueprint);
    await third.finishes();
    await run.result;
    expect(engine.engine).toEqual({ kind: "cpu", why: "device-lost" });
    expect(await events(run)).toEqual(["blueprint", "retry", "retry", "picture", "done"]);
  });

  test("an adapter that is none after all leaves opening to the CPU, where it may", async () => {
    const opened = LocalEngine.open(
      { ...opening(), fallback: { wasm: "http://localhost/engine.wasm" } },
      () => {},
      undefined,
    );
    const first = await workers.number(1);
    const { id } = await first.got("open");
    first.say({ type: "failed", id, error: { code: "no-adapter", message: "none" } });
    const second = await workers.number(2);
    expect(await second.opens()).toMatchObject({ engine: "cpu" });
    expect((await opened).engine).toEqual({ kind: "cpu", why: "no-adapter" });
  });

  test("between runs: the next one starts a new worker, and has its retry left", async () => {
    const [engine, first] = await engineAndWorker();
    first.say({ type: "gone", error: lost });
    const run = engine.generate({ prompt: "p" });
    const second = await workers.number(2);
    await second.opens();
    await second.got("run");
    second.say({ type: "gone", error: lost });
    const third = await workers.number(3);
    await third.opens();
    await third.finishes();
    await run.result;
    expect(await events(run)).toEqual(["retry", "picture", "done"]);
  });
});

test.each(["engine-gone", "out-of-memory"] as const)(
  "%s is not tried again, and the next run starts anew",
  async (code) => {
    const [engine, first] = await engineAndWorker();
    const run = engine.generate({ prompt: "p" });
    await first.got("run");
    first.say({ type: "gone", error: { code, message: "panicked at" } });
    await expect(run.result).rejects.toMatchObject({ code, message: "panicked at" });
    expect(first.terminated).toBe(true);
    const next = engine.generate({ prompt: "p" });
    const second = await workers.number(2);
    await second.opens();
    await second.finishes();
    await next.result;
  },
);

test("a worker that fails as such is replaced too", async () => {
  const [engine, first] = await engineAndWorker();
  const run = engine.generate({ prompt: "p" });
  await first.got("run");
  first.fail(new AtelierError("engine-gone", "the worker failed"));
  await expect(run.result).rejects.toMatchObject({ code: "engine-gone" });
});

test("a damaged file that came back whole: the run goes on from its blueprint, file after file", async () => {
  const [engine, first] = await engineAndWorker();
  const run = engine.generate({ prompt: "p" });
  const { id } = await first.got("run");
  first.say({ type: "event", id, event: written });
  const error = { code: "bad-file", message: "damaged", file: "painter", refetched: true } as const;
  first.say({ type: "failed", id, error });
  const second = await workers.number(2);
  await second.opens();
  const again = await second.got("run");
  expect(again.run.written).toEqual(blueprint);
  second.say({ type: "failed", id: again.id, error });
  const third = await workers.number(3);
  await third.opens();
  await third.finishes();
  await run.result;
  expect(await events(run)).toEqual(["blueprint", "retry", "retry", "picture", "done"]);
});

test("a file that is damaged each time is fetched twice and then told", async () => {
  const [engine, first] = await engineAndWorker();
  const run = engine.generate({ prompt: "p" });
  const error = { code: "bad-file", message: "damaged", file: "painter", refetched: true } as const;
  const { id } = await first.got("run");
  first.say({ type: "failed", id, error });
  for (const number of [2, 3]) {
    const next = await workers.number(number);
    await next.opens();
    const again = await next.got("run");
    next.say({ type: "failed", id: again.id, error });
  }
  await expect(run.result).rejects.toMatchObject({ code: "bad-file", file: "painter" });
  expect(workers.started).toHaveLength(3);
});

test("a worker that does not stop is replaced after ten seconds", async () => {
  const [engine, first] = await engineAndWorker();
  vi.useFakeTimers();
  try {
    const controller = new AbortController();
    const run = engine.generate({ prompt: "p", signal: controller.signal });
    await first.got("run");
    controller.abort("enough");
    await vi.advanceTimersByTimeAsync(9_000);
    expect(first.terminated).toBe(false);
    await vi.advanceTimersByTimeAsync(1_000);
    await expect(run.result).rejects.toBe("enough");
    expect(first.terminated).toBe(true);
    const next = engine.generate({ prompt: "p" });
    const second = await workers.number(2);
    await second.opens();
    await second.finishes();
    await next.result;
  } finally {
    vi.useRealTimers();
  }
});

test("a worker that never starts does not outlive the user's patience", async () => {
  const controller = new AbortController();
  const never = { ...opening(), connect: () => new Promise<never>(() => {}) };
  const opened = LocalEngine.open(never, () => {}, controller.signal);
  controller.abort("enough");
  await expect(opened).rejects.toBe("enough");
});

test("a damaged file that cannot be had again is told", async () => {
  const [engine, worker] = await engineAndWorker();
  const run = engine.generate({ prompt: "p" });
  const { id } = await worker.got("run");
  worker.say({ type: "failed", id, error: { code: "bad-file", message: "damaged", file: "painter" } });
  await expect(run.result).rejects.toMatchObject({ code: "bad-file", file: "painter" });
  expect(workers.started).toHaveLength(1);
});

describe("disposed of", () => {
  test("the run rejects, those that wait and those that come too", async () => {
    const [engine, worker] = await engineAndWorker();
    const runs = [engine.generate({ prompt: "p" }), engine.generate({ prompt: "q" })];
    await worker.got("run");
    engine.dispose();
    runs.push(engine.generate({ prompt: "r" }));
    for (const run of runs) await expect(run.result).rejects.toMatchObject({ code: "engine-gone" });
    expect(worker.terminated).toBe(true);
    expect(workers.started).toHaveLength(1);
  });

  test("while a lost worker is replaced", async () => {
    const [engine, first] = await engineAndWorker();
    const run = engine.generate({ prompt: "p" });
    await first.got("run");
    first.say({ type: "gone", error: lost });
    const second = await workers.number(2);
    await second.got("open");
    engine.dispose();
    await expect(run.result).rejects.toMatchObject({ code: "engine-gone" });
    expect(second.terminated).toBe(true);
  });
});

test("the cache is cleared between runs, when no worker has it open", async () => {
  const [engine, first] = await engineAndWorker();
  let clear = (): void => {};
  clearing = new Promise((resolve) => (clear = resolve));
  const run = engine.generate({ prompt: "p" });
  const done = engine.clearCache();
  const next = engine.generate({ prompt: "q" });
  await first.got("run");
  expect(cleared).toEqual([]);
  await first.finishes();
  await run.result;
  await vi.waitFor(() => expect(cleared).toEqual([true]));
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(workers.started).toHaveLength(1);
  clear();
  await done;
  const second = await workers.number(2);
  await second.opens();
  await second.finishes();
  await next.result;
});
