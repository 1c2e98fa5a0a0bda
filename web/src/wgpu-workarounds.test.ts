import { afterEach, expect, test, vi } from "vitest";
import { isSupported } from "./support.js";
import { hasSubgroups, watchEngine } from "./wgpu-workarounds.js";

afterEach(() => vi.unstubAllGlobals());

const adapter =
  (...features: string[]) =>
  async () => ({ features: new Set(features) });

test.each([
  [
    "all of it",
    { gpu: { wgslLanguageFeatures: new Set(["subgroup_id"]), requestAdapter: adapter("subgroups") } },
    true,
  ],
  ["an adapter without", { gpu: { wgslLanguageFeatures: new Set(["subgroup_id"]), requestAdapter: adapter() } }, false],
  ["a language without", { gpu: { wgslLanguageFeatures: new Set(), requestAdapter: adapter("subgroups") } }, false],
  ["no list of the language's features", { gpu: { requestAdapter: adapter("subgroups") } }, false],
  ["no adapter", { gpu: { wgslLanguageFeatures: new Set(["subgroup_id"]), requestAdapter: async () => null } }, false],
  [
    "an adapter that fails",
    { gpu: { wgslLanguageFeatures: new Set(["subgroup_id"]), requestAdapter: () => Promise.reject(new Error()) } },
    false,
  ],
  ["no WebGPU", {}, false],
])("subgroups: %s", async (_what, navigator, has) => {
  vi.stubGlobal("navigator", navigator);
  expect(await hasSubgroups()).toBe(has);
});

test("of two adapters the fast one is asked for, by the page and by the engine", async () => {
  const asked: unknown[] = [];
  class GPU {
    async requestAdapter(options?: object): Promise<null> {
      asked.push(options);
      return null;
    }
  }
  vi.stubGlobal("GPU", GPU);
  vi.stubGlobal("GPUAdapter", class {});
  vi.stubGlobal("navigator", { gpu: new GPU() });
  await isSupported();
  const ignore = (): void => {};
  watchEngine({ lost: ignore, outOfMemory: ignore, refused: ignore, crashed: ignore });
  await navigator.gpu.requestAdapter();
  await navigator.gpu.requestAdapter({ powerPreference: "low-power" });
  expect(asked).toEqual([
    { powerPreference: "high-performance" },
    { powerPreference: "high-performance" },
    { powerPreference: "low-power" },
  ]);
});
