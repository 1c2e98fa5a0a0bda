/** What a run leaves behind, as the program writes it. */

import type { Blueprint, RunRecord } from "../types.js";

export const blueprint: Blueprint = {
  format: "atelier-blueprint/1",
  model: "m",
  prompt: "Grüße",
  width: 64,
  height: 64,
  seed: 1,
  sampling: { temperature: 0, top_p: 1, top_k: null },
  rng: 1,
  draft: { rows: 1, columns: 2, ids: [5, 6] },
  large: { rows: 2, columns: 2, ids: [1, 2, 3, 4] },
};

export const record: RunRecord = {
  format: "atelier-run/1",
  version: "0.1.0",
  model: "mini",
  device: "CPU",
  blueprint,
  paint: { steps: 4, guidance: 1.5, seed: 7 },
  image: 0,
  images: 1,
  sources: ["a.png"],
};
