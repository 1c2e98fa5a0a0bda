/** The engine of the chosen model: made when it is first needed, kept until another model is chosen. */

import {
  AtelierError,
  type CheckOptions,
  createEngine,
  type Engine,
  type EngineChoice,
  type EngineInUse,
  type EngineOptions,
  isCached,
  type ModelInfo,
  type OpenEvent,
} from "atelier-web";
import workerUrl from "../lib/worker.js?url";
import gpuUrl from "../lib/wasm/atelier_web_bg.wasm?url";
import cpuUrl from "../lib/wasm/atelier_web_cpu_bg.wasm?url";
import { brokenHere } from "./broken";
import type { Chosen } from "./model";
import { SEALED, sealedWorker } from "./seal";
import { cachedShellFile } from "./shell";

export class Engines {
  readonly #choice: () => EngineChoice;
  #open: { readonly chosen: Chosen; readonly engine: Engine } | undefined;

  /** `choice` says which engine is to be used. */
  constructor(choice: () => EngineChoice) {
    this.#choice = choice;
  }

  /** Whether a run with this model can begin at once. */
  isOpen(chosen: Chosen): boolean {
    return this.#open?.chosen === chosen;
  }

  info(chosen: Chosen): ModelInfo | undefined {
    return this.#open?.chosen === chosen ? this.#open.engine.info : undefined;
  }

  /** The engine that is open. */
  inUse(chosen: Chosen): EngineInUse | undefined {
    return this.#open?.chosen === chosen ? this.#open.engine.engine : undefined;
  }

  async get(chosen: Chosen, progress: (event: OpenEvent) => void, signal: AbortSignal): Promise<Engine> {
    if (this.#open?.chosen === chosen) return this.#open.engine;
    this.close();
    const engine = await createEngine(chosen.source, {
      ...(await options(chosen)),
      engine: this.#choice(),
      name: chosen.name,
      progress,
      signal,
    });
    this.#open = { chosen, engine };
    return engine;
  }

  close(): void {
    this.#open?.engine.dispose();
    this.#open = undefined;
  }
}

async function options({ source }: Chosen): Promise<EngineOptions> {
  const avoid = await brokenHere();
  if (SEALED) return { ...(await engineParts()), avoid };
  // Where there is no network the server need not be asked for a newer version. Some browsers say so behind a VPN, though: what
  // is not here is asked for all the same.
  return { ...(await engineParts()), avoid, offline: !navigator.onLine && (await isCached(source)) };
}

/** The file of an engine, as the page asks for it. */
export function engineFile({ kind }: EngineInUse): string {
  return kind === "gpu" ? gpuUrl : cpuUrl;
}

/** What an engine is made of here, whatever its model. */
export async function engineParts(): Promise<CheckOptions & Pick<EngineOptions, "wasmCpu">> {
  // `?limits=default`: what runs with this runs on every adapter.
  const defaultLimits = new URLSearchParams(location.search).get("limits") === "default";
  if (!SEALED) return { defaultLimits };
  // A sealed page may not fetch, not even from its own cache; the cache's own interface is not fetching.
  const [gpu, cpu] = await Promise.all(
    [gpuUrl, cpuUrl].map(async (url) => (await cachedShellFile(url))?.arrayBuffer()),
  );
  const script = await (await cachedShellFile(workerUrl))?.text();
  if ((!gpu && !cpu) || script === undefined) {
    throw new AtelierError("network", "the page is not complete on this device");
  }
  return {
    defaultLimits,
    offline: true,
    ...(gpu && { wasm: gpu }),
    ...(cpu && { wasmCpu: cpu }),
    worker: () => sealedWorker(script),
  };
}
