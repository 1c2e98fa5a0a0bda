/** Files from outside, looked at field by field before anything of the page takes them. */

import type { Blueprint, RunRecord } from "atelier-web";
import * as v from "valibot";

/** Why a file cannot be used: it is broken, or it is of a version that this page does not know. */
export class FileProblem extends Error {
  constructor(
    readonly kind: "damaged" | "other-version",
    problem: string,
  ) {
    super(problem);
  }
}

const BLUEPRINT = /^atelier-blueprint\//;
const RUN = /^atelier-run\//;

/** Letters of a prompt; the encoder reads far fewer. */
const LONGEST_PROMPT = 100_000;
/** Most pictures to start from. */
const MOST_SOURCES = 64;
const LONGEST_NAME = 4096;
/** The largest picture has 128 by 128 codes. */
const MOST_CELLS = 128;

const count = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(most));
/** JSON cannot say more of an integer than this. */
const integer = count(Number.MAX_SAFE_INTEGER);
const text = (most: number) => v.pipe(v.string(), v.maxLength(most));
const side = v.pipe(v.number(), v.integer(), v.minValue(32), v.maxValue(4096), v.multipleOf(32));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

const grid = v.pipe(
  v.strictObject({
    rows: v.pipe(count(MOST_CELLS), v.minValue(1)),
    columns: v.pipe(count(MOST_CELLS), v.minValue(1)),
    ids: v.pipe(v.array(count(2 ** 32 - 1)), v.maxLength(MOST_CELLS ** 2)),
  }),
  v.check(
    ({ rows, columns, ids }) => ids.length === rows * columns,
    (issue) => `expected rows × columns ids, found ${issue.input.ids.length}`,
  ),
);

const blueprint = v.pipe(
  v.strictObject({
    format: v.literal("atelier-blueprint/1"),
    model: text(LONGEST_NAME),
    prompt: text(LONGEST_PROMPT),
    width: side,
    height: side,
    seed: integer,
    sampling: v.strictObject({
      temperature: v.pipe(v.number(), v.finite()),
      top_p: v.pipe(v.number(), v.finite()),
      top_k: v.nullable(integer),
    }),
    rng: integer,
    draft: v.exactOptional(grid),
    large: grid,
    sources: v.exactOptional(
      v.pipe(v.array(v.strictObject({ width: integer, height: integer, sha256 })), v.maxLength(MOST_SOURCES)),
    ),
  }),
  v.check(
    ({ width, height, large }) => large.columns === width / 32 && large.rows === height / 32,
    ({ input: { width, height } }) => `large: expected a grid of ${width / 32} × ${height / 32}`,
  ),
);

const record = v.object({
  format: v.literal("atelier-run/1"),
  version: text(LONGEST_NAME),
  model: text(LONGEST_NAME),
  device: text(LONGEST_NAME),
  blueprint,
  paint: v.looseObject({
    steps: v.pipe(integer, v.minValue(1), v.maxValue(100_000)),
    guidance: v.pipe(v.number(), v.finite()),
    seed: integer,
    glyph_tokens: v.exactOptional(integer),
  }),
  image: integer,
  images: integer,
  sources: v.exactOptional(v.pipe(v.array(text(LONGEST_NAME)), v.maxLength(MOST_SOURCES))),
});

/** Every schema gives the package's own type. */
const asBlueprint: v.GenericSchema<unknown, Blueprint> = blueprint;
const asRecord: v.GenericSchema<unknown, RunRecord> = record;

/** The blueprint in a file; undefined where the file says that it is something else. Throws a `FileProblem`. */
export function parseBlueprint(file: string): Blueprint | undefined {
  const json = parseJson(file);
  const format = formatOf(json);
  if (!BLUEPRINT.test(format ?? "")) return undefined;
  if (format !== "atelier-blueprint/1") throw new FileProblem("other-version", `format: ${format}`);
  return parse(asBlueprint, json);
}

/** The run that a PNG notes. Throws a `FileProblem`. */
export function parseRecord(json: unknown): RunRecord {
  const format = formatOf(json);
  if (format === undefined || !RUN.test(format)) throw new FileProblem("damaged", "format: expected atelier-run/1");
  if (format !== "atelier-run/1") throw new FileProblem("other-version", `format: ${format}`);
  const inner = formatOf((json as { readonly blueprint?: unknown }).blueprint);
  if (inner !== undefined && BLUEPRINT.test(inner) && inner !== "atelier-blueprint/1") {
    throw new FileProblem("other-version", `blueprint.format: ${inner}`);
  }
  return parse(asRecord, json);
}

function parseJson(file: string): unknown {
  try {
    return JSON.parse(file);
  } catch (error) {
    throw new FileProblem("damaged", error instanceof Error ? error.message : String(error));
  }
}

function formatOf(json: unknown): string | undefined {
  if (typeof json !== "object" || json === null) return undefined;
  const { format } = json as { readonly format?: unknown };
  return typeof format === "string" ? format.slice(0, 60) : undefined;
}

function parse<T>(schema: v.GenericSchema<unknown, T>, json: unknown): T {
  const result = v.safeParse(schema, json, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  throw new FileProblem("damaged", `${path === null ? "" : `${path}: `}${issue.message.slice(0, 200)}`);
}
