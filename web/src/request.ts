/** What a caller asks for, looked at before anything is loaded. */

import { type Checks, checked, fields, flag, list, numeric, optional, some, text, whole, within } from "./check.js";
import { badRequest } from "./errors.js";
import {
  type EngineRequest,
  MAX_GUIDANCE,
  MAX_IMAGES,
  MAX_STEPS,
  MAX_TEMPERATURE,
  MAX_TOP_K,
  RANDOM_SEEDS,
  type Start,
} from "./generated/atelier.js";
import type { WireRun } from "./protocol.js";
import { checkBlueprint, quoteRule, seed, side } from "./records.js";
import type { GenerateRequest, RequestOptions } from "./types.js";

/** A new field of the engine's request is a line here. */
const OPTIONS: Checks<RequestOptions> = {
  width: optional(side),
  height: optional(side),
  steps: optional(whole(1, MAX_STEPS)),
  guidance: optional(within(0, MAX_GUIDANCE)),
  seed: optional(seed),
  temperature: optional(within(0, MAX_TEMPERATURE)),
  topP: optional(numeric("a number above 0 and at most 1", (value) => value > 0 && value <= 1)),
  topK: optional(whole(0, MAX_TOP_K)),
  quotes: optional(quoteRule),
};

const REST: Checks<Omit<GenerateRequest, keyof RequestOptions | "signal">> = {
  prompt: optional(text(Number.MAX_SAFE_INTEGER, "a text", (value) => value.trim() !== "")),
  blueprint: optional(checkBlueprint),
  count: optional(whole(1, MAX_IMAGES)),
  images: optional(
    list(
      some(
        "a Blob or ImageData",
        (value): value is Blob | ImageData =>
          value instanceof Blob || (typeof ImageData !== "undefined" && value instanceof ImageData),
      ),
    ),
  ),
  imageNames: optional(list(text(4096))),
  metadata: optional(flag),
};

/** The run with every field looked at, a seed drawn where there was none. Throws an error that names the field. */
export function prepareRun(request: GenerateRequest, name: string): WireRun {
  const {
    prompt,
    blueprint,
    count = 1,
    images = [],
    imageNames,
    metadata = true,
  } = checked(fields(REST), request, "bad-request");
  const options = checked(fields(OPTIONS), request, "bad-request");
  return {
    request: {
      start: startOf(prompt, blueprint),
      ...snakeCase(options),
      seed: options.seed ?? randomSeed(),
      images_per_prompt: count,
    },
    images: namedImages(images, imageNames),
    name,
    metadata,
    made: 0,
  };
}

/** A seed that nobody chose: short enough to be typed again. */
export function randomSeed(): number {
  const [drawn = 0] = crypto.getRandomValues(new Uint32Array(1));
  return drawn % RANDOM_SEEDS;
}

/** A blueprint has its own prompt. */
function startOf(prompt: GenerateRequest["prompt"], blueprint: GenerateRequest["blueprint"]): Start {
  if (blueprint) return { blueprints: [blueprint] };
  if (prompt !== undefined) return { prompts: [{ text: prompt }] };
  throw badRequest("prompt", "a text, or a blueprint", undefined);
}

/** The options as the engine calls them. */
function snakeCase(options: RequestOptions): Partial<EngineRequest> {
  const renamed = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [renamed(name), value]));
}

function namedImages(images: readonly (Blob | ImageData)[], names: readonly string[] | undefined): WireRun["images"] {
  if (names && names.length !== images.length) {
    throw badRequest("imageNames", `one name for each of ${images.length} images`, names.length);
  }
  return images.map((image, index) => {
    const own = typeof File !== "undefined" && image instanceof File ? image.name : `image ${index + 1}`;
    return { image, name: names?.[index] ?? own };
  });
}
