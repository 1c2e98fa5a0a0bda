/** One run after another: from a request to a picture in the gallery, with everything shown on the way. */

import type { GenerateRequest, OpenEvent } from "atelier-web";
import type { Awake } from "./awake";
import { byId } from "./dom";
import type { Easel } from "./easel";
import type { Engines } from "./engines";
import type { Messages } from "./errors";
import { messageFor } from "./errors";
import type { Gallery } from "./gallery";
import { t } from "./i18n";
import type { Chosen } from "./model";
import { Queue } from "./queue";
import type { Result } from "./result";
import { SEALED } from "./seal";
import type { Stages } from "./stages";
import type { Warnings } from "./warnings";

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
  readonly warnings: Warnings;
  readonly awake: Awake;
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
  readonly #queue = new Queue<Wanted>(() => void this.#work());
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

  /** Begins at once, or when everything that was asked for before is done. */
  add(wanted: Wanted): void {
    this.#queue.add(wanted);
    void this.#work();
  }

  /** One after another. What fails would likely fail again with the next: the rest waits for its user. */
  async #work(): Promise<void> {
    if (this.#controller) return;
    this.#queue.stop(false);
    for (let next = this.#queue.next(); next; next = this.#queue.next()) {
      if (await this.#run(next)) continue;
      this.#queue.stop(true);
      return;
    }
  }

  /** False where it failed; cancelling is no failure. */
  async #run(wanted: Wanted): Promise<boolean> {
    const { easel, stages, messages, gallery, result, warnings } = this.#parts;
    const controller = (this.#controller = new AbortController());
    const { request, width, height } = wanted;
    const begun = performance.now();
    try {
      this.#buttons(true);
      messages.clear();
      warnings.clear();
      result.hide();
      easel.begin(width, height, request.blueprint);
      // It was on a button of the picture before, which is gone.
      const { activeElement } = document;
      if (activeElement instanceof HTMLElement && !activeElement.offsetParent)
        this.#cancel.focus({ preventScroll: true });
      stages.begin(this.#steps(wanted));
      byId("easel", HTMLElement).scrollIntoView({ block: "nearest" });
      const picture = await this.#paint(wanted, controller.signal);
      stages.end(picture, performance.now() - begun);
      void gallery.add(picture, wanted.images);
      return true;
    } catch (error) {
      const cancelled = controller.signal.aborted;
      if (cancelled) {
        stages.end(undefined, 0, () => t().cancelled);
      } else {
        stages.hide();
        messages.show(() => messageFor(error, SEALED));
      }
      this.#back();
      return cancelled;
    } finally {
      this.#controller = undefined;
      this.#buttons(false);
      this.#parts.opened(wanted.chosen);
    }
  }

  async #paint({ request, chosen, width, height }: Wanted, signal: AbortSignal) {
    const { engines, easel, stages, opened, warnings } = this.#parts;
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
      if (event.event === "warning") warnings.add(event);
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
    // The focus does not go away with the button.
    if (!running && document.activeElement === this.#cancel) this.#generate.focus();
    this.#cancel.disabled = false;
    this.#cancel.hidden = !running;
    this.#parts.awake.running = running;
    this.#parts.running(running);
  }
}
