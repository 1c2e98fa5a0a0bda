/** Blueprints and run records that come from files: every field is looked at, and nothing is longer than it can be. */

import {
  type Check,
  checked,
  exactly,
  expect,
  fields,
  list,
  nullable,
  numeric,
  onlyFields,
  optional,
  some,
  text,
  whole,
  within,
} from "./check.js";
import { AtelierError, messageOf } from "./errors.js";
import {
  BLUEPRINT_FORMAT,
  type Blueprint,
  type Grid,
  MAX_GUIDANCE,
  MAX_SEED,
  MAX_SIDE,
  MAX_STEPS,
  MAX_TEMPERATURE,
  MAX_TOP_K,
  type PaintOptions,
  type QuoteRule,
  RUN_FORMAT,
  type RunRecord,
  type Sampling,
  SIDE_STEP,
  type TokenGrid,
} from "./generated/atelier.js";

/** A side of a picture. */
export const side = numeric(
  `a multiple of ${SIDE_STEP} from ${SIDE_STEP} to ${MAX_SIDE}`,
  (value) => value % SIDE_STEP === 0 && value >= SIDE_STEP && value <= MAX_SIDE,
);

/** The seed of a run. */
export const seed = whole(0, MAX_SEED);

/** How quotation marks are read. */
export const quoteRule = some(
  '"typographic" or "reference"',
  (value): value is QuoteRule => value === "typographic" || value === "reference",
);

/** The hash of a file, in hexadecimal. */
export const sha256 = text(64, "a SHA-256 of 64 digits 0-9 and a-f", (value) => /^[0-9a-f]{64}$/.test(value));

/** Far more than a tokenizer reads. */
const prompt = text(100_000);
const name = text(4096);
/** Far more than a model reads. */
const MOST_SOURCES = 64;

/** Codes are 32-bit numbers. */
const code = whole(0, 2 ** 32 - 1);
const MOST_CELLS = MAX_SIDE / SIDE_STEP;

const GRID = onlyFields<TokenGrid>({
  rows: whole(1, MOST_CELLS),
  columns: whole(1, MOST_CELLS),
  ids: list(code, MOST_CELLS ** 2),
});

/** A grid; its size, where that follows from the picture's. */
const grid =
  (size?: Grid): Check<TokenGrid> =>
  (value, at) => {
    const found = GRID(value, at);
    const { rows, columns } = size ?? found;
    expect(
      found.rows === rows && found.columns === columns,
      at,
      `a grid of ${rows} rows and ${columns} columns`,
      found,
    );
    expect(found.ids.length === rows * columns, `${at}.ids`, `${rows * columns} codes`, found.ids.length);
    return found;
  };

const BLUEPRINT = onlyFields<Blueprint>({
  format: exactly(BLUEPRINT_FORMAT),
  model: name,
  prompt,
  quotes: optional(quoteRule),
  width: side,
  height: side,
  seed,
  sampling: fields<Sampling>({
    temperature: within(0, MAX_TEMPERATURE),
    top_p: within(0, 1),
    top_k: nullable(whole(1, MAX_TOP_K)),
  }),
  rng: whole(0),
  draft: optional(grid()),
  large: grid(),
  sources: optional(list(onlyFields({ width: whole(1), height: whole(1), sha256 }), MOST_SOURCES)),
});

const blueprint: Check<Blueprint> = (value, at) => {
  const found = BLUEPRINT(value, at);
  const size = { rows: found.height / SIDE_STEP, columns: found.width / SIDE_STEP };
  grid(size)(found.large, at === "" ? "large" : `${at}.large`);
  return found;
};

const RECORD = fields<RunRecord>({
  format: exactly(RUN_FORMAT),
  version: name,
  model: name,
  device: name,
  blueprint,
  paint: fields<PaintOptions>({
    steps: whole(1, MAX_STEPS),
    guidance: within(0, MAX_GUIDANCE),
    seed,
    glyph_tokens: optional(whole(0)),
  }),
  image: whole(0),
  images: whole(1),
  sources: optional(list(name, MOST_SOURCES)),
  latents: optional(fields({ sha256, index: whole(0) })),
});

/** A blueprint that is one in every field. Throws with the code `bad-blueprint`; whether it suits a model, the engine says. */
export const checkBlueprint: Check<Blueprint> = (value) => checked(blueprint, value, "bad-blueprint", "blueprint: ");

/**
 * Reads a file as the program and the page save blueprints: JSON. Undefined where it does not say that it is a blueprint; throws
 * with the code `other-version` where its format is of another version, and `bad-blueprint` where it is damaged.
 */
export function parseBlueprint(json: string): Blueprint | undefined {
  const value = parsed(json, "bad-blueprint", "blueprint: ");
  if (formatOf(value)?.startsWith("atelier-blueprint/") !== true) return undefined;
  sameVersion(value, BLUEPRINT_FORMAT, "blueprint: ");
  return checkBlueprint(value, "");
}

/** Reads what a PNG notes. Throws with the code `other-version`, or `bad-image` where it is damaged. */
export function parseRecord(json: string): RunRecord {
  const prefix = "chunk 'atelier': ";
  const value = parsed(json, "bad-image", prefix);
  sameVersion(value, RUN_FORMAT, prefix);
  sameVersion((value as Partial<RunRecord> | null)?.blueprint, BLUEPRINT_FORMAT, `${prefix}blueprint.`);
  return checked(RECORD, value, "bad-image", prefix);
}

function parsed(json: string, code: "bad-blueprint" | "bad-image", prefix: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new AtelierError(code, `${prefix}expected JSON: ${messageOf(error)}`);
  }
}

/** What a file says that it is. */
export function formatOf(value: unknown): string | undefined {
  const format: unknown = (value as { readonly format?: unknown } | null | undefined)?.format;
  return typeof format === "string" ? format : undefined;
}

/** Another version's fields would only confuse. */
function sameVersion(value: unknown, expected: string, prefix: string): void {
  const found = formatOf(value);
  const kind = expected.slice(0, expected.indexOf("/") + 1);
  if (found === undefined || found === expected || !found.startsWith(kind)) return;
  throw new AtelierError("other-version", `${prefix}format: expected ${expected}, found ${found.slice(0, 60)}`);
}
