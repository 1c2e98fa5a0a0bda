/** The engine of the chosen model: made when it is first needed, kept until another model is chosen. */

import {
  AtelierError,
  type CheckOptions,
  createEngine,
  type Engine,
  type EngineOptions,
  isCached,
  type ModelInfo,
  type OpenEvent,
} from "atelier-web";
import workerUrl from "../lib/worker.js?worker&url";
import wasmUrl from "../lib/wasm/atelier_web_bg.wasm?url";
import { brokenHere } from "./broken";
import type { Chosen } from "./model";
import { SEALED, sealedWorker } from "./seal";
import { cachedShellFile } from "./shell";

export class Engines {
  #open: { readonly chosen: Chosen; readonly engine: Engine } | undefined;

  /** Whether a run with this model can begin at once. */
  isOpen(chosen: Chosen): boolean {
    return this.#open?.chosen === chosen;
  }

  info(chosen: Chosen): ModelInfo | undefined {
    return this.#open?.chosen === chosen ? this.#open.engine.info : undefined;
  }

  async get(chosen: Chosen, progress: (event: OpenEvent) => void, signal: AbortSignal): Promise<Engine> {
    if (this.#open?.chosen === chosen) return this.#open.engine;
    this.close();
    const engine = await createEngine(chosen.source, {
      ...(await options(chosen)),
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

/** What an engine is made of here, whatever its model. */
export async function engineParts(): Promise<CheckOptions> {
  // `?limits=default`: what runs with this runs on every adapter.
  const defaultLimits = new URLSearchParams(location.search).get("limits") === "default";
  if (!SEALED) return { defaultLimits };
  // A sealed page may not fetch, not even from its own cache; the cache's own interface is not fetching.
  const wasm = await (await cachedShellFile(wasmUrl))?.arrayBuffer();
  const script = await (await cachedShellFile(workerUrl))?.text();
  if (!wasm || script === undefined) throw new AtelierError("network", "the page is not complete on this device");
  return { defaultLimits, offline: true, wasm, worker: () => sealedWorker(script) };
}
