/** How the worker is started. */

import { AtelierError } from "./errors.js";
import type { FromWorker } from "./protocol.js";
import type { Connect, Port } from "./session.js";

/** Starts the package's worker, or the one that the page makes. `sealed`: only one that is bound by the page's policy. */
export function connectWith(own: (() => Worker | Promise<Worker>) | undefined, sealed: boolean): Connect {
  return async (receive, fail) => {
    if (own) return listen(await own(), receive, fail);
    const blob = new Blob([`import ${JSON.stringify(scriptUrl().href)};`], { type: "text/javascript" });
    const url = URL.createObjectURL(blob);
    try {
      // A worker of an address has the Content-Security-Policy of that answer, if the server sends one. A worker of a blob
      // has the page's: what the page may not connect to, the engine may not either.
      return await listen(new Worker(url, { type: "module" }), receive, fail);
    } catch (error) {
      if (sealed) throw error;
      // The page allows no workers of blobs.
      return listen(new Worker(new URL("./worker.js", import.meta.url), { type: "module" }), receive, fail);
    } finally {
      URL.revokeObjectURL(url);
    }
  };
}

/** Bundlers know a worker by this very expression and put the bundled script's address into it; only that is wanted here. */
function scriptUrl(): URL {
  class Worker {
    constructor(
      readonly url: URL,
      readonly options: WorkerOptions,
    ) {}
  }
  return new Worker(new URL("./worker.js", import.meta.url), { type: "module" }).url;
}

/** The worker when it listens. */
function listen(
  worker: Worker,
  receive: (message: FromWorker) => void,
  fail: (error: AtelierError) => void,
): Promise<Port> {
  return new Promise((resolve, reject) => {
    let ready = false;
    const broken = (why: string): void => {
      if (ready) return fail(new AtelierError("engine-gone", `the worker failed: ${why}`));
      worker.terminate();
      reject(new AtelierError("network", `the worker cannot be started: ${why}`));
    };
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.type !== "ready") return receive(data);
      ready = true;
      resolve({ send: (message) => worker.postMessage(message), terminate: () => worker.terminate() });
    };
    worker.onmessageerror = () => broken("a message was lost");
    worker.onerror = (event) => {
      event.preventDefault();
      broken(event.message || "it cannot be fetched, or is not allowed");
    };
  });
}
