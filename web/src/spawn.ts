/** How the worker is started. */

import { AtelierError } from "./errors.js";
import type { FromWorker, ToWorker } from "./protocol.js";
import type { Connect, Port } from "./session.js";
import { VERSION } from "./version.js";

/** Milliseconds that a worker gets to say that it listens; its script may have a slow way to come. */
const PATIENCE = 60_000;

/** Starts the package's worker, or the one that the page makes. `sealed`: only one that is bound by the page's policy. */
export function connectWith(own: (() => Worker | Promise<Worker>) | undefined, sealed: boolean): Connect {
  return async (receive, fail) => {
    if (own) return listen(await own(), receive, fail);
    // Bundlers know a file by this very expression. It is copied as it is: the script is complete in itself.
    const script = new URL("./worker.js", import.meta.url);
    const blob = new Blob([`import ${JSON.stringify(script.href)};`], { type: "text/javascript" });
    const url = URL.createObjectURL(blob);
    try {
      // A worker of an address has the Content-Security-Policy of that answer, if the server sends one. A worker of a blob
      // has the page's: what the page may not connect to, the engine may not either. And its script may be another origin's.
      return await listen(new Worker(url, { type: "module" }), receive, fail);
    } catch (error) {
      if (sealed || !(error instanceof AtelierError) || error.code !== "network") throw error;
      // The page allows no workers of blobs.
      return listen(new Worker(script, { type: "module" }), receive, fail);
    } finally {
      URL.revokeObjectURL(url);
    }
  };
}

/** The worker when it listens. */
export function listen(
  worker: Worker,
  receive: (message: FromWorker) => void,
  fail: (error: AtelierError) => void,
): Promise<Port> {
  return new Promise((resolve, reject) => {
    let ready = false;
    const refuse = (error: AtelierError): void => {
      clearTimeout(silence);
      worker.terminate();
      reject(error);
    };
    const broken = (why: string): void => {
      if (ready) return fail(new AtelierError("engine-gone", `the worker failed: ${why}`));
      refuse(new AtelierError("network", `the worker cannot be started: ${why}`));
    };
    const silence = setTimeout(
      () => broken(`expected the script of atelier-web/worker to answer within ${PATIENCE / 1000} s, heard nothing`),
      PATIENCE,
    );
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.type !== "ready") return receive(data);
      if (data.version !== VERSION) {
        const found = data.version ?? "an older one";
        const problem = `the worker's script: expected version ${VERSION}, as the page's has, found ${found}`;
        return refuse(new AtelierError("other-version", problem));
      }
      ready = true;
      clearTimeout(silence);
      resolve({ send: (message) => worker.postMessage(message), terminate: () => worker.terminate() });
    };
    worker.onmessageerror = () => broken("a message was lost");
    worker.onerror = (event) => {
      event.preventDefault();
      broken(event.message || "it cannot be fetched, or is not allowed");
    };
    worker.postMessage({ type: "hello" } satisfies ToWorker);
  });
}
