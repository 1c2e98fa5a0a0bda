/** Values from outside are checked once, against the types that they are then taken for, before anything uses them. */

import { AtelierError, type ErrorDetails, show } from "./errors.js";
import type { ErrorCode } from "./types.js";

/** Returns the value as what it is, or throws a `Mismatch` that says where it is not. */
export type Check<T> = (value: unknown, at: string) => T;

/** A check for every field of a type: one that the type gains has to be checked, or this does not compile. */
export type Checks<T> = { readonly [K in keyof T]-?: Check<T[K] | (object extends Pick<T, K> ? undefined : never)> };

class Mismatch extends Error {
  constructor(at: string, expected: string, found: unknown) {
    super(`${at === "" ? "" : `${at}: `}expected ${expected}, found ${show(found)}`);
  }
}

/** `value` if it passes; otherwise an error of that code, whose message begins with `prefix`. */
export function checked<T>(
  check: Check<T>,
  value: unknown,
  code: ErrorCode,
  prefix = "",
  details: ErrorDetails = {},
): T {
  try {
    return check(value, "");
  } catch (error) {
    throw error instanceof Mismatch ? new AtelierError(code, prefix + error.message, details) : error;
  }
}

/** Throws a `Mismatch` unless `condition` holds. */
export function expect(condition: boolean, at: string, expected: string, found: unknown): asserts condition {
  if (!condition) throw new Mismatch(at, expected, found);
}

/** What `fits`. */
export const some =
  <T>(expected: string, fits: (value: unknown) => value is T): Check<T> =>
  (value, at) => {
    expect(fits(value), at, expected, value);
    return value;
  };

/** A number that `fits`. */
export const numeric = (expected: string, fits: (value: number) => boolean): Check<number> =>
  some(expected, (value): value is number => typeof value === "number" && fits(value));

/** A text of at most so many characters that `fits`. */
export const text = (
  most: number,
  expected = `a text of at most ${most} characters`,
  fits: (value: string) => boolean = () => true,
): Check<string> =>
  some(expected, (value): value is string => typeof value === "string" && value.length <= most && fits(value));

export const flag = some("true or false", (value) => typeof value === "boolean");

/** An integer that JavaScript counts exactly. */
export const whole = (least: number, most = Number.MAX_SAFE_INTEGER): Check<number> =>
  numeric(
    most === Number.MAX_SAFE_INTEGER && least > 0
      ? `an integer of at least ${least}`
      : `an integer from ${least} to ${most}`,
    (value) => Number.isSafeInteger(value) && value >= least && value <= most,
  );

/** A number in a range. */
export const within = (least: number, most: number): Check<number> =>
  numeric(`a number from ${least} to ${most}`, (value) => value >= least && value <= most);

/** This very string. */
export const exactly = <T extends string>(expected: T): Check<T> =>
  some(JSON.stringify(expected), (value): value is T => value === expected);

/** A list of at most so many items. */
export const list =
  <T>(item: Check<T>, most = Number.MAX_SAFE_INTEGER): Check<readonly T[]> =>
  (value, at) => {
    expect(Array.isArray(value), at, "a list", value);
    expect(value.length <= most, at, `at most ${most} items`, value.length);
    return value.map((found, index) => item(found, `${at}[${index}]`));
  };

/** What may be left out. */
export const optional =
  <T>(check: Check<T>): Check<T | undefined> =>
  (value, at) =>
    value === undefined ? undefined : check(value, at);

/** What may be null. */
export const nullable =
  <T>(check: Check<T>): Check<T | null> =>
  (value, at) =>
    value === null ? null : check(value, at);

/** An object with these fields, and no others in what comes out. */
export const fields =
  <T>(checks: Checks<T>): Check<T> =>
  (value, at) => {
    expect(typeof value === "object" && value !== null && !Array.isArray(value), at, "an object", value);
    const found: Partial<T> = {};
    for (const name of Object.keys(checks) as (keyof T & string)[]) {
      const given = Object.hasOwn(value, name) ? (value as Partial<T>)[name] : undefined;
      const known = checks[name](given, at === "" ? name : `${at}.${name}`);
      if (known !== undefined) found[name] = known;
    }
    return found as T;
  };

/** An object with these fields, and no others at all. */
export const onlyFields =
  <T>(checks: Checks<T>): Check<T> =>
  (value, at) => {
    const found = fields(checks)(value, at);
    const unknown = Object.keys(value as object).find((name) => !Object.hasOwn(checks, name));
    expect(unknown === undefined, at, "no other fields", unknown);
    return found;
  };
