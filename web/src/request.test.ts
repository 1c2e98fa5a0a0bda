import { describe, expect, test } from "vitest";
import { prepareRun, randomSeed } from "./request.js";
import { RANDOM_SEEDS } from "./generated/atelier.js";
import { blueprint } from "./testing/records.js";
import type { Blueprint, GenerateRequest } from "./types.js";

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
    ["no steps", { prompt: "p", steps: 0 }, "steps: expected an integer from 1 to 1000, found 0"],
    ["half a step", { prompt: "p", steps: 1.5 }, "steps: expected an integer from 1 to 1000, found 1.5"],
    ["guidance without end", { prompt: "p", guidance: 1e30 }, "guidance: expected a number from 0 to 100, found 1e+30"],
    [
      "too many pictures",
      { prompt: "p", count: 2 ** 42 },
      "count: expected an integer from 1 to 10000, found 4398046511104",
    ],
    ["guidance below 0", { prompt: "p", guidance: -1 }, "guidance: expected a number from 0 to 100, found -1"],
    ["no guidance at all", { prompt: "p", guidance: NaN }, "guidance: expected a number from 0 to 100, found NaN"],
    [
      "temperature",
      { prompt: "p", temperature: Infinity },
      "temperature: expected a number from 0 to 100, found Infinity",
    ],
    [
      "a seed that is rounded",
      { prompt: "p", seed: 2 ** 53 },
      "seed: expected an integer from 0 to 9007199254740991, found 9007199254740992",
    ],
    ["a seed below 0", { prompt: "p", seed: -1 }, "seed: expected an integer from 0 to 9007199254740991, found -1"],
    ["no mass", { prompt: "p", topP: 0 }, "topP: expected a number above 0 and at most 1, found 0"],
    ["more than all mass", { prompt: "p", topP: 1.1 }, "topP: expected a number above 0 and at most 1, found 1.1"],
    ["half a token", { prompt: "p", topK: 0.5 }, "topK: expected an integer from 0 to 1000000, found 0.5"],
    [
      "a rule of quotes",
      { prompt: "p", quotes: "german" },
      'quotes: expected "typographic" or "reference", found "german"',
    ],
    ["no pictures", { prompt: "p", count: 0 }, "count: expected an integer from 1 to 10000, found 0"],
    ["an image of text", { prompt: "p", images: ["a.png"] }, 'images[0]: expected a Blob or ImageData, found "a.png"'],
    [
      "names without images",
      { prompt: "p", imageNames: ["a"] },
      "imageNames: expected one name for each of 0 images, found 1",
    ],
    ["metadata", { prompt: "p", metadata: 1 }, "metadata: expected true or false, found 1"],
  ];
  test.each(refused)("%s", (_what, request, message) => {
    expect(() => prepareRun(request as GenerateRequest, "m")).toThrow(
      expect.objectContaining({ code: "bad-request", message }),
    );
  });

  test("JSON that is no blueprint", () => {
    for (const found of [{ format: "atelier-blueprint/2" }, {}, { ...blueprint, large: {} }, null, 3]) {
      expect(() => prepareRun({ blueprint: found as unknown as Blueprint }, "m")).toThrow(
        expect.objectContaining({ code: "bad-blueprint", message: expect.stringMatching(/^blueprint: .*expected/) }),
      );
    }
  });
});

test("what is left out stays out, for the model's own defaults", () => {
  const run = prepareRun({ prompt: "p", seed: 4 }, "mini");
  const request = { start: { prompts: [{ text: "p" }] }, seed: 4, images_per_prompt: 1 };
  expect(run).toEqual({ request, metadata: true, images: [], name: "mini", made: 0 });
  expect(Object.keys(run.request)).not.toContain("width");
});

test("the largest values pass", () => {
  const options = { width: 4096, height: 32, steps: 1, guidance: 0, temperature: 0, seed: 2 ** 53 - 1 };
  expect(prepareRun({ prompt: "p", ...options }, "m").request).toMatchObject(options);
});

test("the engine's own names", () => {
  const { request } = prepareRun({ prompt: "p", topP: 0.5, topK: 0, quotes: "reference", count: 3 }, "m");
  expect(request).toMatchObject({ top_p: 0.5, top_k: 0, quotes: "reference", images_per_prompt: 3 });
});

test("a blueprint is painted, whatever the prompt", () => {
  expect(prepareRun({ blueprint, prompt: "other" }, "m").request.start).toEqual({ blueprints: [blueprint] });
});

test("a seed is drawn where there is none, and fits", () => {
  const seeds = Array.from({ length: 200 }, () => prepareRun({ prompt: "p" }, "m").request.seed ?? -1);
  expect(new Set(seeds).size).toBe(200);
  expect(seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0 && seed < RANDOM_SEEDS)).toBe(true);
  expect(Math.max(...seeds)).toBeGreaterThan(RANDOM_SEEDS / 2);
  expect(randomSeed()).toBeLessThan(RANDOM_SEEDS);
});

test("images have names: the caller's, the file's, or a number", () => {
  const images = [new Blob(["a"]), new File(["b"], "b.png")];
  const named = (imageNames?: string[]): string[] =>
    prepareRun({ prompt: "p", images, ...(imageNames ? { imageNames } : {}) }, "m").images.map(({ name }) => name);
  expect(named()).toEqual(["image 1", "b.png"]);
  expect(named(["x", "y"])).toEqual(["x", "y"]);
});
