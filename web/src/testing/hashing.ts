/** SHA-256 by Node, in place of the engine's. */

import { createHash, type Hash } from "node:crypto";
import type { Hasher } from "../wasm-module.js";

/** Bytes that were hashed since it was set to 0. */
export const hashed = { bytes: 0 };

/** What states stand for: Node's hashes can be copied, and not be written down. */
const states: Hash[] = [];

export function nodeHasher(): Hasher {
  let hash = createHash("sha256");
  return {
    update: (bytes) => {
      hashed.bytes += bytes.length;
      hash.update(Uint8Array.from(bytes));
    },
    digest: () => {
      const digest = hash.digest("hex");
      hash = createHash("sha256");
      return digest;
    },
    state: () => Uint8Array.of(states.push(hash.copy()) - 1),
    restore: (state) => {
      const known = states[state[0] ?? -1];
      if (!known || state.length !== 1) throw new Error("state: expected one of this hasher");
      hash = known.copy();
    },
    free: () => {},
  };
}

export function sha256Of(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Bytes that look like weights. */
export function noise(length: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => (state = (state * 1103515245 + 12345) & 0x7fffffff) >> 16);
}
