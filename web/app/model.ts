/** Which model paints: the built-in one, a folder on this server, or files of the user's. */

import { filesFromPicker, type ModelInfo, type ModelSource } from "atelier-web";
import { byId, fillFacts } from "./dom";
import { bytes } from "./format";
import { onLanguage, t } from "./i18n";

/** The model that the user chose. */
export interface Chosen {
  readonly source: ModelSource;
  /** As the page calls it. */
  readonly name: string;
}

const BUILT_IN = new URL("models/mini/", document.baseURI);

export class ModelChoice {
  readonly #url = byId("model-url", HTMLInputElement);
  readonly #error = byId("model-error", HTMLElement);
  readonly #changed: () => void;
  #files: { map: ReadonlyMap<string, Blob>; name: string } | undefined;
  #problem: (() => string) | undefined;
  #info: ModelInfo | undefined;
  /** The same object as long as the choice is the same, so that an open engine is found again. */
  #chosen: Chosen | undefined = { source: { url: BUILT_IN }, name: "mini" };

  /** `changed` runs whenever another model is chosen. */
  constructor(changed: () => void) {
    this.#changed = changed;
    for (const radio of this.#radios()) radio.addEventListener("change", () => this.#choose());
    this.#url.addEventListener("change", () => this.#choose());
    for (const [button, input] of [
      ["pick-folder", "folder-input"],
      ["pick-files", "files-input"],
    ] as const) {
      const files = byId(input, HTMLInputElement);
      byId(button, HTMLButtonElement).addEventListener("click", () => files.click());
      files.addEventListener("change", () => {
        if (files.files?.length) this.useFiles(filesFromPicker(files.files), folderName(files.files));
        files.value = "";
      });
    }
    onLanguage(() => this.#render());
  }

  /** The choice, or undefined with the problem shown. */
  read(): Chosen | undefined {
    if (!this.#chosen) {
      this.#problem ??= () => t().modelNeeded;
      this.#render();
      byId("model", HTMLElement).scrollIntoView({ block: "nearest" });
      byId("model", HTMLElement).querySelector<HTMLElement>("button:not([hidden]), input[type=url]")?.focus();
    }
    return this.#chosen;
  }

  get chosen(): Chosen | undefined {
    return this.#chosen;
  }

  /** Files that were picked or dropped become the model. */
  useFiles(map: ReadonlyMap<string, Blob>, name: string): void {
    this.#files = { map, name };
    for (const radio of this.#radios()) radio.checked = radio.value === "files";
    this.#choose();
  }

  /** What is known of the model, once it is open. */
  get info(): ModelInfo | undefined {
    return this.#info;
  }

  setInfo(info: ModelInfo): void {
    this.#info = info;
    this.#render();
  }

  #choose(): void {
    this.#info = undefined;
    this.#problem = undefined;
    this.#chosen = this.#take();
    this.#render();
    this.#changed();
  }

  #take(): Chosen | undefined {
    const kind = this.#kind();
    if (kind === "mini") return { source: { url: BUILT_IN }, name: "mini" };
    if (kind === "files") {
      if (!this.#files) return undefined;
      const { map, name } = this.#files;
      if (map.has("pack.json") || map.has("model_index.json")) return { source: { files: map }, name };
      this.#problem = () => t().modelNoIndex;
      return undefined;
    }
    const text = this.#url.value.trim();
    if (text === "") return undefined;
    // A folder, whether or not it was written with a slash at its end.
    const url = URL.canParse(text, document.baseURI) ? new URL(text.replace(/\/*$/, "/"), document.baseURI) : undefined;
    if (url?.origin === location.origin) return { source: { url }, name: url.pathname.split("/").at(-2) || url.host };
    this.#problem = () => t().modelElsewhere;
    return undefined;
  }

  #kind(): string {
    return [...this.#radios()].find((radio) => radio.checked)?.value ?? "mini";
  }

  #radios(): NodeListOf<HTMLInputElement> {
    return document.querySelectorAll<HTMLInputElement>("input[name=model]");
  }

  #render(): void {
    const kind = this.#kind();
    byId("model-url-field", HTMLElement).hidden = kind !== "url";
    byId("model-files-field", HTMLElement).hidden = kind !== "files";
    this.#error.hidden = !this.#problem;
    this.#error.textContent = this.#problem?.() ?? "";
    const files = this.#files;
    const size = files ? [...files.map.values()].reduce((sum, file) => sum + file.size, 0) : 0;
    byId("picked", HTMLElement).textContent = files ? t().modelPicked(files.name, files.map.size, bytes(size)) : "";
    const adapter = this.#info?.adapter;
    // Browsers may keep the name to themselves.
    const graphics = [adapter?.name, adapter?.kind === "software" && t().software].filter(Boolean).join(", ");
    fillFacts(byId("model-facts", HTMLElement), [
      [t().factModel, this.#info && bytes(this.#info.bytes)],
      [t().factCodes, this.#info && String(this.#info.codes)],
      [t().factAdapter, graphics || undefined],
    ]);
  }
}

/** What to call the files: their folder, where they came as one. */
function folderName(files: FileList): string {
  return files[0]?.webkitRelativePath.split("/")[0] || t().modelFilesName;
}
