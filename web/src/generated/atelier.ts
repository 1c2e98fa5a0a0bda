// Written from the Rust types of `atelier` by its tests; `SNAPSHOTS=overwrite cargo xtask check` renews it.

/** Sides are a multiple of this many pixels, and at least as long. */
export const SIDE_STEP = 32;

/** The longest side that a request may ask for, in pixels. */
export const MAX_SIDE = 4096;

/** Steps where neither the request nor the model's card says. */
export const DEFAULT_STEPS = 50;

/** Guidance where neither the request nor the model's card says. */
export const DEFAULT_GUIDANCE = 1.5;

/** The most steps. */
export const MAX_STEPS = 1000;

/** The largest guidance scale; the least is 0. */
export const MAX_GUIDANCE = 100.0;

/** The highest temperature; the least is 0. */
export const MAX_TEMPERATURE = 100.0;

/** The most tokens that top-k keeps. */
export const MAX_TOP_K = 1000000;

/** The most pictures of one prompt. */
export const MAX_IMAGES = 10000;

/** The largest seed; the least is 0. */
export const MAX_SEED = 9007199254740991;

/** Seeds that nobody chose are below this. */
export const RANDOM_SEEDS = 4294967296;

/** The format of every blueprint. */
export const BLUEPRINT_FORMAT = "atelier-blueprint/1";

/** The format of what a PNG notes. */
export const RUN_FORMAT = "atelier-run/1";

/** The longest note that is read, in bytes. */
export const MAX_NOTE = 16777216;

/** One run: prompts (and source images), or blueprints, to pictures. What is left out has the model's own default. */
export interface EngineRequest {
  /** What the run starts from. */
  readonly start: Start;
  /**
   * Width in pixels: a multiple of 32 in 32..=4096. A blueprint has its own; with source images and one side at most, the
   * picture has the first one's shape.
   */
  readonly width?: number;
  /** Height in pixels, as the width. */
  readonly height?: number;
  /** Steps of the painter, 1 to 1000. */
  readonly steps?: number;
  /** Guidance scale, 0 to 100; up to 1 there is no guidance and each step costs half. */
  readonly guidance?: number;
  /** Picture `k` of the run has the seed `seed + k`. Without one it is 0, and a blueprint's own for its first picture. */
  readonly seed?: number;
  /**
   * The seed of the first prompt's blueprint where it is not `seed`: the pictures of a prompt share the blueprint of the
   * first of them, so that the second one alone needs both seeds.
   */
  readonly blueprint_seed?: number;
  /** Sampling temperature of the architect, 0 to 100; 0 is greedy. */
  readonly temperature?: number;
  /** Nucleus sampling, in (0, 1]; 1 turns it off. */
  readonly top_p?: number;
  /** Top-k sampling, 0 to 1,000,000; 0 turns it off. */
  readonly top_k?: number;
  /** How quotation marks are read; a blueprint has its own rule. */
  readonly quotes?: QuoteRule;
  /** Pictures of each prompt or blueprint, 1 to 10,000, and no more than 1,000,000 in all; they share one blueprint. */
  readonly images_per_prompt?: number;
  /**
   * With several prompts, pad the glyph embeddings to one length as the reference does in a batch, so that a picture
   * depends slightly on its mates. Without it every prompt is painted as if alone.
   */
  readonly batch_padding?: boolean;
  /**
   * Pad the glyph embeddings of every prompt to at least this many tokens: what `PaintOptions::glyph_tokens` noted of
   * a picture from a batch, to paint it again alone.
   */
  readonly glyph_tokens?: number;
}

/** What a run starts from; at least one of either. */
export type Start =
  /** The architect writes a blueprint of each. */
  | {
      readonly prompts: ReadonlyArray<Prompt>;
    }
  /** Blueprints are written already. */
  | {
      readonly blueprints: ReadonlyArray<Blueprint>;
    };

/** A prompt, and what is its own in a run of several. */
export interface Prompt {
  /** What is to be drawn; quoted texts are spelled. */
  readonly text: string;
  /** Width in pixels where it is not the run's. */
  readonly width?: number;
  /** Height in pixels where it is not the run's. */
  readonly height?: number;
  /** The seed of its blueprint and of its first picture where they do not follow from the run's. */
  readonly seed?: number;
}

/** How the quotation marks of a prompt are read. */
export type QuoteRule =
  /**
   * As a reader does: every usual kind of marks, while apostrophes, feet and inches are none. It agrees with the reference
   * wherever that leaves no doubt; where a reader may doubt, `QuoteRule::doubts` says so.
   */
  | "typographic"
  /** As the reference does: '…', “…”, "…" and 「…」, and every straight apostrophe is a mark. */
  | "reference";

/** One thing that happened. The names are those of the JSON events. */
export type EngineEvent =
  /** The files of a pack that a stage reads are being compared with their hashes. */
  | {
      readonly event: "verify";
      /** The stage they belong to. */
      readonly stage: Stage;
      /** Bytes so far. */
      readonly bytes: number;
      /** All bytes. */
      readonly total: number;
    }
  /** Weights of a stage are being read. */
  | {
      readonly event: "load";
      /** The stage they belong to. */
      readonly stage: Stage;
      /** Weights on the device so far, in bytes of the checkpoint. */
      readonly bytes: number;
      /** All weights of the stage, in bytes of the checkpoint. */
      readonly total: number;
    }
  /** The architect wrote a token. */
  | {
      readonly event: "blueprint-token";
      /** Counted from 0. */
      readonly prompt: number;
      /** All prompts of the run. */
      readonly prompts: number;
      /** Tokens of this blueprint so far, this one included. */
      readonly token: number;
      /** All tokens of this blueprint. */
      readonly tokens: number;
      /** Which grid it belongs to. */
      readonly grid: GridName;
      /** The size of that grid. */
      readonly size: Grid;
      /** Its place in that grid, row-major. */
      readonly index: number;
      /** The code. */
      readonly id: number;
    }
  /** A blueprint is complete. */
  | {
      readonly event: "blueprint";
      /** Counted from 0. */
      readonly prompt: number;
      /** All prompts of the run. */
      readonly prompts: number;
      /** What was written. */
      readonly blueprint: Blueprint;
    }
  /** The painter finished a step. */
  | {
      readonly event: "step";
      /** Counted from 0. */
      readonly image: number;
      /** All pictures of the run. */
      readonly images: number;
      /** Steps of this picture so far, this one included. */
      readonly step: number;
      /** All steps of this picture. */
      readonly steps: number;
      /**
       * What the picture will be, as far as can be told, a pixel for each latent cell; only if
       * asked for and where it can be made.
       */
      readonly preview?: Pixels;
    }
  /** A picture was decoded. */
  | {
      readonly event: "decode";
      /** Counted from 0. */
      readonly image: number;
      /** All pictures of the run. */
      readonly images: number;
      /** Its pixels with a value beyond ±2 where black is −1 and white is 1: many of them mean that something is wrong. */
      readonly far_pixels: number;
    };

/** RGBA pixels, row by row, four bytes each. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/** The stages, which live on the device one after another. */
export type Stage =
  /** Vision tower, VQ module and VAE encoder: source images only. */
  | "sources"
  /** The AR model. */
  | "architect"
  /** Glyph encoder and DiT. */
  | "painter"
  /** The VAE decoder. */
  | "decoder";

/** Which grid a token belongs to. */
export type GridName =
  /** The small grid written first. */
  | "draft"
  /** The grid the picture is painted from. */
  | "large";

/** A grid of visual tokens, stored row by row. */
export interface Grid {
  /** Tokens from top to bottom. */
  readonly rows: number;
  /** Tokens from left to right. */
  readonly columns: number;
}

/**
 * Something that a request asks of a model and that the model was not taught, or numbers that no whole model makes. It is drawn
 * all the same.
 */
export type Warning =
  /** Quoted texts have characters that the model cannot draw. */
  | {
      readonly kind: "characters";
      /** The model's name. */
      readonly model: string;
      /** Each once, in the order of the prompts. */
      readonly characters: string;
    }
  /** The picture's size was not taught. */
  | {
      readonly kind: "size";
      /** The model's name. */
      readonly model: string;
      /** Pixels. */
      readonly width: number;
      /** Pixels. */
      readonly height: number;
      /** The taught size that is least unlike, width and height in pixels. */
      readonly nearest: readonly [number, number];
    }
  /** There are more quoted texts than the model was taught. */
  | {
      readonly kind: "texts";
      /** The model's name. */
      readonly model: string;
      /** How many there are; of several prompts in the one that has most. */
      readonly texts: number;
      /** The most that were taught. */
      readonly most: number;
    }
  /** A quoted text is longer than the model was taught. */
  | {
      readonly kind: "long-text";
      /** The model's name. */
      readonly model: string;
      /** The longest text. */
      readonly text: string;
      /** How many characters it has. */
      readonly length: number;
      /** The most that were taught. */
      readonly longest: number;
    }
  /** Nearly all of a picture is far from any colour: it cannot be what was asked for. */
  | {
      readonly kind: "far-pixels";
      /** Counted from 0. */
      readonly image: number;
      /** Its pixels with a value beyond ±2 where black is −1 and white is 1. */
      readonly far_pixels: number;
      /** All its pixels. */
      readonly pixels: number;
    }
  /** The architect is far surer of its first token than any model is: its blueprint cannot be what was asked for. */
  | {
      readonly kind: "far-logits";
      /** Counted from 0. */
      readonly prompt: number;
      /** The largest magnitude, as `1e31`. */
      readonly largest: string;
    }
  /** The model was not taught to start from pictures. */
  | {
      readonly kind: "sources";
      /** The model's name. */
      readonly model: string;
    };

/** What is to be painted: a grid of codes and the prompt it was written for. */
export interface Blueprint {
  /** `BLUEPRINT_FORMAT`. */
  readonly format: typeof BLUEPRINT_FORMAT;
  /** The fingerprint of the model that wrote it: codes mean nothing to another. */
  readonly model: string;
  /** The prompt, whose quoted texts the painter reads as well. */
  readonly prompt: string;
  /** How its quotation marks are read; left out where the reference's rule finds the same texts. */
  readonly quotes?: QuoteRule;
  /** Width of the picture, in pixels. */
  readonly width: number;
  /** Height of the picture, in pixels. */
  readonly height: number;
  /** The seed of the token draws. */
  readonly seed: number;
  /** How the tokens were drawn. */
  readonly sampling: Sampling;
  /** Version of the random generator, `RNG_VERSION`. */
  readonly rng: number;
  /** The small grid written first; image to image has none. */
  readonly draft?: TokenGrid;
  /** The grid the picture is painted from: one code for 32×32 pixels. */
  readonly large: TokenGrid;
  /** The source images it was written for, in order. */
  readonly sources?: ReadonlyArray<SourceRecord>;
}

/** A grid of codes, row-major. */
export interface TokenGrid {
  /** Rows. */
  readonly rows: number;
  /** Columns. */
  readonly columns: number;
  /** `rows * columns` codes. */
  readonly ids: ReadonlyArray<number>;
}

/** Which picture a blueprint was written for. */
export interface SourceRecord {
  /** Width, in pixels, as given. */
  readonly width: number;
  /** Height, in pixels, as given. */
  readonly height: number;
  /** SHA-256 of the RGB pixels, in hexadecimal. */
  readonly sha256: string;
}

/** How tokens are drawn. */
export interface Sampling {
  /** Divides the logits, 0 to 100; 0 takes the largest one (greedy). */
  readonly temperature: number;
  /** Keeps the most probable tokens until their mass reaches this, in (0, 1]; 1 keeps all. */
  readonly top_p: number;
  /** Keeps this many of the largest logits (and those equal to the last one), 1 to 1,000,000; without it all are kept. */
  readonly top_k: number | null;
}

/** How the painter paints one picture. */
export interface PaintOptions {
  /** Steps, at least 1. */
  readonly steps: number;
  /** Guidance scale. */
  readonly guidance: number;
  /** Seed of the initial noise. */
  readonly seed: number;
  /** Pad the glyph embedding with zero vectors to this many tokens: what a prompt gets in a batch with longer ones. */
  readonly glyph_tokens?: number;
}

/** Everything needed to paint a picture again. */
export interface RunRecord {
  /** `RUN_FORMAT`. */
  readonly format: typeof RUN_FORMAT;
  /** Version of the program. */
  readonly version: string;
  /** The model as given: its folder or address, or `mini`, the built-in one. */
  readonly model: string;
  /** See `device_name`. */
  readonly device: string;
  /** What was painted. */
  readonly blueprint: Blueprint;
  /** How it was painted. */
  readonly paint: PaintOptions;
  /** Which picture of the run it is, counted from 0. */
  readonly image: number;
  /** Pictures of the run. */
  readonly images: number;
  /** The source images' files, as given. */
  readonly sources?: ReadonlyArray<string>;
  /** Only where noise was given. */
  readonly latents?: LatentsRecord;
}

/** What is noted about noise that was given. */
export interface LatentsRecord {
  /** SHA-256 of the tensor's little-endian bytes, in hexadecimal. */
  readonly sha256: string;
  /** Which picture of the tensor it was, counted from 0. */
  readonly index: number;
}

/** An open model. */
export interface ModelInfo {
  /** Its fingerprint. */
  readonly model: string;
  /** Bytes of all weights. */
  readonly bytes: number;
  /** Codes that a blueprint can have. */
  readonly codes: number;
  /** The graphics adapter in use; the CPU is none. */
  readonly adapter?: AdapterReport;
  /** What a request has where it does not say. */
  readonly defaults: Settings;
  /** What the model says that it can draw, if it says so. */
  readonly card?: Card;
}

/** What a request may leave out: the model's own defaults, or what they make of a request. */
export interface Settings {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** Steps of the painter. */
  readonly steps: number;
  /** Guidance scale. */
  readonly guidance: number;
  /** Divides the logits, 0 to 100; 0 takes the largest one (greedy). */
  readonly temperature: number;
  /** Keeps the most probable tokens until their mass reaches this, in (0, 1]; 1 keeps all. */
  readonly top_p: number;
  /** Keeps this many of the largest logits (and those equal to the last one), 1 to 1,000,000; without it all are kept. */
  readonly top_k: number | null;
}

/** A graphics adapter of this machine. */
export interface AdapterReport {
  /** As the driver calls it. */
  readonly name: string;
  /** `vulkan`, `metal`, `dx12`, `webgpu`. */
  readonly api: string;
  /** Discrete, integrated, virtual or software. */
  readonly kind: AdapterKind;
  /** Driver name and version. */
  readonly driver: string;
  /** Bytes of its own memory that are free for this program; none where it has none of its own, or does not say. */
  readonly free_memory: number | null;
  /** The largest buffer, in bytes. */
  readonly max_buffer: number;
  /** The largest part of a buffer a kernel sees at once, in bytes. */
  readonly max_binding: number;
  /** Whether kernels can compute in f16. */
  readonly f16: boolean;
  /** Whether kernels have subgroup operations. */
  readonly subgroups: boolean;
  /** Whether kernels have dot products of packed bytes. */
  readonly packed_dot: boolean;
  /** The side of the cooperative matrices that kernels use, if there are such. */
  readonly cooperative: number | null;
  /** The variants that kernels do not use unless they are told to. */
  readonly unused: ReadonlyArray<UnusedVariant>;
  /** How much it is given to do at a time. */
  readonly submission: Submission;
}

/** A variant of kernels that is not used on an adapter. */
export interface UnusedVariant {
  /** `subgroups`, `dot` or `matrices`. */
  readonly name: string;
  /** The reason. */
  readonly why: string;
}

/** What was found of a kernel in one variant. */
export interface KernelCheck {
  /** The kernel. */
  readonly kernel: string;
  /** `subgroups`, `dot`, `matrices`, or `plain`: what every device can do. */
  readonly variant: string;
  /** Whether the kernel computes what it should. */
  readonly passed: boolean;
  /** The largest error, as a share of what it may be; none where a number was missing, or finite that must not be. */
  readonly error: number | null;
  /** What went in when it was largest, and what came out. */
  readonly worst: string;
}

/** The work of one submission, which neither a driver nor a screen should have to wait for. */
export interface Submission {
  /** Seconds that it takes, at the best rate that was seen of the device. */
  readonly seconds: number;
  /** The rate before any was seen, in floating-point operations a second. */
  readonly first_rate: number;
}

/** What sort of adapter it is. */
export type AdapterKind =
  /** A card with memory of its own. */
  | "discrete"
  /** A GPU that shares the host's memory. */
  | "integrated"
  /** A GPU lent to a virtual machine. */
  | "virtual"
  /** No GPU at all: the driver computes on the CPU. */
  | "software"
  /** The driver does not say. */
  | "other";

/** What a model can draw, as it says itself. What is left out is not known. */
export interface Card {
  /** What the model is called. */
  readonly name: string;
  /** Width and height of the pictures that it was taught, in pixels. */
  readonly sizes?: ReadonlyArray<readonly [number, number]>;
  /** Sizes between those, which should look sane. */
  readonly other_sizes?: SizeRule;
  /** The most texts of a picture. */
  readonly most_texts?: number;
  /** The most characters of a text. */
  readonly longest_text?: number;
  /** What it can draw of a text. */
  readonly alphabet?: Alphabet;
  /** Languages whose texts it was taught, as BCP 47 tags. */
  readonly languages?: ReadonlyArray<string>;
  /** What it draws beside texts where a prompt asks for it, in a prompt's words. */
  readonly decorations?: ReadonlyArray<string>;
  /** Steps of the painter where a request does not say. */
  readonly default_steps?: number;
  /** Guidance where a request does not say. */
  readonly default_guidance?: number;
  /** Whether it was taught to start from pictures. */
  readonly reads_source_pictures?: boolean;
}

/** Sizes of which both sides are multiples of a number, and within limits. */
export interface SizeRule {
  /** Pixels, at least 1. */
  readonly multiple_of: number;
  /** Pixels. */
  readonly least: number;
  /** Pixels, no less than the least. */
  readonly most: number;
}

/** Characters, one by one and in ranges. White space needs no place in it. */
export interface Alphabet {
  /** One by one. */
  readonly characters: string;
  /** In ranges. */
  readonly ranges: ReadonlyArray<CharacterRange>;
}

/** Characters that follow each other in Unicode. */
export interface CharacterRange {
  /** What people call them. */
  readonly name: string;
  /** The first. */
  readonly first: string;
  /** The last, which is among them. */
  readonly last: string;
}

/** What an error is about, for programs that choose what to do or to say by it. */
export type ErrorCode =
  /** A field of the request is out of range. */
  | "bad-request"
  /** A source image cannot be used, or a PNG notes no run. */
  | "bad-image"
  /** A blueprint does not belong to this model or size. */
  | "bad-blueprint"
  /** A file of the model is missing, damaged, or not what it should be. */
  | "bad-file"
  /** There is no graphics adapter, or none as asked for. */
  | "no-adapter"
  /** The device, or the host, has not enough memory. */
  | "out-of-memory"
  /** The device failed while computing. */
  | "compute"
  /** The caller stopped the run. */
  | "cancelled";
