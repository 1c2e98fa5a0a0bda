/**
 * GLM-Image in a browser tab: an architect writes a blueprint, a painter paints it, on the user's own device.
 *
 * ```ts
 * const engine = await createEngine({ url: "models/mini/" });
 * const run = engine.generate({ prompt: "A navy poster with the title 'OPEN STUDIO'" });
 * for await (const event of run) console.log(event.event);
 * const { png, blueprint } = await run.result;
 * ```
 */

import { LocalEngine } from "./engine.js";
import { AtelierError } from "./errors.js";
import type { WireSource, WireWasm } from "./protocol.js";
import { Session } from "./session.js";
import { connectWith } from "./spawn.js";
import { baseUrl, clearCache, isCached, persist, placeOf } from "./storage.js";
import { chooseEngine } from "./support.js";
import type { CheckOptions, DeviceCheck, Engine, EngineOptions, ModelSource } from "./types.js";

export { AtelierError } from "./errors.js";
export { readPicture } from "./picture.js";
export { parseBlueprint } from "./records.js";
export { randomSeed } from "./request.js";
export { filesFromDrop, filesFromHandle, filesFromPicker } from "./sources/files.js";
export {
  checkStored,
  clearCache,
  forgetPicked,
  isCached,
  removeStored,
  storageReport,
  storedModels,
} from "./storage.js";
export { isSupported } from "./support.js";
export {
  DEFAULT_STEPS,
  MAX_GUIDANCE,
  MAX_SEED,
  MAX_SIDE,
  MAX_STEPS,
  MAX_TEMPERATURE,
  SIDE_STEP,
} from "./generated/atelier.js";
export type { StoredModel } from "./storage.js";
export type * from "./types.js";

/**
 * Opens a model in a worker of its own. A model on a server is fetched first, except for what is on this device; fetching goes
 * on where an interruption left it. Works in a page and in a worker.
 *
 * Rejects with an `AtelierError`, of the codes `no-webgpu`, `no-adapter`, `bad-request` (the source), `network`, `bad-file`,
 * `quota`, `out-of-memory`, `device-lost` or `engine-gone`; or with the signal's reason.
 */
export async function createEngine(source: ModelSource, options: EngineOptions = {}): Promise<Engine> {
  options.signal?.throwIfAborted();
  // Nobody wants to fetch gigabytes to hear that they cannot be used. And where a page is made on a server, this is all there is to say.
  const engine = await chooseEngine(options.engine ?? "auto");
  const place = placeOf(source);
  // Before the room is looked at: what may be kept for good may be more.
  if (place.kind === "url" && !options.offline) await persist();
  options.signal?.throwIfAborted();
  const open = {
    source: place,
    requests: options.offline ? "never" : "fresh",
    engine: engine.kind,
    wasm: engine.kind === "gpu" ? wasmOf("wasm", options.wasm) : wasmOf("wasmCpu", options.wasmCpu),
    defaultLimits: options.defaultLimits ?? false,
    avoid: options.avoid ?? [],
  } as const;
  const opening = {
    open,
    engine,
    ...((options.engine ?? "auto") === "auto" && { fallback: { wasm: wasmOf("wasmCpu", options.wasmCpu) } }),
    connect: connectWith(options.worker, options.offline === true),
    name: options.name ?? nameOf(source, place),
    isCached: () => isCached(source),
    clear: () => clearCache(source),
  };
  return LocalEngine.open(
    opening,
    (event) => {
      if (event.event === "download" || event.event === "verify" || event.event === "load") options.progress?.(event);
    },
    options.signal,
  );
}

/**
 * Checks in some seconds, in a worker of its own, whether the GPU computes what it should: every kernel in every variant that the
 * engine would use here, on hard numbers. `avoid` of `createEngine` takes what is `broken`. A kernel that fails as `plain` has
 * nothing to take its place: pictures of such a device are not to be trusted.
 *
 * Rejects with an `AtelierError`, of the codes `no-webgpu`, `no-adapter`, `network` (the WebAssembly file), `out-of-memory`,
 * `device-lost`, `compute` or `engine-gone`; or with the signal's reason.
 */
export async function checkDevice(options: CheckOptions = {}): Promise<DeviceCheck> {
  const signal = options.signal ?? new AbortController().signal;
  signal.throwIfAborted();
  await chooseEngine("gpu");
  const connect = connectWith(options.worker, options.offline === true);
  const check = { wasm: wasmOf("wasm", options.wasm), defaultLimits: options.defaultLimits ?? false };
  return Session.check(connect, check, (found) => options.found?.(found), signal);
}

function nameOf(source: ModelSource, place: WireSource): string {
  if ("urls" in source) return source.name ?? "model";
  const folder = place.kind === "url" ? place.url.split("/").at(-2) : undefined;
  return folder || "model";
}

function wasmOf(name: "wasm" | "wasmCpu", wasm: EngineOptions["wasm"]): WireWasm {
  if (wasm === undefined) return fileOf(name).href;
  if (typeof wasm !== "string" && !(wasm instanceof URL)) return wasm;
  try {
    return new URL(wasm, baseUrl()).href;
  } catch {
    throw new AtelierError("bad-request", `${name}: expected an address, found ${JSON.stringify(String(wasm))}`);
  }
}

/** Beside this script. Bundlers know files by these very expressions. */
function fileOf(name: "wasm" | "wasmCpu"): URL {
  if (name === "wasm") return new URL("./wasm/atelier_web_bg.wasm", import.meta.url);
  return new URL("./wasm/atelier_web_cpu_bg.wasm", import.meta.url);
}
