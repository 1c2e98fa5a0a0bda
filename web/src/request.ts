/** What a caller asks for, looked at before anything is loaded. */

import { AtelierError, badRequest } from "./errors.js";
import type { WireRequest } from "./protocol.js";
import type { Blueprint, GenerateRequest } from "./types.js";

/** Sides are a multiple of this many pixels, */
const SIDE_STEP = 32;
/** and at most this long. */
const MAX_SIDE = 4096;

/** The request with every field looked at, a seed drawn where there was none. Throws an error that names the field. */
export function prepareRequest(request: GenerateRequest, name: string): WireRequest {
  const { prompt, blueprint, width, height, steps, guidance, temperature, images = [] } = request;
  if (prompt === undefined && blueprint === undefined) throw badRequest("prompt", "a text, or a blueprint", undefined);
  if (prompt !== undefined && (typeof prompt !== "string" || prompt.trim() === "")) {
    throw badRequest("prompt", "a text", prompt);
  }
  checkSide("width", width);
  checkSide("height", height);
  if (steps !== undefined && !(Number.isSafeInteger(steps) && steps >= 1)) {
    throw badRequest("steps", "an integer of at least 1", steps);
  }
  checkNumber("guidance", guidance);
  checkNumber("temperature", temperature);
  if (blueprint !== undefined) checkBlueprint(blueprint);
  const metadata = request.metadata ?? true;
  if (typeof metadata !== "boolean") throw badRequest("metadata", "true or false", metadata);
  return {
    ...given({ prompt, width, height, steps, guidance, temperature, blueprint }),
    seed: checkSeed(request.seed ?? randomSeed()),
    metadata,
    images: namedImages(images, request.imageNames),
    name,
  };
}

/** The same run with its blueprint written: only the painting is left. */
export function withBlueprint(request: WireRequest, blueprint: Blueprint): WireRequest {
  // The blueprint has its own prompt and size.
  const { prompt: _prompt, width: _width, height: _height, temperature: _temperature, ...rest } = request;
  return request.blueprint ? request : { ...rest, blueprint };
}

/** A seed that nobody chose. */
export function randomSeed(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high & 0x1fffff) * 2 ** 32 + low;
}

function checkSide(field: string, side: number | undefined): void {
  if (side === undefined) return;
  const fits = Number.isInteger(side) && side % SIDE_STEP === 0 && side >= SIDE_STEP && side <= MAX_SIDE;
  if (!fits) throw badRequest(field, `a multiple of ${SIDE_STEP} from ${SIDE_STEP} to ${MAX_SIDE}`, side);
}

function checkNumber(field: string, number: number | undefined): void {
  if (number === undefined || (Number.isFinite(number) && number >= 0)) return;
  throw badRequest(field, "a number of at least 0", number);
}

function checkSeed(seed: number): number {
  if (Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw badRequest("seed", "an integer from 0 to 2^53 - 1", seed);
}

/** The engine knows what belongs to the model; this tells a blueprint from other JSON. */
function checkBlueprint(blueprint: Blueprint): void {
  const format: unknown = (blueprint as Partial<Blueprint> | null)?.format;
  if (format === "atelier-blueprint/1") return;
  const found = format === undefined ? "none" : JSON.stringify(format);
  throw new AtelierError("bad-blueprint", `blueprint: format: expected "atelier-blueprint/1", found ${found}`);
}

function namedImages(
  images: readonly (Blob | ImageData)[],
  names: readonly string[] | undefined,
): WireRequest["images"] {
  if (!Array.isArray(images)) throw badRequest("images", "a list", images);
  if (names && names.length !== images.length) {
    throw badRequest("imageNames", `one name for each of ${images.length} images`, names.length);
  }
  return images.map((image: unknown, index) => {
    const known = image instanceof Blob || (typeof ImageData !== "undefined" && image instanceof ImageData);
    if (!known) throw badRequest(`images[${index}]`, "a Blob or ImageData", image);
    const own = typeof File !== "undefined" && image instanceof File ? image.name : `image ${index + 1}`;
    return { image: image as Blob | ImageData, name: names?.[index] ?? own };
  });
}

/** The fields that are not undefined. */
function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
