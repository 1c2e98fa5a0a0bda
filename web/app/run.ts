/** One run at a time: from a request to a picture in the gallery, with everything shown on the way. */

import type { GenerateRequest, OpenEvent } from "atelier-web";
import { byId } from "./dom";
import type { Easel } from "./easel";
import type { Engines } from "./engines";
import type { Messages } from "./errors";
import { messageFor } from "./errors";
import type { Gallery } from "./gallery";
import { t } from "./i18n";
import type { Chosen } from "./model";
import type { Result } from "./result";
import { SEALED } from "./shell";
import type { Stages } from "./stages";

export interface Wanted {
  readonly request: GenerateRequest;
  /** Those of the request, to paint it again. */
  readonly images: readonly Blob[];
  readonly chosen: Chosen;
  readonly width: number;
  readonly height: number;
}

export interface Parts {
  readonly engines: Engines;
  readonly easel: Easel;
  readonly stages: Stages;
  readonly messages: Messages;
  readonly gallery: Gallery;
  readonly result: Result;
  /** The engine is open, or the model on this device may have changed. */
  readonly opened: (chosen: Chosen) => void;
  /** Nothing is on the sheet any more. */
  readonly idle: () => void;
  /** A run begins or ends. */
  readonly running: (running: boolean) => void;
}

export class Runs {
  readonly #parts: Parts;
  readonly #generate = byId("generate", HTMLButtonElement);
  readonly #cancel = byId("cancel", HTMLButtonElement);
  #controller: AbortController | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#cancel.addEventListener("click", () => this.cancel());
  }

  get running(): boolean {
    return this.#controller !== undefined;
  }

  cancel(): void {
    if (!this.#controller || this.#controller.signal.aborted) return;
    this.#controller.abort();
    this.#cancel.disabled = true;
    this.#parts.stages.note(() => t().cancelling);
  }

  async start(wanted: Wanted): Promise<void> {
    if (this.#controller) return;
    const { easel, stages, messages, gallery, result } = this.#parts;
    const controller = (this.#controller = new AbortController());
    const { request, width, height } = wanted;
    const begun = performance.now();
    this.#buttons(true);
    messages.clear();
    result.hide();
    easel.begin(width, height, request.blueprint);
    stages.begin(this.#steps(wanted));
    byId("easel", HTMLElement).scrollIntoView({ block: "nearest" });
    try {
      const picture = await this.#paint(wanted, controller.signal);
      stages.end(picture, performance.now() - begun);
      gallery.add(picture, wanted.images);
    } catch (error) {
      if (controller.signal.aborted) {
        stages.end(undefined, 0, () => t().cancelled);
      } else {
        stages.hide();
        messages.show(() => messageFor(error, SEALED));
      }
      this.#back();
    } finally {
      this.#controller = undefined;
      this.#buttons(false);
      this.#parts.opened(wanted.chosen);
    }
  }

  async #paint({ request, chosen, width, height }: Wanted, signal: AbortSignal) {
    const { engines, easel, stages, opened } = this.#parts;
    const open = (event: OpenEvent) => {
      if (!signal.aborted) stages.event(event);
    };
    const engine = await engines.get(chosen, open, signal);
    opened(chosen);
    const generation = engine.generate({ ...request, signal });
    let blueprint = request.blueprint;
    for await (const event of generation) {
      // What was under way when the user cancelled still arrives; the sheet says "stopping".
      if (signal.aborted) continue;
      stages.event(event);
      if (event.event === "blueprint-token") easel.token(event);
      if (event.event === "step" && event.preview) easel.preview(event.preview);
      if (event.event === "blueprint") blueprint = event.blueprint;
      if (event.event === "blueprint" || event.event === "retry") easel.begin(width, height, blueprint);
    }
    return generation.result;
  }

  /** Back to the picture that was there before, or to an empty sheet. */
  #back(): void {
    const { easel, gallery, result, idle } = this.#parts;
    const before = gallery.shown;
    if (before) easel.show(before.url, before.blueprint);
    else idle();
    result.show(before);
  }

  #steps({ request, chosen }: Wanted) {
    return [
      ...(this.#parts.engines.isOpen(chosen) ? [] : ["model" as const]),
      ...(request.images?.length ? ["sources" as const] : []),
      ...(request.blueprint ? [] : ["architect" as const]),
      "painter" as const,
      "decoder" as const,
    ];
  }

  #buttons(running: boolean): void {
    // The focus goes with the button that takes the other's place.
    const focused = document.activeElement === this.#generate || document.activeElement === this.#cancel;
    this.#generate.disabled = running;
    this.#cancel.disabled = false;
    this.#cancel.hidden = !running;
    document.body.classList.toggle("running", running);
    this.#parts.running(running);
    if (focused) (running ? this.#cancel : this.#generate).focus();
  }
}
