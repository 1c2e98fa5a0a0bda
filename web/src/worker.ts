/** The worker's script, complete in itself once it is bundled: connects the host with the page, the device and the engine. */

import { messageOf } from "./errors.js";
import { Host } from "./host.js";
import type { FromWorker, ToWorker } from "./protocol.js";
import { VERSION } from "./version.js";
import { loadWasm } from "./wasm-module.js";
import { hasSubgroups, watchEngine } from "./wgpu-workarounds.js";

const send = (message: FromWorker, transfer: Transferable[] = []): void => self.postMessage(message, { transfer });
const host = new Host({ send, load: loadWasm, subgroups: hasSubgroups });

watchEngine(host);

// Traps in tasks that nobody waits for.
const trapped = (event: Event, error: unknown): void => {
  if (!(error instanceof WebAssembly.RuntimeError)) return;
  event.preventDefault();
  host.crashed(messageOf(error));
};
self.addEventListener("error", (event) => trapped(event, event.error));
self.addEventListener("unhandledrejection", (event) => trapped(event, event.reason));

const ready = (): void => send({ type: "ready", version: VERSION });
self.addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "hello") ready();
  else host.receive(data);
});
ready();
