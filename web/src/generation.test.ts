import { expect, test, vi } from "vitest";
import { PictureLog } from "./generation.js";
import type { GenerateEvent, Picture } from "./types.js";

const picture = { timings: {} } as Picture;
const step = (number: number): GenerateEvent => ({ event: "step", image: 0, images: 1, step: number, steps: 3 });

async function collect(log: PictureLog): Promise<GenerateEvent[]> {
  const events: GenerateEvent[] = [];
  for await (const event of log) events.push(event);
  return events;
}

test("whoever listens late misses nothing, and several may listen", async () => {
  const log = new PictureLog();
  log.push(step(1));
  const early = collect(log);
  await Promise.resolve();
  log.push(step(2));
  log.finish([picture]);
  const all = [step(1), step(2), { event: "done", result: picture, pictures: [picture] }];
  expect(await early).toEqual(all);
  expect(await collect(log)).toEqual(all);
  expect(await log.result).toBe(picture);
  expect(await log.pictures).toEqual([picture]);
});

test("a loop that waits is woken by each event", async () => {
  const log = new PictureLog();
  const iterator = log[Symbol.asyncIterator]();
  const first = iterator.next();
  log.push(step(1));
  expect((await first).value).toEqual(step(1));
  const second = iterator.next();
  await new Promise((resolve) => setTimeout(resolve));
  log.push(step(2));
  expect((await second).value).toEqual(step(2));
});

test("an error comes after the events before it, in the loop and the result", async () => {
  const log = new PictureLog();
  log.push(step(1));
  log.fail(new Error("broken"));
  log.push(step(2));
  const seen: GenerateEvent[] = [];
  const loop = (async () => {
    for await (const event of log) seen.push(event);
  })();
  await expect(loop).rejects.toThrow("broken");
  expect(seen).toEqual([step(1)]);
  await expect(log.result).rejects.toThrow("broken");
  await expect(log.pictures).rejects.toThrow("broken");
});

test("an error without a value ends the loop as an error", async () => {
  const log = new PictureLog();
  log.fail(undefined);
  await expect(collect(log)).rejects.toBeUndefined();
});

test("the first end counts", async () => {
  const log = new PictureLog();
  log.finish([picture]);
  log.fail(new Error("late"));
  expect(await log.result).toBe(picture);
  expect(await collect(log)).toHaveLength(1);
});

test("a failure that only the loop, or nobody, hears of is no unhandled rejection", async () => {
  const unhandled = vi.fn();
  process.on("unhandledRejection", unhandled);
  try {
    const log = new PictureLog();
    log.fail(new Error("broken"));
    await expect(collect(log)).rejects.toThrow("broken");
    new PictureLog().fail(new Error("unheard"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(unhandled).not.toHaveBeenCalled();
  } finally {
    process.off("unhandledRejection", unhandled);
  }
});
