/** What went wrong, in words that say what the user can do. */

import { AtelierError, type ErrorCode } from "atelier-web";
import { byId } from "./dom";
import { bytes } from "./format";
import { onLanguage, t } from "./i18n";
import type { Strings } from "./strings/en";

export interface Message {
  readonly title: string;
  readonly advice: string;
  /** The engine's own words, for whoever wants them. */
  readonly cause?: string;
  /** Nothing went wrong; it is only good to know. */
  readonly note?: boolean;
}

const WORDS: Readonly<Record<ErrorCode, (t: Strings) => readonly [string, string]>> = {
  "no-webgpu": (t) => [t.noWebgpu, t.noWebgpuAdvice],
  "no-adapter": (t) => [t.noAdapter, t.noAdapterAdvice],
  "out-of-memory": (t) => [t.outOfMemory, t.outOfMemoryAdvice],
  quota: (t) => [t.quota, t.quotaAdvice],
  "device-lost": (t) => [t.deviceLost, t.deviceLostAdvice],
  "bad-file": (t) => [t.badFile, t.badFileAdvice],
  "other-version": (t) => [t.otherVersion, t.otherVersionAdvice],
  "bad-request": (t) => [t.badRequest, t.badRequestAdvice],
  "bad-blueprint": (t) => [t.badBlueprint, t.badBlueprintAdvice],
  "bad-image": (t) => [t.badImage, t.badImageAdvice],
  network: (t) => [t.network, t.networkAdvice],
  "engine-gone": (t) => [t.engineGone, t.engineGoneAdvice],
  "in-use": (t) => [t.inUse, t.inUseAdvice],
  compute: (t) => [t.compute, t.computeAdvice],
};

/** The message for anything that was thrown. */
export function messageFor(error: unknown, sealed: boolean): Message {
  const known = error instanceof AtelierError ? error : undefined;
  const code = known?.code ?? "compute";
  const [title, advice] = WORDS[code](t());
  const cause = error instanceof Error ? error.message : String(error);
  if (code === "network" && sealed) return { title, advice: t().networkSealedAdvice, cause };
  if (known?.needed === undefined || known.available === undefined) return { title, advice, cause };
  return { title, advice: `${t().quotaSizes(bytes(known.needed), bytes(known.available))} ${advice}`, cause };
}

/** The place under the sheet where messages stand until they are closed or the next run begins. */
export class Messages {
  readonly #box = byId("message", HTMLElement);
  #shown: (() => Message) | undefined;

  constructor() {
    byId("message-close", HTMLButtonElement).addEventListener("click", () => {
      this.clear();
      byId("generate", HTMLButtonElement).focus();
    });
    onLanguage(() => this.#render());
  }

  show(message: () => Message): void {
    this.#shown = message;
    this.#render();
    this.#box.scrollIntoView({ block: "nearest" });
  }

  clear(): void {
    this.#shown = undefined;
    this.#render();
  }

  #render(): void {
    const message = this.#shown?.();
    this.#box.hidden = !message;
    this.#box.classList.toggle("note", message?.note ?? false);
    byId("message-title", HTMLElement).textContent = message?.title ?? "";
    byId("message-advice", HTMLElement).textContent = message?.advice ?? "";
    byId("message-cause", HTMLElement).textContent = message?.cause ? t().causeLabel(message.cause) : "";
  }
}
