import { describe, expect, test } from "vitest";
import { prepareRequest, randomSeed, withBlueprint } from "./request.js";
import type { Blueprint, GenerateRequest } from "./types.js";

const blueprint: Blueprint = {
  format: "atelier-blueprint/1",
  model: "m",
  prompt: "p",
  width: 64,
  height: 64,
  seed: 1,
  sampling: { temperature: 0, top_p: 1, top_k: null },
  rng: 1,
  large: { rows: 2, columns: 2, ids: [1, 2, 3, 4] },
};

describe("what is refused", () => {
  const refused: [string, object, string][] = [
    ["no prompt", {}, "prompt: expected a text, or a blueprint, found none"],
    ["a blank prompt", { prompt: "  " }, 'prompt: expected a text, found "  "'],
    ["a prompt of another type", { prompt: 3 }, "prompt: expected a text, found 3"],
    ["a width between", { prompt: "p", width: 500 }, "width: expected a multiple of 32 from 32 to 4096, found 500"],
    ["no height", { prompt: "p", height: 0 }, "height: expected a multiple of 32 from 32 to 4096, found 0"],
    ["too high", { prompt: "p", height: 4128 }, "height: expected a multiple of 32 from 32 to 4096, found 4128"],
    [
      "a width in words",
      { prompt: "p", width: "512" },
      'width: expected a multiple of 32 from 32 to 4096, found "512"',
    ],
    ["no steps", { prompt: "p", steps: 0 }, "steps: expected an integer of at least 1, found 0"],
    ["half a step", { prompt: "p", steps: 1.5 }, "steps: expected an integer of at least 1, found 1.5"],
    ["guidance below 0", { prompt: "p", guidance: -1 }, "guidance: expected a number of at least 0, found -1"],
    ["no guidance at all", { prompt: "p", guidance: NaN }, "guidance: expected a number of at least 0, found NaN"],
    [
      "temperature",
      { prompt: "p", temperature: Infinity },
      "temperature: expected a number of at least 0, found Infinity",
    ],
    [
      "a seed that is rounded",
      { prompt: "p", seed: 2 ** 53 },
      "seed: expected an integer from 0 to 2^53 - 1, found 9007199254740992",
    ],
    ["a seed below 0", { prompt: "p", seed: -1 }, "seed: expected an integer from 0 to 2^53 - 1, found -1"],
    ["an image of text", { prompt: "p", images: ["a.png"] }, 'images[0]: expected a Blob or ImageData, found "a.png"'],
    [
      "names without images",
      { prompt: "p", imageNames: ["a"] },
      "imageNames: expected one name for each of 0 images, found 1",
    ],
    ["metadata", { prompt: "p", metadata: 1 }, "metadata: expected true or false, found 1"],
  ];
  test.each(refused)("%s", (_what, request, message) => {
    expect(() => prepareRequest(request as GenerateRequest, "m")).toThrow(
      expect.objectContaining({ code: "bad-request", message }),
    );
  });

  test("JSON that is no blueprint", () => {
    for (const found of [{ format: "atelier-blueprint/2" }, {}, null, 3]) {
      expect(() => prepareRequest({ blueprint: found as unknown as Blueprint }, "m")).toThrow(
        expect.objectContaining({ code: "bad-blueprint", message: expect.stringContaining("atelier-blueprint/1") }),
      );
    }
  });
});

test("what is left out stays out, for the model's own defaults", () => {
  const wire = prepareRequest({ prompt: "p", seed: 4 }, "mini");
  expect(wire).toEqual({ prompt: "p", seed: 4, metadata: true, images: [], name: "mini" });
  expect(Object.keys(wire)).not.toContain("width");
});

test("the largest values pass", () => {
  const request = { prompt: "p", width: 4096, height: 32, steps: 1, guidance: 0, temperature: 0, seed: 2 ** 53 - 1 };
  expect(prepareRequest(request, "m")).toMatchObject(request);
});

test("a seed is drawn where there is none, and fits", () => {
  const seeds = Array.from({ length: 200 }, () => prepareRequest({ prompt: "p" }, "m").seed);
  expect(new Set(seeds).size).toBe(200);
  expect(seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0)).toBe(true);
  expect(Math.max(...seeds)).toBeGreaterThan(2 ** 50);
  expect(Number.isSafeInteger(randomSeed())).toBe(true);
});

test("images have names: the caller's, the file's, or a number", () => {
  const images = [new Blob(["a"]), new File(["b"], "b.png")];
  const named = (imageNames?: string[]): string[] =>
    prepareRequest({ prompt: "p", images, ...(imageNames ? { imageNames } : {}) }, "m").images.map(({ name }) => name);
  expect(named()).toEqual(["image 1", "b.png"]);
  expect(named(["x", "y"])).toEqual(["x", "y"]);
});

test("with its blueprint written, a run only paints", () => {
  const request = prepareRequest({ prompt: "p", width: 64, height: 64, steps: 3, seed: 9, temperature: 1 }, "m");
  expect(withBlueprint(request, blueprint)).toEqual({
    steps: 3,
    seed: 9,
    metadata: true,
    images: [],
    name: "m",
    blueprint,
  });
  const own = prepareRequest({ blueprint, prompt: "other", seed: 9 }, "m");
  expect(withBlueprint(own, { ...blueprint, prompt: "later" })).toBe(own);
});
