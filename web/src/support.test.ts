import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { chooseEngine, isSupported } from "./support.js";

beforeEach(() => vi.stubGlobal("Worker", class {}));
afterEach(() => vi.unstubAllGlobals());

const adapter = (adapter: object | null) => ({ gpu: { requestAdapter: async () => adapter } });

test.each([
  ["a real adapter", adapter({ info: { isFallbackAdapter: false } }), { kind: "gpu" }],
  ["an adapter that says nothing", adapter({}), { kind: "gpu" }],
  ["an adapter in software", adapter({ info: { isFallbackAdapter: true } }), { kind: "cpu", why: "software-adapter" }],
  ["the same as older browsers say it", adapter({ isFallbackAdapter: true }), { kind: "cpu", why: "software-adapter" }],
  ["no adapter", adapter(null), { kind: "cpu", why: "no-adapter" }],
  ["no WebGPU", {}, { kind: "cpu", why: "no-webgpu" }],
])("%s", async (_what, navigator, engine) => {
  vi.stubGlobal("navigator", navigator);
  expect(await isSupported()).toEqual({ supported: true, engine });
  expect(await chooseEngine("auto")).toEqual(engine);
  expect(await chooseEngine("cpu")).toEqual({ kind: "cpu", why: "asked" });
});

test.each([
  ["a real adapter", adapter({}), true, undefined],
  ["an adapter in software", adapter({ isFallbackAdapter: true }), true, undefined],
  ["no adapter", adapter(null), false, "no-adapter"],
  ["no WebGPU", {}, false, "no-webgpu"],
])("without vector instructions: %s", async (_what, navigator, supported, code) => {
  vi.stubGlobal("navigator", navigator);
  vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
  expect(await isSupported()).toMatchObject(supported ? { supported, engine: { kind: "gpu" } } : { supported, code });
  await expect(chooseEngine("cpu")).rejects.toMatchObject({ code: "no-webgpu" });
  if (supported) expect(await chooseEngine("gpu")).toEqual({ kind: "gpu" });
  else await expect(chooseEngine("gpu")).rejects.toMatchObject({ code });
  vi.restoreAllMocks();
});

test("another engine is refused by name", async () => {
  await expect(chooseEngine("npu" as "cpu")).rejects.toMatchObject({
    code: "bad-request",
    message: 'engine: expected auto, gpu or cpu, found "npu"',
  });
});
