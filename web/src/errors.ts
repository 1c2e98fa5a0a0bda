/** Errors with a code, and how they cross from the worker. */

import type { ErrorCode } from "./types.js";

/** What an error may say beside its message. */
export interface ErrorDetails {
  readonly file?: string | undefined;
  readonly needed?: number | undefined;
  readonly available?: number | undefined;
  readonly cause?: unknown;
}

/** Every error of this package, but for a run that was cancelled: that one rejects with the signal's reason. */
export class AtelierError extends Error {
  override readonly name = "AtelierError";
  /** What it is about. */
  readonly code: ErrorCode;
  /** The file of the model that it is about, relative to the model's folder. */
  declare readonly file?: string;
  /** Bytes that had to be kept, where the code is `quota`. */
  declare readonly needed?: number;
  /** Bytes that could be kept, where the code is `quota` and the browser says. */
  declare readonly available?: number;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    const { file, needed, available } = details;
    if (file !== undefined) this.file = file;
    if (needed !== undefined) this.needed = needed;
    if (available !== undefined) this.available = available;
  }
}

/** A field of a request out of its range, in the words of the program. */
export function badRequest(field: string, expected: string, found: unknown): AtelierError {
  return new AtelierError("bad-request", `${field}: expected ${expected}, found ${show(found)}`);
}

/** An error as it crosses: class instances would lose their fields. */
export interface WireError {
  readonly code: ErrorCode | "cancelled";
  readonly message: string;
  readonly file?: string | undefined;
  readonly needed?: number | undefined;
  readonly available?: number | undefined;
  /** The damaged file was fetched again: another try may do. */
  readonly healed?: boolean;
}

/** The error that `wire` was. */
export function fromWire(wire: WireError): AtelierError {
  // A run that nobody cancelled cannot be cancelled: then the engine itself gave up.
  return new AtelierError(wire.code === "cancelled" ? "compute" : wire.code, wire.message, wire);
}

/** Whether a worker is of no use after an error. */
export function isFatal(code: WireError["code"]): boolean {
  return code === "engine-gone" || code === "device-lost" || code === "out-of-memory";
}

const CODES: Readonly<Record<ErrorCode | "cancelled", true>> = {
  "no-webgpu": true,
  "no-adapter": true,
  "out-of-memory": true,
  quota: true,
  "device-lost": true,
  "bad-file": true,
  "other-version": true,
  "bad-request": true,
  "bad-blueprint": true,
  "bad-image": true,
  network: true,
  "in-use": true,
  "engine-gone": true,
  compute: true,
  cancelled: true,
};

/** Anything that was thrown in the worker, as what it is about. */
export function toWire(error: unknown): WireError {
  const message = messageOf(error);
  if (typeof error === "object" && error !== null) {
    const { code, file, needed, available } = error as Partial<Record<string, unknown>>;
    if (typeof code === "string" && Object.hasOwn(CODES, code)) {
      return {
        code: code as WireError["code"],
        message,
        file: typeof file === "string" ? file : undefined,
        needed: typeof needed === "number" ? needed : undefined,
        available: typeof available === "number" ? available : undefined,
      };
    }
  }
  if (error instanceof WebAssembly.RuntimeError) return crash(message);
  if (error instanceof RangeError && NO_MEMORY.test(message)) return { code: "out-of-memory", message };
  return { code: "compute", message };
}

/** A panic of the engine, or a trap. */
export function crash(message: string): WireError {
  return { code: NO_MEMORY.test(message) ? "out-of-memory" : "engine-gone", message };
}

/** How the engine's allocator and the browsers say that there is no memory. */
const NO_MEMORY =
  /memory allocation of \d+ bytes failed|out of memory|WebAssembly\.Memory\.grow|allocation failed|array length/i;

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function show(found: unknown): string {
  if (found === undefined) return "none";
  if (typeof found === "string") return JSON.stringify(found.length > 60 ? `${found.slice(0, 60)}…` : found);
  return typeof found === "object" && found !== null ? "an object" : String(found);
}
