import { beforeEach, describe, expect, test, vi } from "vitest";
import { AtelierError } from "./errors.js";
import { Host } from "./host.js";
import type { FromWorker, WireEvent, WireOpen, WireRun } from "./protocol.js";
import type { OpenSource } from "./sources/source.js";
import { nodeHasher } from "./testing/hashing.js";
import { info, module } from "./testing/fake-worker.js";
import type { AdapterReport, KernelCheck, RunRecord } from "./types.js";
import type { ModelFiles, RunReport } from "./wasm/atelier_web.js";
import type { LoadedWasm, OpenModel } from "./wasm-module.js";

const open: WireOpen = {
  source: { kind: "files", files: new Map(), notes: false },
  requests: "never",
  engine: "gpu",
  wasm: "http://localhost/engine.wasm",
  defaultLimits: true,
  avoid: ["dot"],
};
const run: WireRun = {
  request: { start: { prompts: [{ text: "p" }] }, seed: 1 },
  metadata: true,
  images: [],
  name: "m",
  made: 0,
};
const step = (step: number, preview?: Uint8ClampedArray<ArrayBuffer>): RunReport => ({
  event: "step",
  image: 0,
  images: 1,
  step,
  steps: 99,
  ...(preview && { preview: { width: 1, height: 1, data: preview } }),
});

type Generate = OpenModel["generate"];

let said: FromWorker[];
/** What was transferred with each event that gave something away. */
let given: Transferable[][];
let source: OpenSource;
let opened: (source: ModelFiles) => Promise<void>;
let options: object;
let generate: Generate;
let host: Host;

beforeEach(() => {
  const heard: FromWorker[] = [];
  const transfers: Transferable[][] = [];
  said = heard;
  given = transfers;
  source = {
    name: "files",
    size: async () => 10,
    read: async (_path, start, end) => new Uint8Array(end - start),
    hasHash: async (_path, sha256) => sha256 === "known",
    noteHash: async () => {},
    refetch: async () => false,
    close: vi.fn(),
  };
  opened = async () => {};
  generate = async () => {};
  const loaded: LoadedWasm = {
    module,
    wasm: {
      Engine: {
        open: async (given, asked) => {
          options = asked;
          await opened(given);
          return { info: () => info, generate: (...asked) => generate(...asked) };
        },
      },
      Hasher: nodeHasher as unknown as LoadedWasm["wasm"]["Hasher"],
      check: async (asked, found) => {
        options = asked;
        found(finding);
        return { device: adapter, passed: true, checks: [finding], broken: [], seconds: 1 };
      },
    },
  };
  const means = { load: async () => loaded, open: async () => source, subgroups: async () => true };
  const send = (message: FromWorker, transfer: Transferable[] = []): void => {
    heard.push(message);
    if (transfer.length > 0) transfers.push(transfer);
  };
  host = new Host({ send, ...means });
});

const adapter = { name: "a GPU" } as AdapterReport;
const finding: KernelCheck = { kernel: "GELU", variant: "plain", passed: true, error: 0.5, worst: "number 3" };

/** The answer to a question. */
async function answer(id: number): Promise<FromWorker> {
  const final = (message: FromWorker): boolean =>
    message.type === "gone" ||
    (!["ready", "event", "found"].includes(message.type) && "id" in message && message.id === id);
  await vi.waitFor(() => expect(said.some(final)).toBe(true), { timeout: 2000, interval: 5 });
  return said.find(final) as FromWorker;
}

async function opens(): Promise<void> {
  host.receive({ type: "open", id: 1, open });
  expect((await answer(1)).type).toBe("opened");
}

function events(): WireEvent[] {
  return said.flatMap((message) => (message.type === "event" ? [message.event] : []));
}

test("checks the device without a model, and tells what it finds", async () => {
  host.receive({ type: "check", id: 1, check: { wasm: "http://localhost/engine.wasm", defaultLimits: true } });
  expect(await answer(1)).toMatchObject({ type: "checked", report: { passed: true, checks: [finding] } });
  expect(said).toContainEqual({ type: "found", id: 1, found: finding });
  expect(options).toEqual({ defaultLimits: true, subgroups: true, avoid: [] });
});

test("opens a model, and makes a picture, whose bytes are given away", async () => {
  await opens();
  const png = new Uint8Array(2);
  generate = async (_run, on) => void on({ event: "picture", image: 0, images: 1, png, record: {} as RunRecord });
  host.receive({ type: "run", id: 2, run });
  expect(await answer(2)).toEqual({ type: "finished", id: 2 });
  expect(events()).toEqual([{ event: "picture", image: 0, images: 1, png, record: {} }]);
  expect(given).toEqual([[png.buffer]]);
  await vi.waitFor(() => expect(source.close).toHaveBeenCalledTimes(2));
});

test("tells the engine what its device is asked for", async () => {
  await opens();
  expect(options).toEqual({ defaultLimits: true, subgroups: true, avoid: ["dot"] });
});

test("a run without a model", async () => {
  host.receive({ type: "run", id: 2, run });
  expect(await answer(2)).toMatchObject({ type: "gone", error: { code: "engine-gone" } });
});

test("stops a run at its next event", async () => {
  await opens();
  let told = 0;
  generate = async (_request, on) => {
    for (;;) {
      told += 1;
      if (on(step(told))) throw Object.assign(new Error("cancelled"), { code: "cancelled" });
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  host.receive({ type: "run", id: 2, run });
  await vi.waitFor(() => expect(told).toBeGreaterThan(2));
  // One of an earlier run is not meant.
  host.receive({ type: "cancel", id: 1 });
  const before = told;
  await vi.waitFor(() => expect(told).toBeGreaterThan(before + 1));
  host.receive({ type: "cancel", id: 2 });
  const after = told;
  expect(await answer(2)).toMatchObject({ type: "failed", error: { code: "cancelled" } });
  expect(told).toBe(after + 1);
});

test("stops a run between two events", async () => {
  await opens();
  let asked = 0;
  generate = async (_request, _on, stop) => {
    for (;;) {
      asked += 1;
      if (stop()) throw Object.assign(new Error("cancelled"), { code: "cancelled" });
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  host.receive({ type: "run", id: 2, run });
  await vi.waitFor(() => expect(asked).toBeGreaterThan(2));
  host.receive({ type: "cancel", id: 2 });
  const after = asked;
  expect(await answer(2)).toMatchObject({ type: "failed", error: { code: "cancelled" } });
  expect(asked).toBe(after + 1);
});

test.each([
  ["cpu", true],
  ["gpu", false],
] as const)("the %s's engine pauses by itself for messages: %s", async (engine, pauses) => {
  host.receive({ type: "open", id: 1, open: { ...open, engine } });
  await answer(1);
  let rested = 0;
  generate = async (_request, _on, stop, rest) => {
    for (const end = performance.now() + 200; performance.now() < end && !stop(); ) {
      const pause = rest();
      if (pause) rested += 1;
      await pause;
    }
    if (stop()) throw Object.assign(new Error("cancelled"), { code: "cancelled" });
  };
  host.receive({ type: "run", id: 2, run });
  setTimeout(() => host.receive({ type: "cancel", id: 2 }), 1);
  expect(await answer(2)).toMatchObject(
    pauses ? { type: "failed", error: { code: "cancelled" } } : { type: "finished" },
  );
  expect(rested > 0).toBe(pauses);
});

test("messages get through while the engine only reads", async () => {
  await opens();
  let files: ModelFiles | undefined;
  opened = async (given) => void (files = given);
  host.receive({ type: "open", id: 2, open });
  await answer(2);
  let seen = false;
  setTimeout(() => (seen = true), 1);
  const end = performance.now() + 500;
  while (!seen && performance.now() < end) await files?.read("f", 0, 1);
  expect(seen).toBe(true);
});

test("events that only count bytes are thinned out, but for the first and the last of a kind", async () => {
  await opens();
  generate = async (_request, on) => {
    for (let bytes = 0; bytes <= 100; bytes += 1) on({ event: "load", stage: "architect", bytes, total: 100 });
    for (let bytes = 0; bytes <= 100; bytes += 1) on({ event: "load", stage: "painter", bytes, total: 100 });
    for (let token = 0; token < 10; token += 1) on({ event: "blueprint-token", token } as RunReport);
  };
  host.receive({ type: "run", id: 2, run });
  await answer(2);
  const loads = events().filter((event) => event.event === "load");
  expect(loads.length).toBeLessThan(20);
  expect(loads.filter(({ bytes }) => bytes === 0)).toHaveLength(2);
  expect(loads.filter(({ bytes }) => bytes === 100)).toHaveLength(2);
  expect(events().filter((event) => event.event === "blueprint-token")).toHaveLength(10);
});

test("previews are given away", async () => {
  await opens();
  const data = new Uint8ClampedArray([1, 2, 3, 4]);
  generate = async (_run, on) => void on(step(1, data));
  host.receive({ type: "run", id: 2, run });
  await answer(2);
  expect(events()[0]).toMatchObject({ preview: { data } });
  expect(given).toEqual([[data.buffer]]);
});

describe("errors", () => {
  async function failing(error: unknown): Promise<FromWorker> {
    await opens();
    generate = async () => {
      throw error;
    };
    host.receive({ type: "run", id: 2, run });
    return answer(2);
  }

  test("with a code and a file keep both", async () => {
    const error = Object.assign(new Error("damaged"), { code: "bad-file", file: "a/b" });
    expect(await failing(error)).toMatchObject({
      type: "failed",
      error: { code: "bad-file", file: "a/b", message: "damaged" },
    });
  });

  test("without a code are of the computation", async () => {
    expect(await failing(new Error("odd"))).toMatchObject({
      type: "failed",
      error: { code: "compute", message: "odd" },
    });
  });

  test("with a code that nobody knows are too", async () => {
    expect(await failing(Object.assign(new Error("odd"), { code: "toString" }))).toMatchObject({
      error: { code: "compute" },
    });
  });

  test("of the device are told with it", async () => {
    host.refused("binding too large");
    expect(await failing(new Error("odd"))).toMatchObject({
      error: { message: "odd (the device says: binding too large)" },
    });
  });

  test("in the device's own words say it once", async () => {
    host.refused("binding too large");
    expect(await failing(new Error("wgpu: binding too large"))).toMatchObject({
      error: { message: "wgpu: binding too large" },
    });
  });

  test("that are traps end the worker", async () => {
    const answered = await failing(new WebAssembly.RuntimeError("unreachable"));
    expect(answered).toMatchObject({ type: "gone", error: { code: "engine-gone", message: "unreachable" } });
  });

  test("for want of memory are named so", async () => {
    const answered = await failing(new RangeError("WebAssembly.Memory.grow(): Maximum memory size exceeded"));
    expect(answered).toMatchObject({ type: "gone", error: { code: "out-of-memory" } });
  });

  test("of a deep stack are not of memory", async () => {
    expect(await failing(new RangeError("Maximum call stack size exceeded"))).toMatchObject({
      error: { code: "compute" },
    });
  });

  test("of reading are told as they were, not in the engine's words", async () => {
    await opens();
    let files: ModelFiles | undefined;
    opened = async (given) => void (files = given);
    source.read = async () => {
      throw new AtelierError("network", "f: cannot be fetched", { file: "f" });
    };
    host.receive({ type: "open", id: 3, open });
    await answer(3);
    generate = async () => {
      await files?.read("f", 0, 1).catch(() => {});
      throw Object.assign(new Error("f: cannot read"), { code: "bad-file", file: "f" });
    };
    host.receive({ type: "run", id: 4, run });
    expect(await answer(4)).toMatchObject({ error: { code: "network", message: "f: cannot be fetched" } });
  });
});

describe("a damaged file", () => {
  const damaged = Object.assign(new Error("damaged"), { code: "bad-file", file: "f" });

  async function fails(refetch: OpenSource["refetch"]): Promise<FromWorker> {
    await opens();
    source.refetch = refetch;
    generate = async () => {
      throw damaged;
    };
    host.receive({ type: "run", id: 2, run });
    return answer(2);
  }

  test("is fetched again, and the page's side told so", async () => {
    const answered = await fails(async (path, on) => {
      on({ event: "download", file: path, bytes: 1, total: 1 });
      return true;
    });
    expect(answered).toMatchObject({ type: "failed", error: { code: "bad-file", file: "f", refetched: true } });
    expect(events()).toEqual([{ event: "download", file: "f", bytes: 1, total: 1 }]);
  });

  test("that is not damaged at all is of another version", async () => {
    const answered = await fails(async () => "whole");
    expect(answered).toMatchObject({ error: { code: "other-version", message: "damaged", file: "f" } });
    expect((answered as { error: object }).error).not.toHaveProperty("refetched");
  });

  test("that cannot be had again is told with both reasons", async () => {
    const answered = await fails(async () => {
      throw new AtelierError("network", "no network");
    });
    expect(answered).toMatchObject({
      error: { code: "bad-file", message: "damaged (getting it again failed: no network)" },
    });
    expect((answered as { error: object }).error).not.toHaveProperty("refetched");
  });
});

describe("the device", () => {
  /** A run that never ends by itself. */
  async function running(): Promise<void> {
    await opens();
    generate = () => new Promise(() => {});
    host.receive({ type: "run", id: 2, run });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }

  test("is lost", async () => {
    await running();
    host.lost("unplugged");
    expect(await answer(2)).toEqual({ type: "gone", error: { code: "device-lost", message: "unplugged" } });
  });

  test("is lost, and says so only after the engine panicked of it", async () => {
    await running();
    host.crashed("called `Result::unwrap()` on an `Err` value");
    await new Promise((resolve) => setTimeout(resolve, 30));
    host.lost("unplugged");
    expect(await answer(2)).toMatchObject({ type: "gone", error: { code: "device-lost" } });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(said.filter(({ type }) => type === "gone")).toHaveLength(1);
  });

  test("runs out of memory, and the engine panics of it", async () => {
    await running();
    host.outOfMemory("buffer of 1 GB");
    host.crashed("wgpu error: Out of Memory");
    expect(await answer(2)).toMatchObject({
      type: "gone",
      error: { code: "out-of-memory", message: "buffer of 1 GB" },
    });
  });
});

test("a panic ends the worker, for want of memory or not", async () => {
  host.crashed("index out of bounds");
  expect(await answer(0)).toMatchObject({
    type: "gone",
    error: { code: "engine-gone", message: "index out of bounds" },
  });
  said = [];
  const other = new Host({ send: (message) => said.push(message), load: () => Promise.reject(new Error()) });
  other.crashed("memory allocation of 134217728 bytes failed");
  expect(await answer(0)).toMatchObject({ type: "gone", error: { code: "out-of-memory" } });
});
