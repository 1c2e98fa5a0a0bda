/**
 * `<atelier-image prompt="…" model="models/mini/">`: a picture that the visitor's own device paints. To import this defines the
 * element, where there are elements; on a server that renders pages it does nothing.
 */

import { AtelierError, badRequest, messageOf } from "./errors.js";
import { createEngine } from "./index.js";
import { baseUrl } from "./storage.js";
import type { Engine, EngineOptions, GenerateEvent, ModelSource, OpenEvent, Picture, Pixels } from "./types.js";

/** What happens on the way to a picture. */
export type ImageEvent = OpenEvent | GenerateEvent;

/**
 * The element. It paints when it is in a document and has a prompt and a model, and again when one of them or a setting changes; what
 * was in progress stops then. Elements with the same model share an engine, which goes when the last of them does.
 *
 * Attributes: `prompt`; `model`, the address of a model's folder; `width`, `height`, `steps` and `seed`, the model's own where they are
 * left out; `alt`, in place of the alternative text that names the prompt.
 *
 * Events, which do not bubble: `progress` (`detail` is the engine's event), `picture` (`detail` is the `Picture`), and `error`
 * (`detail` is what a run rejects with). Parts for styles: `figure`, `picture`, `preview`, `progress` and `status`.
 */
export interface AtelierImageElement extends HTMLElement {
  /** The model where it is no folder: `mini` of `atelier-mini`, or files of the user's. It goes before the attribute `model`. */
  source: ModelSource | undefined;
  /** How the engine is made; of elements that share one, the first one's. */
  engineOptions: Omit<EngineOptions, "progress" | "signal">;
  /** The picture that is shown. */
  readonly picture: Picture | undefined;
}

declare global {
  interface HTMLElementTagNameMap {
    "atelier-image": AtelierImageElement;
  }
}

const NUMBERS = ["width", "height", "steps", "seed"] as const;

const STYLE = `
  :host { display: inline-block; max-width: 100%; }
  :host([hidden]) { display: none; }
  figure { margin: 0; display: grid; gap: 0.5rem; }
  img, canvas { display: block; max-width: 100%; height: auto; }
  progress { width: 100%; }
  [hidden] { display: none; }
`;

/** What is said of an event; only where that changes, so that those who listen are not flooded. */
function sayingOf({ event }: ImageEvent): string | undefined {
  switch (event) {
    case "download":
      return "Fetching the model";
    case "verify":
    case "load":
      return "Reading the model";
    case "blueprint-token":
      return "Writing the blueprint";
    case "step":
      return "Painting";
    case "decode":
      return "Finishing";
    default:
      return undefined;
  }
}

/** How far an event says that its stage is, from 0 to 1. */
function shareOf(event: ImageEvent): number | undefined {
  switch (event.event) {
    case "download":
    case "verify":
    case "load":
      return event.bytes / event.total;
    case "blueprint-token":
      return event.token / event.tokens;
    case "step":
      return event.step / event.steps;
    default:
      return undefined;
  }
}

/** An engine of elements with the same model. */
interface Shared {
  readonly engine: Promise<Engine>;
  readonly closing: AbortController;
  readonly listeners: Set<(event: OpenEvent) => void>;
}

const engines = new Map<unknown, Shared>();

/** The engine of a model, until `leave`. */
function share(key: unknown, source: ModelSource, options: EngineOptions, on: (event: OpenEvent) => void): Shared {
  let shared = engines.get(key);
  if (!shared) {
    const [closing, listeners] = [new AbortController(), new Set<(event: OpenEvent) => void>()];
    const progress = (event: OpenEvent): void => {
      for (const listener of listeners) listener(event);
    };
    const engine = createEngine(source, { ...options, progress, signal: closing.signal });
    const made: Shared = { engine, closing, listeners };
    shared = made;
    engines.set(key, made);
    // The next one may try again; where it already has, that engine is another one.
    engine.catch(() => {
      if (engines.get(key) === made) engines.delete(key);
    });
  }
  shared.listeners.add(on);
  return shared;
}

function leave(key: unknown, on: (event: OpenEvent) => void): void {
  const shared = engines.get(key);
  if (!shared) return;
  shared.listeners.delete(on);
  if (shared.listeners.size > 0) return;
  engines.delete(key);
  shared.closing.abort(new AtelierError("engine-gone", "no element needs the engine any more"));
  shared.engine.then(
    (engine) => engine.dispose(),
    () => {},
  );
}

function define(): void {
  class ImageElement extends HTMLElement implements AtelierImageElement {
    static readonly observedAttributes = ["prompt", "model", "alt", ...NUMBERS];

    readonly #image = document.createElement("img");
    readonly #canvas = document.createElement("canvas");
    readonly #bar = document.createElement("progress");
    readonly #status = document.createElement("div");
    #source: ModelSource | undefined;
    #options: AtelierImageElement["engineOptions"] = {};
    #picture: Picture | undefined;
    #address: string | undefined;
    #run: AbortController | undefined;
    #model: unknown;
    #due = false;
    /** What the last update was for. */
    #wanted: readonly unknown[] = [];
    readonly #opened = (event: OpenEvent): void => this.#show(event);

    constructor() {
      super();
      const root = this.attachShadow({ mode: "open" });
      const style = new CSSStyleSheet();
      style.replaceSync(STYLE);
      // No policy for styles forbids this one.
      root.adoptedStyleSheets = [style];
      const figure = document.createElement("figure");
      for (const [element, part] of [
        [figure, "figure"],
        [this.#image, "picture"],
        [this.#canvas, "preview"],
        [this.#bar, "progress"],
        [this.#status, "status"],
      ] as const) {
        element.setAttribute("part", part);
        if (element !== figure) figure.append(element);
      }
      this.#canvas.setAttribute("aria-hidden", "true");
      this.#status.setAttribute("role", "status");
      root.append(figure);
      this.#clear();
    }

    get source(): ModelSource | undefined {
      return this.#source;
    }

    set source(source: ModelSource | undefined) {
      this.#source = source;
      this.#schedule();
    }

    get engineOptions(): AtelierImageElement["engineOptions"] {
      return this.#options;
    }

    set engineOptions(options: AtelierImageElement["engineOptions"]) {
      this.#options = options;
    }

    get picture(): Picture | undefined {
      return this.#picture;
    }

    connectedCallback(): void {
      // What was set before the element was defined hides the accessors.
      for (const name of ["source", "engineOptions"] as const) {
        const own = Object.getOwnPropertyDescriptor(this, name);
        if (!own) continue;
        Reflect.deleteProperty(this, name);
        Object.assign(this, { [name]: own.value });
      }
      this.#schedule();
    }

    disconnectedCallback(): void {
      this.#schedule();
    }

    attributeChangedCallback(name: string, before: string | null, now: string | null): void {
      if (name === "alt") this.#image.alt = this.#alternative;
      else if (before !== now) this.#schedule();
    }

    get #alternative(): string {
      return this.getAttribute("alt") ?? `Generated picture: ${this.getAttribute("prompt") ?? ""}`;
    }

    /** Several changes at once are one; and an element that is moved is not stopped. */
    #schedule(): void {
      if (this.#due) return;
      this.#due = true;
      queueMicrotask(() => {
        this.#due = false;
        void this.#update();
      });
    }

    async #update(): Promise<void> {
      const settings = NUMBERS.map((name) => this.getAttribute(name));
      const wanted = [
        this.isConnected,
        this.#source ?? this.getAttribute("model"),
        this.getAttribute("prompt"),
        ...settings,
      ];
      // An element that was only moved goes on.
      if (wanted.every((value, at) => value === this.#wanted[at])) return;
      this.#wanted = wanted;
      this.#run?.abort(new AtelierError("engine-gone", "the element asks for something else"));
      const run = new AbortController();
      this.#run = run;
      const prompt = this.getAttribute("prompt")?.trim();
      try {
        const model = this.isConnected ? this.#chosen() : undefined;
        if (this.#model !== undefined && this.#model !== model?.key) leave(this.#model, this.#opened);
        this.#model = model?.key;
        if (!this.isConnected) return;
        if (!model || !prompt) return this.#clear();
        this.#begin();
        const engine = await share(model.key, model.source, this.#options, this.#opened).engine;
        if (run.signal.aborted) return;
        const numbers = NUMBERS.filter((name) => this.hasAttribute(name)).map((name) => [name, this.#number(name)]);
        const made = engine.generate({ ...Object.fromEntries(numbers), prompt, signal: run.signal });
        for await (const event of made) this.#show(event);
        const picture = await made.result;
        if (!run.signal.aborted) this.#finish(picture);
      } catch (error) {
        if (!run.signal.aborted) this.#fail(error);
      }
    }

    /** The model, and what those that share it know it by. */
    #chosen(): { readonly key: unknown; readonly source: ModelSource } | undefined {
      if (this.#source) return { key: this.#source, source: this.#source };
      const url = this.getAttribute("model");
      if (url === null) return undefined;
      try {
        const { href } = new URL(url, baseUrl());
        return { key: href, source: { url: href } };
      } catch {
        throw badRequest("model", "an address", url);
      }
    }

    #number(name: (typeof NUMBERS)[number]): number {
      const text = this.getAttribute(name) ?? "";
      const number = text.trim() === "" ? Number.NaN : Number(text);
      if (Number.isNaN(number)) throw badRequest(name, "a number", text);
      return number;
    }

    #clear(): void {
      if (this.#address !== undefined) URL.revokeObjectURL(this.#address);
      this.#address = this.#picture = undefined;
      for (const element of [this.#image, this.#canvas, this.#bar]) element.hidden = true;
      this.#image.removeAttribute("src");
      this.#status.textContent = "";
      this.removeAttribute("aria-busy");
    }

    #begin(): void {
      this.#clear();
      this.setAttribute("aria-busy", "true");
      this.#bar.hidden = false;
      this.#bar.removeAttribute("value");
      this.#bar.setAttribute("aria-label", "Progress of the picture");
    }

    #show(event: ImageEvent): void {
      const [saying, share] = [sayingOf(event), shareOf(event)];
      if (saying !== undefined && saying !== this.#status.textContent) {
        this.#status.textContent = saying;
        this.#bar.setAttribute("aria-label", saying);
      }
      if (share !== undefined) this.#bar.value = share;
      if (event.event === "step" && event.preview) this.#preview(event.preview);
      this.dispatchEvent(new CustomEvent("progress", { detail: event }));
    }

    #preview({ width, height, data }: Pixels): void {
      Object.assign(this.#canvas, { width, height, hidden: false });
      this.#canvas.getContext("2d")?.putImageData(new ImageData(data, width, height), 0, 0);
    }

    #finish(picture: Picture): void {
      this.#clear();
      this.#picture = picture;
      this.#address = URL.createObjectURL(picture.png);
      const { width, height } = picture.blueprint;
      Object.assign(this.#image, { src: this.#address, alt: this.#alternative, width, height, hidden: false });
      this.dispatchEvent(new CustomEvent("picture", { detail: picture }));
    }

    #fail(error: unknown): void {
      this.#clear();
      this.#status.textContent = `The picture could not be made: ${messageOf(error)}`;
      this.dispatchEvent(new CustomEvent("error", { detail: error }));
    }
  }
  customElements.define("atelier-image", ImageElement);
}

// On a server there are none; and two copies of the package may meet.
if (typeof customElements !== "undefined" && !customElements.get("atelier-image")) define();
