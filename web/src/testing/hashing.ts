/** SHA-256 by Node, in place of the engine's. */

import { createHash } from "node:crypto";
import type { Hasher } from "../wasm-module.js";

export function nodeHasher(): Hasher {
  let hash = createHash("sha256");
  return {
    update: (bytes) => void hash.update(Uint8Array.from(bytes)),
    digest: () => {
      const digest = hash.digest("hex");
      hash = createHash("sha256");
      return digest;
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
