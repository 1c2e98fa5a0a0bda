// Written from crates/atelier-weights/src/checkpoint.rs by its test; SNAPSHOTS=overwrite cargo xtask check renews it.

/** The file by which a checkpoint is known. */
export const MODEL_INDEX = "model_index.json";

/** What a model says it can draw; it need not have it. */
export const CARD = "atelier.json";

/** The other files of a checkpoint beside its weights. */
export const FILES = [
  "scheduler/scheduler_config.json",
  "processor/preprocessor_config.json",
  "text_encoder/config.json",
  "transformer/config.json",
  "vae/config.json",
  "vision_language_encoder/config.json",
  "vision_language_encoder/generation_config.json",
  "processor/tokenizer.json",
];

/** The components' weights, without the ends of the names. */
export const STEMS = [
  "vision_language_encoder/model",
  "text_encoder/model",
  "transformer/diffusion_pytorch_model",
  "vae/diffusion_pytorch_model",
];

/** The ends of the names of weight files, in the order in which they are looked for; an index wins over a single file. */
export const WEIGHT_NAMES = [
  { indexes: [".safetensors.index.json"], single: ".safetensors" },
  {
    indexes: [".safetensors.index.fp16.json", ".safetensors.fp16.index.json", ".fp16.safetensors.index.json"],
    single: ".fp16.safetensors",
  },
  {
    indexes: [".safetensors.index.bf16.json", ".safetensors.bf16.index.json", ".bf16.safetensors.index.json"],
    single: ".bf16.safetensors",
  },
];
