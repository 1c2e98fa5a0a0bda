// Written from the Rust types of `atelier-weights` by its tests; `SNAPSHOTS=overwrite cargo xtask check` renews it.

/** The manifest's file. */
export const MANIFEST = "pack.json";

/** The format of every manifest. */
export const PACK_FORMAT = "atelier-pack-1";

/** What a pack holds. */
export interface Manifest {
  /** `PACK_FORMAT`. */
  readonly format: typeof PACK_FORMAT;
  /** The fingerprint of the checkpoint that it was made from. */
  readonly source: string;
  /** The name of the policy. */
  readonly policy: string;
  /** How scales were found. */
  readonly search: Search;
  /** SHA-256 of the prompts that a calibration drew to weigh errors, if there was one. */
  readonly calibrated?: string;
  /** The model's configurations, by their paths in the checkpoint. */
  readonly configs: Readonly<Record<string, unknown>>;
  /** Other files, with their paths in the checkpoint and the pack alike. */
  readonly files: ReadonlyArray<FileEntry>;
  /** The shards, those of a stage together. */
  readonly shards: ReadonlyArray<Shard>;
  /** The tensors, in the order of the shards. */
  readonly tensors: ReadonlyArray<TensorEntry>;
}

/** A file and what it must be. */
export interface FileEntry {
  /** Relative and '/'-separated. */
  readonly path: string;
  /** Size. */
  readonly bytes: number;
  /** In lower-case hexadecimal. */
  readonly sha256: string;
}

/** A safetensors file of one stage. */
export interface Shard {
  /** The stage that reads it. */
  readonly stage: string;
  /** The file. */
  readonly file: FileEntry;
}

/** A tensor of the model. */
export interface TensorEntry {
  /** The component's folder in the checkpoint. */
  readonly component: string;
  /** The name in the component. */
  readonly name: string;
  /** As the checkpoint has it. */
  readonly shape: ReadonlyArray<number>;
  /** How it is stored. */
  readonly scheme: Scheme;
  /** Where: consecutive rows of a matrix, or all of it. */
  readonly pieces: ReadonlyArray<PieceEntry>;
}

/** Consecutive rows in one shard. */
export interface PieceEntry {
  /** Index in `Manifest::shards`. */
  readonly shard: number;
  /** Rows of the leading dimension. */
  readonly rows: number;
}

/** How weights are packed. */
export type Scheme =
  /** 32-bit floats. */
  | "f32"
  /** 16-bit floats. */
  | "f16"
  /** 16-bit floats with the exponents of 32. */
  | "bf16"
  /** 8-bit floats, `E4M3`. */
  | "f8"
  /** Eight bits and a scale. */
  | "q8"
  /** Four bits. */
  | "q4"
  /** Four bits and an offset for each block. */
  | "q4-offset";

/** How scales are found. */
export type Search =
  /** From the largest weight; codes are the nearest. The floor. */
  | "nearest"
  /** The scale, of several that are tried, whose squared error is least. */
  | "least-squares";
