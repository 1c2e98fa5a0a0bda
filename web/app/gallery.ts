/**
 * The pictures at hand: this visit's and, where they are kept, those of earlier visits. A list shows small copies; of the
 * whole pictures only the one that is looked at has an address.
 */

import type { Blueprint, Picture, RunRecord } from "atelier-web";
import { byId, make } from "./dom";
import { list } from "./format";
import { onLanguage, t } from "./i18n";
import { forgetPicture, keepPicture, keeps, pictures, type StoredPicture } from "./keep";
import { SEALED } from "./seal";
import { shownTexts } from "./texts";

/** Pixels of a small copy's longer side: enough for the list on a dense screen. */
const THUMB = 320;

export class Entry {
  readonly png: Blob;
  readonly blueprint: Blueprint;
  readonly record: RunRecord;
  /** The pictures it started from, to paint it again. */
  readonly images: readonly Blob[];
  /** Its number, where it is kept in this browser. */
  id: number | undefined;
  thumb: Blob | undefined;
  /** Its user has saved it as a file. */
  saved = false;
  #url: string | undefined;

  constructor(picture: StoredPicture, id?: number) {
    this.png = picture.png;
    this.thumb = picture.thumb;
    this.blueprint = picture.blueprint;
    this.record = picture.record;
    this.images = picture.images;
    this.id = id;
  }

  /** An address of the whole picture, until `rest`. */
  get url(): string {
    return (this.#url ??= URL.createObjectURL(this.png));
  }

  rest(): void {
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = undefined;
  }

  get stored(): StoredPicture {
    const { png, thumb, blueprint, record, images } = this;
    return { png, thumb, blueprint, record, images };
  }
}

/** A picture on its way through the seal. */
export interface Carried {
  readonly picture: StoredPicture;
  readonly id: number | undefined;
  readonly saved: boolean;
}

/** What a picture has in the list. */
interface Item {
  readonly item: HTMLLIElement;
  readonly open: HTMLButtonElement;
  readonly remove: HTMLButtonElement;
  readonly url: string;
}

export class Gallery {
  readonly #section = byId("gallery", HTMLElement);
  readonly #list = byId("gallery-list", HTMLUListElement);
  readonly #show: (entry: Entry | undefined) => void;
  /** The latest first. */
  #entries: Entry[] = [];
  readonly #items = new Map<Entry, Item>();
  #shown: Entry | undefined;
  /** The picture that was shown before that one. */
  #before: Entry | undefined;

  /** `show` is called with the picture to be looked at, and with nothing when the last is gone. */
  constructor(show: (entry: Entry | undefined) => void) {
    this.#show = show;
    byId("gallery-clear", HTMLButtonElement).addEventListener("click", () => this.#remove(this.#entries));
    onLanguage(() => this.#relabel());
  }

  /** A picture that was just made. */
  async add({ png, blueprint, record }: Picture, images: readonly Blob[]): Promise<void> {
    const entry = new Entry({ png, thumb: undefined, blueprint, record, images });
    this.#entries.unshift(entry);
    this.#select(entry);
    entry.thumb = await smallCopy(png);
    if (!this.#entries.includes(entry)) return;
    this.#list.prepend(this.#itemOf(entry).item);
    this.#label(entry);
    this.#headline();
    entry.id = await keepPicture(entry.stored);
    // It was removed while it was being kept.
    if (entry.id !== undefined && !this.#entries.includes(entry)) await forgetPicture(entry.id);
  }

  /** The pictures of earlier visits, behind those of this one. */
  async recall(): Promise<void> {
    const kept = await pictures();
    this.#append([...kept].reverse().map(({ id, ...picture }) => new Entry(picture, id)));
  }

  /** The user wants pictures kept from now on, or nothing at all. */
  async keepingChanged(): Promise<void> {
    for (const entry of [...this.#entries].reverse()) {
      entry.id = keeps() ? (entry.id ?? (await keepPicture(entry.stored))) : undefined;
    }
    this.#relabel();
  }

  /** What the tab carried through the seal. */
  take(carried: readonly Carried[]): void {
    // What is kept comes from there where it can be read; a sealed tab reads nothing.
    const wanted = carried.filter(({ id }) => SEALED || id === undefined);
    this.#append(
      wanted.map(({ picture, id, saved }) => {
        const entry = new Entry(picture, id);
        entry.saved = saved;
        return entry;
      }),
    );
  }

  /** Everything, to be carried. */
  get all(): readonly Carried[] {
    return this.#entries.map(({ stored, id, saved }) => ({ picture: stored, id, saved }));
  }

  /** Pictures that would be lost with the tab. */
  get unsaved(): boolean {
    return this.#entries.some((entry) => entry.id === undefined && !entry.saved);
  }

  /** The picture that is on the sheet, or was before a run began. */
  get shown(): Entry | undefined {
    return this.#shown;
  }

  /** The picture that was looked at before this one, or the next older one. */
  get before(): Entry | undefined {
    const others = this.#entries.filter((entry) => entry !== this.#shown);
    return others.find((entry) => entry === this.#before) ?? others[0];
  }

  #append(entries: readonly Entry[]): void {
    this.#entries.push(...entries);
    this.#list.append(...entries.map((entry) => this.#itemOf(entry).item));
    this.#relabel();
  }

  #select(entry: Entry | undefined): void {
    const before = this.#shown;
    if (before !== entry) {
      before?.rest();
      this.#before = before;
    }
    this.#shown = entry;
    this.#show(entry);
    for (const changed of [before, entry]) if (changed) this.#label(changed);
    this.#headline();
  }

  #remove(gone: readonly Entry[]): void {
    const all = new Set(gone);
    this.#entries = this.#entries.filter((entry) => !all.has(entry));
    for (const entry of all) {
      entry.rest();
      const known = this.#items.get(entry);
      if (known) URL.revokeObjectURL(known.url);
      known?.item.remove();
      this.#items.delete(entry);
      if (entry.id !== undefined) void forgetPicture(entry.id);
    }
    if (this.#shown && all.has(this.#shown)) this.#select(this.#entries[0]);
    else this.#headline();
    if (this.#entries.length === 0) byId("prompt", HTMLTextAreaElement).focus();
    else this.#list.querySelector("button")?.focus();
  }

  #itemOf(entry: Entry): Item {
    const known = this.#items.get(entry);
    if (known) return known;
    const url = URL.createObjectURL(entry.thumb ?? entry.png);
    const image = make("img", { src: url, alt: "", loading: "lazy", decoding: "async" });
    const open = make("button", { type: "button", className: "thumb" }, image);
    const remove = make("button", { type: "button", className: "remove", textContent: "×" });
    open.addEventListener("click", () => {
      this.#select(entry);
      byId("sheet", HTMLElement).scrollIntoView({ block: "nearest" });
    });
    remove.addEventListener("click", () => this.#remove([entry]));
    const made = { item: make("li", {}, open, remove), open, remove, url };
    this.#items.set(entry, made);
    return made;
  }

  /** Everything that depends on the language; no picture is loaded anew. */
  #relabel(): void {
    this.#headline();
    for (const entry of this.#entries) this.#label(entry);
  }

  #headline(): void {
    this.#section.hidden = this.#entries.length === 0;
    byId("gallery-hint", HTMLElement).textContent = keeps() ? t().galleryHintKept : t().galleryHint;
  }

  /** What of one picture depends on the language or on which is shown: of hundreds, two change with a click. */
  #label(entry: Entry): void {
    const known = this.#items.get(entry);
    if (!known) return;
    const { prompt } = entry.blueprint;
    const { seed } = entry.record.paint;
    const texts = shownTexts(prompt);
    // What a picture says tells it from others sooner than a long prompt.
    const name = list((texts.length > 0 ? texts : [prompt]).map(t().quoted));
    known.open.ariaLabel = t().galleryShow(name, seed);
    known.open.title = prompt;
    known.remove.ariaLabel = t().galleryRemove(name, seed);
    known.open.ariaCurrent = entry === this.#shown ? "true" : null;
  }
}

/** A small copy for the list; undefined where the browser can make none. */
async function smallCopy(png: Blob): Promise<Blob | undefined> {
  try {
    const whole = await createImageBitmap(png);
    const scale = Math.min(1, THUMB / Math.max(whole.width, whole.height));
    const [width, height] = [whole.width, whole.height].map((side) => Math.max(1, Math.round(side * scale)));
    const canvas = new OffscreenCanvas(width ?? 1, height ?? 1);
    const context = canvas.getContext("2d");
    if (context) context.imageSmoothingQuality = "high";
    context?.drawImage(whole, 0, 0, canvas.width, canvas.height);
    whole.close();
    return await canvas.convertToBlob({ type: "image/webp", quality: 0.85 });
  } catch {
    return undefined;
  }
}
