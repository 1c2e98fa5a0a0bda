// Whoever uses the types need not know that they use these.
/// <reference lib="esnext.disposable" preserve="true" />

/** What goes into the engine and what comes out of it: the types of the engine itself, and what this package adds. */

import type {
  Blueprint,
  EngineEvent,
  EngineRequest,
  ErrorCode as EngineErrorCode,
  KernelCheck,
  ModelInfo,
  Pixels,
  RunRecord,
  Stage,
} from "./generated/atelier.js";
import type { WarningReport } from "./wasm/atelier_web.js";

export type { DeviceCheck } from "./wasm/atelier_web.js";

export type * from "./generated/atelier.js";

/** Where a model's files are. */
export type ModelSource =
  /**
   * A folder: the URL of a checkpoint or of a pack. Kept on this device once it is read. On another server than the page's own only
   * with `manifest`, for a pack; that server has to allow it (CORS).
   */
  | {
      readonly url: string | URL;
      /**
       * The SHA-256 of the pack's `pack.json`, in lower-case hexadecimal: no other version is used, and none is looked for. As the
       * manifest has the hashes of all other files, whoever serves them can change none.
       */
      readonly manifest?: string;
    }
  /** A pack whose files have an address each, as bundlers give them, on whichever server; `atelier-mini` exports one. */
  | {
      /** Addresses by the paths of files in the pack: `pack.json`, and all that it names. */
      readonly urls: Readonly<Record<string, string | URL>>;
      /** The SHA-256 of `pack.json`, as above. */
      readonly manifest: string;
      /** The model's name, for the PNG's note. */
      readonly name?: string;
    }
  /** Files that the user picked or dropped; paths are relative and '/'-separated. They are read where they lie. */
  | {
      readonly files: ReadonlyMap<string, Blob>;
      /** False: not even is noted on this device which of them were compared with their hashes, so that they are at every visit. */
      readonly remember?: boolean;
    };

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

/** An event of the engine by its name. */
export type EventNamed<Name extends EngineEvent["event"]> = Extract<EngineEvent, { readonly event: Name }>;

/** Files of a pack are being compared with their hashes. */
export type VerifyEvent = EventNamed<"verify">;

/** Weights of a stage go to the device. */
export type LoadEvent = EventNamed<"load">;

/** The architect wrote a token. */
export type BlueprintTokenEvent = EventNamed<"blueprint-token">;

/** The blueprint is complete. */
export type BlueprintEvent = EventNamed<"blueprint">;

/** The painter finished a step. */
export type StepEvent = EventNamed<"step">;

/** A picture is finished; others of the run may follow. */
export interface PictureEvent {
  readonly event: "picture";
  /** Counted from 0. */
  readonly image: number;
  /** All pictures of the run. */
  readonly images: number;
  readonly picture: Picture;
}

/** The run is over. */
export interface DoneEvent {
  readonly event: "done";
  /** The first picture. */
  readonly result: Picture;
  /** All pictures. */
  readonly pictures: readonly Picture[];
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

/**
 * The request asks for something that the model was not taught, by its card; or a source image is not the one that the blueprint
 * was written for, or was read differently. It is drawn all the same.
 */
export type WarningEvent = WarningReport;

/** What happens during a run. */
export type GenerateEvent = WarningEvent | EngineEvent | DownloadEvent | RetryEvent | PictureEvent | DoneEvent;

type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

/** The fields of a request that this package makes itself, or leaves to the program. */
type OtherFields = "start" | "images_per_prompt" | "batch_padding" | "glyph_tokens" | "blueprint_seed";

/** What of the engine's request a caller may set, under JavaScript's kind of names. What is left out has the model's default. */
export type RequestOptions = {
  readonly [Name in keyof Omit<EngineRequest, OtherFields> as CamelCase<Name & string>]: EngineRequest[Name];
};

/** A picture to be made, or several. Everything but the prompt has the model's own default; a seed left out is drawn. */
export interface GenerateRequest extends RequestOptions {
  /** Text to be drawn stands in quotation marks. Left out where a blueprint is given, which has its own. */
  readonly prompt?: string;
  /** Pictures of the prompt, 1 if it is left out: they share the blueprint, and picture k, counted from 0, has the seed `seed + k`. */
  readonly count?: number;
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
  /** With the same notes as the program's. */
  readonly png: Blob;
  readonly blueprint: Blueprint;
  readonly record: RunRecord;
  /** Milliseconds that the run has spent in each stage so far, loading included; only those that ran. */
  readonly timings: Readonly<Partial<Record<Stage, number>>>;
  /** The pixels of the PNG, for those who draw: decoded anew at every call. */
  pixels(): Promise<Pixels>;
}

/** What an error is about; pages choose their words by it. */
export type ErrorCode =
  | Exclude<EngineErrorCode, "cancelled">
  /** This browser has no WebGPU. */
  | "no-webgpu"
  /** There is not enough room to keep the model. */
  | "quota"
  /** A model or a file is whole, and of a version that this one cannot use. */
  | "other-version"
  /** The graphics device went away. */
  | "device-lost"
  /** The model's files could not be fetched. */
  | "network"
  /** The model cannot be removed from this device, as another tab runs it. */
  | "in-use"
  /** The engine crashed or was disposed of. One that crashed starts anew with its next run. */
  | "engine-gone";

/** How an engine is made. */
export interface EngineOptions {
  /** Hears what happens while the model is opened. */
  readonly progress?: (event: OpenEvent) => void;
  /** Gives up opening; files that were fetched stay on this device. It does not stop later runs. */
  readonly signal?: AbortSignal;
  /** True: no request for the model at all. It has to be complete on this device. */
  readonly offline?: boolean;
  /** Where the model runs, `auto` if it is left out. */
  readonly engine?: EngineChoice;
  /** The WebAssembly file of the GPU's engine: its bytes, for pages that may not fetch it, or where it is. Beside the package's worker if left out. */
  readonly wasm?: BufferSource | WebAssembly.Module | string | URL;
  /** The same of the CPU's engine. */
  readonly wasmCpu?: BufferSource | WebAssembly.Module | string | URL;
  /** Starts the package's worker in the page's own way, as a module. It is called again when a worker is lost. */
  readonly worker?: () => Worker | Promise<Worker>;
  /** The model's name, for the PNG's note; the last folder of the URL if left out. */
  readonly name?: string;
  /** Ask the adapter for no more than WebGPU's default limits. */
  readonly defaultLimits?: boolean;
  /** Variants of kernels to do without: what `checkDevice` found broken. */
  readonly avoid?: readonly string[];
}

/** How a device is checked; the rest is as for `createEngine`. */
export interface CheckOptions extends Pick<EngineOptions, "wasm" | "worker" | "defaultLimits" | "offline"> {
  /** Hears of every kernel as soon as it was checked. */
  readonly found?: (found: KernelCheck) => void;
  /** Ends the check. */
  readonly signal?: AbortSignal;
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

/** Which engine is to be used: `auto` takes the GPU where there is a real one, and the CPU elsewhere. */
export type EngineChoice = "auto" | "gpu" | "cpu";

/** The engine that is used, and why not the GPU. */
export type EngineInUse =
  | { readonly kind: "gpu" }
  | {
      readonly kind: "cpu";
      /** There is no WebGPU, or no adapter, or none but in software; the device was lost twice; or it was asked for. */
      readonly why: "no-webgpu" | "no-adapter" | "software-adapter" | "device-lost" | "asked";
    };

/** Whether this browser can run a model and with which engine, and if not, why. */
export type Support =
  | { readonly supported: true; readonly engine: EngineInUse }
  | { readonly supported: false; readonly code: "no-webgpu" | "no-adapter"; readonly message: string };

/** A run in progress. */
export interface Generation extends AsyncIterable<GenerateEvent> {
  /**
   * The picture, of several the first, when the run is over. It rejects with an `AtelierError`, or with the signal's reason,
   * once the run has stopped. The iterators and `pictures` end the same way; whichever of them is not used goes unnoticed.
   */
  readonly result: Promise<Picture>;
  /** All pictures, when the run is over. The event `picture` brings each as soon as it is finished. */
  readonly pictures: Promise<readonly Picture[]>;
}

/** A model that is open. */
export interface Engine {
  readonly info: ModelInfo;
  /** Where the model runs. It may change with a run: a device that is lost twice is left alone from then on. */
  readonly engine: EngineInUse;
  /**
   * Makes a picture, or as many as the request counts. A second call waits for the first: runs do not overlap. It never throws: what is wrong with the request
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
