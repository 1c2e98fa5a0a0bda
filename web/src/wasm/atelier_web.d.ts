/* tslint:disable */
/* eslint-disable */

/** How a device is opened. */
export interface OpenOptions {
    /** Ask the adapter for no more than WebGPU's default limits. */
    readonly defaultLimits: boolean;
    /** Devices of this browser are asked for subgroups, and have them. */
    readonly subgroups: boolean;
    /** Variants that kernels are to do without: `subgroups`, `dot`, `matrices`. */
    readonly avoid: readonly string[];
}

/** A source image and the name of its file. */
export interface SourceImage extends Pixels {
    readonly name: string;
}

/** A run to be made. */
export interface RunInput {
    readonly request: EngineRequest;
    /** The source images, used with every prompt. */
    readonly images: readonly SourceImage[];
    /** The model's name, for the PNG's note. */
    readonly name: string;
    /** Whether the PNG notes how it was made. */
    readonly metadata: boolean;
    /** Of a run that was cut short: the blueprint, if it was written, */
    readonly written?: Blueprint;
    /** and the first pictures, which are not made again. */
    readonly made: number;
}



/** The files of a model; paths are relative and '/'-separated. */
export interface ModelFiles {
    /** The model's name, for messages. */
    readonly name: string;
    /** The size in bytes; undefined where there is no such file. */
    size(path: string): Promise<number | undefined>;
    /** Exactly the bytes from `start` to before `end`. */
    read(path: string, start: number, end: number): Promise<Uint8Array>;
    /** Whether the file is known to have this SHA-256 and not to have changed since: then it is not hashed again. */
    hasHash(path: string, sha256: string): Promise<boolean>;
    /** Hears that all of the file was read just now and has this SHA-256. */
    noteHash(path: string, sha256: string): Promise<void>;
}



import type {
    Blueprint, EngineEvent, EngineRequest, ModelInfo, Pixels, RunRecord, Warning,
} from "../generated/atelier.js";

/** What happens during a run. */
export type RunReport = EngineEvent | WarningReport | PictureReport;

/** What the model was not taught, or a source image that may be another one, and a sentence that says so. */
export type WarningReport = (Warning | ChangedSource) & { readonly event: "warning"; readonly message: string };

/**
 * A source image has other pixels than the blueprint was written for. Programs decode the same file differently, by a level or
 * two; but it may be another picture.
 */
export interface ChangedSource {
    readonly kind: "changed-source";
    /** The name of its file. */
    readonly name: string;
}

/** A finished picture. */
export interface PictureReport {
    readonly event: "picture";
    /** Counted from 0. */
    readonly image: number;
    /** All pictures of the run. */
    readonly images: number;
    readonly png: Uint8Array<ArrayBuffer>;
    readonly record: RunRecord;
}



import type { AdapterReport, KernelCheck } from "../generated/atelier.js";

/** What the check of all kernels of a GPU found. */
export interface DeviceCheck {
    readonly device: AdapterReport;
    /** Whether all passed. */
    readonly passed: boolean;
    /** Every kernel in every variant that the device has. */
    readonly checks: readonly KernelCheck[];
    /** The variants that kernels are better off without. */
    readonly broken: readonly string[];
    /** How long it took. */
    readonly seconds: number;
}



import type { Stage } from "../generated/atelier.js";

/** What a run needs on the device. One stage is there at a time. */
export interface RunPlan {
    /** The most bytes at once. */
    readonly peak: number;
    /** In the order of the run. */
    readonly stages: readonly StageNeeds[];
}

/** What a stage needs on the device. */
export interface StageNeeds {
    readonly stage: Stage;
    /** Bytes of its weights. */
    readonly weights: number;
    /** The most bytes at once, weights included. */
    readonly peak: number;
}



/**
 * A model that is open. One thing at a time: wait for one call before the next.
 */
export class Engine {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Makes the pictures of a run. `report` gets every event as an object, a picture as soon as it is finished; when it
     * returns true, the run stops. `stop` is asked the same between events, some times a second. `rest` is called often; where it
     * returns a promise, that is waited for: it lets messages in, for which the CPU leaves no time otherwise.
     *
     * # Errors
     * The request is out of range, a file is damaged, the device fails, or the run was stopped.
     */
    generate(input: RunInput, report: (report: RunReport) => boolean, stop: () => boolean, rest: () => Promise<void> | undefined): Promise<void>;
    /**
     * What is known of the model and its adapter.
     *
     * # Errors
     * None.
     */
    info(): ModelInfo;
    /**
     * Opens the model whose files are `files`.
     *
     * # Errors
     * There is no adapter, or a file is missing, malformed or contradicts another.
     */
    static open(files: ModelFiles, options: OpenOptions): Promise<Engine>;
    /**
     * What a run needs on the device, before anything is loaded for it.
     *
     * # Errors
     * The request is out of range, or needs a larger buffer than the device allows.
     */
    plan(input: RunInput): RunPlan;
    /**
     * Frees the weights of whichever stage is on the device.
     */
    release(): void;
}

/**
 * SHA-256 in pieces.
 */
export class Hasher {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * The hash in lower-case hexadecimal; the next one starts from nothing.
     */
    digest(): string;
    /**
     * Of nothing so far.
     */
    constructor();
    /**
     * Goes on from a state.
     *
     * # Errors
     * It is none; then nothing changes.
     */
    restore(state: Uint8Array | number[]): void;
    /**
     * What there is to know of the bytes so far: [`Hasher::restore`] goes on from there.
     */
    state(): Uint8Array;
    /**
     * Takes more bytes.
     */
    update(bytes: Uint8Array | number[]): void;
}

/**
 * Checks every kernel in every variant that the device has, on hard numbers, against what they should give; `found` gets each
 * finding as soon as it is there.
 *
 * # Errors
 * There is no adapter, or the device fails.
 */
export function check(options: OpenOptions, found: (found: KernelCheck) => void): Promise<DeviceCheck>;

/**
 * Runs once, before anything else.
 */
export function start(): void;

/**
 * The version of this module.
 */
export function version(): string;

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly memory: WebAssembly.Memory;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput }} module - Passing `SyncInitInput` directly is deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput } | SyncInitInput): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput> }} module_or_path - Passing `InitInput` directly is deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path: { module_or_path: InitInput | Promise<InitInput> } | InitInput | Promise<InitInput>): Promise<InitOutput>;
