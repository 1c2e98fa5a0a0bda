/** The stages of a run with their progress and times: bars and figures for the eye, a few sentences for the ear. */

import type { GenerateEvent, OpenEvent, Picture, Stage } from "atelier-web";
import { byId, make } from "./dom";
import { bytes, duration, percent, rate } from "./format";
import { onLanguage, t } from "./i18n";

type Step = "model" | Stage;
type RunEvent = OpenEvent | GenerateEvent;

/** What one stage has done. */
interface Progress {
  /** Of its work, 0 to 1; of its loading while `loading`. */
  share: number;
  loading: boolean;
  begun?: number;
  ended?: number;
  /** When its real work began, to tell a rate. */
  first?: { time: number; done: number };
  rate?: () => string;
}

/** The elements of one stage. */
type Row = Readonly<Record<"item" | "name" | "bar" | "fill" | "time" | "speed", HTMLElement>>;

const NAMES: Readonly<Record<Step, () => string>> = {
  model: () => t().stageModel,
  sources: () => t().stageSources,
  architect: () => t().stageArchitect,
  painter: () => t().stagePainter,
  decoder: () => t().stageDecoder,
};

/** Milliseconds between two looks at a run: fast enough for the eye, and a fast adapter's codes do not each cost a layout. */
const GLANCE = 100;

export class Stages {
  readonly #box = byId("progress", HTMLElement);
  readonly #list = byId("stages", HTMLOListElement);
  readonly #detail = byId("detail", HTMLElement);
  readonly #status = byId("status", HTMLElement);
  #steps = new Map<Step, Progress>();
  readonly #rows = new Map<Step, Row>();
  #current: Step | undefined;
  #sentence = () => "";
  #left: number | undefined;
  #saidQuarter = 0;
  #clock: ReturnType<typeof setInterval> | undefined;

  constructor() {
    onLanguage(() => this.#render());
  }

  /** A run begins that has these stages. */
  begin(steps: readonly Step[]): void {
    this.#steps = new Map(steps.map((step) => [step, { share: 0, loading: true }]));
    this.#rows.clear();
    this.#list.replaceChildren();
    this.#list.hidden = false;
    this.#current = undefined;
    this.#left = undefined;
    this.#box.hidden = false;
    this.#sentence = () => t().starting;
    this.#enter(steps[0] ?? "model");
    this.#render();
    clearInterval(this.#clock);
    // A timer and not the display's frames: a hidden tab has none.
    this.#clock = setInterval(() => this.#render(), GLANCE);
  }

  /** One event of the run, which the next glance will show. */
  event(event: RunEvent): void {
    switch (event.event) {
      case "download":
        // A model that is on this device is reported once more, complete.
        if (event.bytes >= event.total && !this.#steps.has("model")) break;
        this.#work("model", event.bytes, event.total, () => t().fetching(bytes(event.bytes), bytes(event.total)));
        break;
      case "verify":
      case "load": {
        const share = event.bytes / Math.max(event.total, 1);
        const sentence = event.event === "load" ? () => t().loading : () => t().verifying;
        this.#loading(event.stage, share, () => sentence()(NAMES[event.stage](), percent(share)));
        break;
      }
      case "blueprint-token": {
        const [done, all] = [event.index + 1, event.size.rows * event.size.columns];
        const sentence = () => (event.grid === "draft" ? t().writingDraft(done, all) : t().writingLarge(done, all));
        this.#work("architect", event.token, event.tokens, sentence);
        break;
      }
      case "step":
        this.#work("painter", event.step, event.steps, () => t().painting(event.step, event.steps));
        break;
      case "decode":
        this.#work("decoder", 1, 1, () => t().decoding);
        break;
      case "retry":
        this.#sentence = () => t().retrying;
        this.say(t().retrying);
        break;
      case "warning":
      case "blueprint":
      case "done":
        break;
    }
  }

  /** The run is over: with its times, or with a sentence where there is no picture. */
  end(picture: Picture | undefined, total: number, sentence?: () => string): void {
    clearInterval(this.#clock);
    document.title = t().title;
    this.#left = undefined;
    const now = performance.now();
    for (const [step, progress] of this.#steps) {
      const time = step === "model" ? undefined : picture?.timings[step];
      if (picture) progress.share = 1;
      progress.loading = false;
      if (progress.begun !== undefined) progress.ended ??= now;
      if (time !== undefined) [progress.begun, progress.ended] = [0, time];
    }
    this.#current = undefined;
    this.#list.hidden = true;
    const steps = [...this.#steps].flatMap(([step, { begun, ended }]) =>
      begun === undefined || ended === undefined ? [] : [[step, ended - begun] as const],
    );
    const each = () => steps.map(([step, time]) => `${NAMES[step]()} ${duration(time)}`).join(" · ");
    this.#sentence = sentence ?? (() => `${t().done(duration(total))} ${each()}`);
    this.say(sentence?.() ?? t().done(duration(total)));
    this.#render();
  }

  hide(): void {
    clearInterval(this.#clock);
    document.title = t().title;
    this.#box.hidden = true;
  }

  /** Shows a sentence in place of the detail, such as that the run is being stopped. */
  note(sentence: () => string): void {
    this.#sentence = sentence;
    this.#left = undefined;
    this.say(sentence());
    this.#render();
  }

  /** For screen readers: told once, when they have time. */
  say(sentence: string): void {
    this.#status.textContent = sentence;
  }

  #enter(step: Step): Progress {
    const now = performance.now();
    if (this.#current !== step) {
      const before = this.#current && this.#steps.get(this.#current);
      if (before) before.ended = now;
      this.#current = step;
      this.#left = undefined;
      this.#saidQuarter = 0;
      if (step === "architect") this.say(t().saidArchitect);
      if (step === "painter") this.say(t().saidPainter);
    }
    let progress = this.#steps.get(step);
    if (!progress) this.#steps.set(step, (progress = { share: 0, loading: true }));
    progress.begun ??= now;
    delete progress.ended;
    return progress;
  }

  #loading(step: Step, share: number, sentence: () => string): void {
    Object.assign(this.#enter(step), { share, loading: true });
    this.#sentence = sentence;
  }

  #work(step: Step, done: number, all: number, sentence: () => string): void {
    const progress = this.#enter(step);
    const now = performance.now();
    this.#sentence = sentence;
    progress.share = done / Math.max(all, 1);
    progress.loading = false;
    // After a lost device the count begins again.
    if (!progress.first || done < progress.first.done) progress.first = { time: now, done };
    const [passed, worked] = [now - progress.first.time, done - progress.first.done];
    if (worked > 0 && passed > 0) {
      this.#left = ((all - done) * passed) / worked;
      if (step === "architect") progress.rate = () => t().tokenRate(rate((worked * 1000) / passed));
      if (step === "painter") progress.rate = () => t().stepRate(rate(passed / 1000 / worked));
    }
    const quarter = Math.floor(progress.share * 4);
    if (quarter > this.#saidQuarter && quarter < 4) this.say(t().saidShare(NAMES[step](), percent(quarter / 4)));
    this.#saidQuarter = Math.max(quarter, this.#saidQuarter);
  }

  #render(): void {
    const now = performance.now();
    // Less than a few seconds need no forecast.
    const left =
      this.#left !== undefined && this.#left > 3000
        ? ` · ${t().left(duration(Math.ceil(this.#left / 1000) * 1000))}`
        : "";
    write(this.#detail, this.#sentence() + left);
    const current = this.#current && this.#steps.get(this.#current);
    // How far it is, for whoever looks at another tab.
    if (this.#current && current) document.title = `${percent(current.share)} ${NAMES[this.#current]()} · Atelier`;
    for (const [step, progress] of this.#steps) {
      const { item, name, bar, fill, time, speed } = this.#row(step);
      const { share, loading, begun, ended } = progress;
      item.classList.toggle("current", step === this.#current);
      item.classList.toggle("loading", loading);
      write(name, NAMES[step]());
      bar.ariaLabel = NAMES[step]();
      bar.ariaValueNow = String(Math.round(share * 100));
      fill.style.transform = `scaleX(${share})`;
      write(time, begun === undefined ? "" : duration((ended ?? now) - begun));
      write(speed, progress.rate?.() ?? "");
    }
  }

  /** The stage's row in the list, which is made when it is first asked for. */
  #row(step: Step): Row {
    const known = this.#rows.get(step);
    if (known) return known;
    const fill = make("span");
    const row = {
      item: make("li"),
      name: make("span", { className: "name" }),
      bar: make("span", { className: "bar", role: "progressbar", ariaValueMin: "0", ariaValueMax: "100" }, fill),
      fill,
      time: make("span", { className: "time" }),
      speed: make("span", { className: "speed" }),
    };
    row.item.dataset["stage"] = step;
    row.item.append(row.name, row.bar, row.time, row.speed);
    this.#list.append(row.item);
    this.#rows.set(step, row);
    return row;
  }
}

/** Puts a text where it is not yet: the same text once more would be laid out anew. */
function write(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
