/** What goes into the engine and what comes out of it. */

/** Where a model's files are. */
export type ModelSource =
  /** A folder on this page's own server: the URL of a checkpoint or of a pack. Kept on this device once it is read. */
  | {
      readonly url: string | URL;
      /** The SHA-256 of the pack's `pack.json`, in lower-case hexadecimal: no other version is used, and none is looked for. */
      readonly manifest?: string;
    }
  /** Files that the user picked or dropped; paths are relative and '/'-separated. They are read where they lie. */
  | { readonly files: ReadonlyMap<string, Blob> };

/** The stages of a run: their weights are on the device one after another. */
export type Stage = "sources" | "architect" | "painter" | "decoder";

/** A number of rows and columns. */
export interface Grid {
  readonly rows: number;
  readonly columns: number;
}

/** Files of the model are being fetched; later runs find them on this device. */
export interface DownloadEvent {
  readonly event: "download";
  /** The file in progress. */
  readonly file: string;
  /** Bytes of the whole model so far, those found on this device included. */
  readonly bytes: number;
  /** Bytes of the whole model. */
  readonly total: number;
}

/** Files of a pack are being compared with their hashes. */
export interface VerifyEvent {
  readonly event: "verify";
  readonly stage: Stage;
  readonly bytes: number;
  readonly total: number;
}

/** Weights of a stage go to the device. */
export interface LoadEvent {
  readonly event: "load";
  readonly stage: Stage;
  readonly bytes: number;
  readonly total: number;
}

/** The request asks for something that the model was not taught, by its card. It is drawn all the same. */
export interface WarningEvent {
  readonly event: "warning";
  readonly kind: "characters" | "size" | "texts" | "long-text" | "sources";
  /** A sentence, in English. */
  readonly message: string;
  /** Of `characters`: what it cannot draw. */
  readonly characters?: string;
  /** Of `size`: the taught one that is least unlike, width and height in pixels. */
  readonly nearest?: readonly [number, number];
}

/** The architect wrote a token. */
export interface BlueprintTokenEvent {
  readonly event: "blueprint-token";
  /** Tokens so far, this one included. */
  readonly token: number;
  readonly tokens: number;
  /** The small grid is written first. */
  readonly grid: "draft" | "large";
  readonly size: Grid;
  /** Its place in that grid, row by row. */
  readonly index: number;
  /** The code. */
  readonly id: number;
}

/** The blueprint is complete. */
export interface BlueprintEvent {
  readonly event: "blueprint";
  readonly blueprint: Blueprint;
}

/** The painter finished a step. */
export interface StepEvent {
  readonly event: "step";
  /** Steps so far, this one included. */
  readonly step: number;
  readonly steps: number;
  /** A small picture of what will come, if one could be made. */
  readonly preview?: Pixels;
}

/** The picture was decoded. */
export interface DecodeEvent {
  readonly event: "decode";
}

/** The run is over. */
export interface DoneEvent {
  readonly event: "done";
  readonly result: Picture;
}

/**
 * The run begins again, from its blueprint where there was one: the device was lost, which is tried once, or a file on this
 * device was damaged and fetched again. Events of loading and, without a blueprint, of its tokens come again.
 */
export interface RetryEvent {
  readonly event: "retry";
  readonly reason: string;
}

/** What happens while a model is opened. */
export type OpenEvent = DownloadEvent | VerifyEvent | LoadEvent;

/** What happens during a run. */
export type GenerateEvent =
  | WarningEvent
  | DownloadEvent
  | VerifyEvent
  | LoadEvent
  | BlueprintTokenEvent
  | BlueprintEvent
  | StepEvent
  | DecodeEvent
  | RetryEvent
  | DoneEvent;

/** RGBA pixels, row by row, four bytes each. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

/** A grid of codes, row by row. */
export interface TokenGrid extends Grid {
  readonly ids: readonly number[];
}

/** What the architect wrote: a value to keep, to look at, and to paint again. The program `atelier` reads the same JSON. */
export interface Blueprint {
  readonly format: "atelier-blueprint/1";
  /** The model's fingerprint: codes mean nothing to another. */
  readonly model: string;
  readonly prompt: string;
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  readonly sampling: { readonly temperature: number; readonly top_p: number; readonly top_k: number | null };
  readonly rng: number;
  readonly draft?: TokenGrid;
  readonly large: TokenGrid;
  readonly sources?: readonly { readonly width: number; readonly height: number; readonly sha256: string }[];
}

/** How a picture was painted. */
export interface PaintOptions {
  readonly steps: number;
  readonly guidance: number;
  readonly seed: number;
  readonly glyph_tokens?: number;
}

/** Everything needed to paint a picture again: what its PNG notes. */
export interface RunRecord {
  readonly format: "atelier-run/1";
  readonly version: string;
  readonly model: string;
  readonly device: string;
  readonly blueprint: Blueprint;
  readonly paint: PaintOptions;
  readonly image: number;
  readonly images: number;
  readonly sources?: readonly string[];
}

/** One picture to be made. Everything but the prompt has the model's own default. */
export interface GenerateRequest {
  /** Text to be drawn stands in quotation marks. Left out where a blueprint is given, which has its own. */
  readonly prompt?: string;
  /** Pixels: a multiple of 32 from 32 to 4096. */
  readonly width?: number;
  readonly height?: number;
  /** Steps of the painter, at least 1. */
  readonly steps?: number;
  /** Up to 1 there is none, and each step costs half. */
  readonly guidance?: number;
  /** An integer from 0 to 2^53 - 1; a random one where it is left out. */
  readonly seed?: number;
  /** 0 takes the likeliest token every time. */
  readonly temperature?: number;
  /** Pictures to start from. */
  readonly images?: readonly (Blob | ImageData)[];
  /** A blueprint to paint in place of a new one. */
  readonly blueprint?: Blueprint;
  /** Names of the images' files, for the PNG's note. */
  readonly imageNames?: readonly string[];
  /** False leaves prompt and settings out of the PNG. */
  readonly metadata?: boolean;
  /** Stops the run within one token or step. */
  readonly signal?: AbortSignal;
}

/** A finished picture. */
export interface Picture {
  readonly pixels: Pixels;
  /** The same as a PNG with the same notes as the program's. */
  readonly png: Blob;
  readonly blueprint: Blueprint;
  readonly record: RunRecord;
  /** Milliseconds of each stage, loading included; only those that ran. */
  readonly timings: Readonly<Partial<Record<Stage, number>>>;
}

/** The graphics adapter in use. */
export interface Adapter {
  readonly name: string;
  readonly kind: "discrete" | "integrated" | "virtual" | "software" | "other";
  /** Whether kernels compute in f16. */
  readonly f16: boolean;
  /** Whether kernels have dot products of packed bytes. */
  readonly packedDot: boolean;
  /** Bytes. */
  readonly maxBuffer: number;
}

/** The model that is open. */
export interface ModelInfo {
  /** Its fingerprint. */
  readonly model: string;
  /** Bytes of all weights. */
  readonly bytes: number;
  /** Codes that a blueprint can hold. */
  readonly codes: number;
  readonly adapter: Adapter;
  readonly defaults: {
    readonly width: number;
    readonly height: number;
    readonly steps: number;
    readonly guidance: number;
    readonly temperature: number;
  };
  /** What the model says that it can draw, in its `atelier.json`; a model need not have one. */
  readonly card?: Card;
}

/** What a model can draw. What is left out is not known. */
export interface Card {
  readonly name: string;
  /** Width and height of the pictures that it was taught. */
  readonly sizes?: readonly (readonly [number, number])[];
  /** Sizes between those. */
  readonly other_sizes?: { readonly multiple_of: number; readonly least: number; readonly most: number };
  readonly most_texts?: number;
  /** In characters. */
  readonly longest_text?: number;
  readonly alphabet?: {
    readonly characters: string;
    readonly ranges: readonly { readonly name: string; readonly first: string; readonly last: string }[];
  };
  /** BCP 47 tags. */
  readonly languages?: readonly string[];
  readonly decorations?: readonly string[];
  readonly default_steps?: number;
  readonly default_guidance?: number;
  readonly reads_source_pictures?: boolean;
}

/** What an error is about; pages choose their words by it. */
export type ErrorCode =
  /** This browser has no WebGPU. */
  | "no-webgpu"
  /** WebGPU is there, and no graphics adapter for it. */
  | "no-adapter"
  /** The device, or the tab, has not enough memory. */
  | "out-of-memory"
  /** There is not enough room to keep the model. */
  | "quota"
  /** The graphics device went away. */
  | "device-lost"
  /** A file of the model is missing, damaged, or not what it should be. */
  | "bad-file"
  /** A model is whole, and of a version that this one cannot use: newer, or not the one that was asked for. */
  | "other-version"
  /** A field of the request is out of range. */
  | "bad-request"
  /** A blueprint does not belong to this model or size. */
  | "bad-blueprint"
  /** A source image cannot be used. */
  | "bad-image"
  /** The model's files could not be fetched. */
  | "network"
  /** The model cannot be removed from this device, as another tab runs it. */
  | "in-use"
  /** The engine crashed or was disposed of. One that crashed starts anew with its next run. */
  | "engine-gone"
  /** Something else failed while computing. */
  | "compute";

/** How an engine is made. */
export interface EngineOptions {
  /** Hears what happens while the model is opened. */
  readonly progress?: (event: OpenEvent) => void;
  /** Gives up opening; files that were fetched stay on this device. It does not stop later runs. */
  readonly signal?: AbortSignal;
  /** True: no request for the model at all. It has to be complete on this device. */
  readonly offline?: boolean;
  /** The WebAssembly file: its bytes, for pages that may not fetch it, or where it is. Beside the package's worker if left out. */
  readonly wasm?: BufferSource | WebAssembly.Module | string | URL;
  /** Starts the package's worker in the page's own way, as a module. It is called again when a worker is lost. */
  readonly worker?: () => Worker | Promise<Worker>;
  /** The model's name, for the PNG's note; the last folder of the URL if left out. */
  readonly name?: string;
  /** Ask the adapter for no more than WebGPU's default limits. */
  readonly defaultLimits?: boolean;
}

/** What a model needs, and what there is. */
export interface StorageReport {
  /** Bytes of the model. */
  readonly needed: number;
  /** Bytes of it that are on this device. */
  readonly cached: number;
  /** Bytes that this site may keep beyond those that it has; left out where the browser does not say. */
  readonly available?: number;
}

/** Whether this browser can run a model, and if not, why. */
export type Support =
  | { readonly supported: true }
  | { readonly supported: false; readonly code: "no-webgpu" | "no-adapter"; readonly message: string };

/** A run in progress. */
export interface Generation extends AsyncIterable<GenerateEvent> {
  /**
   * The picture. It rejects with an `AtelierError`, or with the signal's reason, once the run has stopped. The iterators end
   * the same way; whichever of the two is not used goes unnoticed.
   */
  readonly result: Promise<Picture>;
}

/** A model that is open. */
export interface Engine {
  readonly info: ModelInfo;
  /**
   * Makes one picture. A second call waits for the first: runs do not overlap. It never throws: what is wrong with the request
   * rejects the run, before anything is loaded. After an error of the code `engine-gone`, `device-lost` or `out-of-memory` the
   * next run starts a new worker and opens the model again, from this device.
   *
   * Every iterator over the run begins with its first event; leaving a loop early does not stop the run, the request's signal does.
   */
  generate(request: GenerateRequest): Generation;
  /** Whether all of the model is on this device. */
  isCached(): Promise<boolean>;
  /**
   * Removes the model from this device, after the runs that were asked for. The next run fetches it again. Files that the user
   * picked are not touched.
   */
  clearCache(): Promise<void>;
  /** Frees the device and the worker. Runs that are not over reject with the code `engine-gone`. */
  dispose(): void;
}
