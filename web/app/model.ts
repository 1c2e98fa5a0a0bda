/** Which model paints: the built-in one, a folder on this server, or files of the user's. */

import { filesFromHandle, filesFromPicker, type ModelInfo, type ModelSource } from "atelier-web";
import { byId, fillFacts } from "./dom";
import { enclosedFolder, SINGLE } from "./enclosed";
import { bytes } from "./format";
import { onLanguage, t } from "./i18n";
import { keepFolder, keeps, keptFolder, recall, remember } from "./keep";

/** The model that the user chose. */
export interface Chosen {
  readonly source: ModelSource;
  /** As the page calls it. */
  readonly name: string;
}

/** The built-in model, in the version that this page was built with: a page of yesterday never meets a model of today. */
export const BUILT_IN: ModelSource = SINGLE
  ? { files: await enclosedFolder("models/mini/"), remember: false }
  : { url: new URL("models/mini/", document.baseURI), manifest: __MINI__ };

/** The folder's handle where the browser has such; Chromium alone, so that types of pages do not know it. */
interface Handle extends FileSystemDirectoryHandle {
  queryPermission(wanted: { mode: "read" }): Promise<PermissionState>;
  requestPermission(wanted: { mode: "read" }): Promise<PermissionState>;
}
type Picker = (options: { id: string; mode: "read" }) => Promise<Handle>;
const { showDirectoryPicker } = globalThis as { readonly showDirectoryPicker?: Picker };

export class ModelChoice {
  readonly #url = byId("model-url", HTMLInputElement);
  readonly #error = byId("model-error", HTMLElement);
  readonly #changed: () => void;
  #files: { map: ReadonlyMap<string, Blob>; name: string } | undefined;
  #problem: (() => string) | undefined;
  #info: ModelInfo | undefined;
  /** The same object as long as the choice is the same, so that an open engine is found again. */
  #chosen: Chosen | undefined = { source: BUILT_IN, name: "mini" };
  /** A folder of an earlier visit that the user has to allow once more. */
  #before: Handle | undefined;

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
      byId(button, HTMLButtonElement).addEventListener("click", () => {
        if (button === "pick-folder" && showDirectoryPicker) void this.#pick(showDirectoryPicker);
        else files.click();
      });
      files.addEventListener("change", () => {
        if (files.files?.length) this.useFiles(filesFromPicker(files.files), folderName(files.files));
        files.value = "";
      });
    }
    byId("pick-again", HTMLButtonElement).addEventListener("click", () => void this.#again());
    onLanguage(() => this.#render());
  }

  /** Takes up the choice of an earlier visit. */
  async recall(): Promise<void> {
    const { kind, url } = Object(recall("atelier-model")) as { readonly kind?: unknown; readonly url?: unknown };
    const radio = [...this.#radios()].find((radio) => radio.value === kind);
    if (!radio || radio.value === "mini") return;
    radio.checked = true;
    if (typeof url === "string") this.#url.value = url.slice(0, 4096);
    this.#choose();
    if (kind !== "files") return;
    this.#before = (await keptFolder()) as Handle | undefined;
    const permission = await this.#before?.queryPermission({ mode: "read" }).catch(() => "denied");
    // Something else may have been chosen in the meantime.
    if (permission === "granted" && radio.checked && !this.#files) await this.#again();
    this.#render();
  }

  /** A folder that stays where it is and can be seen again at the next visit. */
  async #pick(picker: Picker): Promise<void> {
    // Closing the dialog is an answer, too.
    const handle = await picker({ id: "model", mode: "read" }).catch(() => undefined);
    if (!handle) return;
    // Before it is shown: what is shown is found again.
    await keepFolder(handle);
    await this.#useFolder(handle);
  }

  async #again(): Promise<void> {
    const handle = this.#before;
    if (handle && (await handle.requestPermission({ mode: "read" }).catch(() => "denied")) === "granted") {
      await this.#useFolder(handle);
    }
  }

  async #useFolder(handle: Handle): Promise<void> {
    try {
      this.useFiles(await filesFromHandle(handle), handle.name);
      this.#before = undefined;
    } catch {
      // It was moved or removed since.
      this.#problem = () => t().modelFolderGone(handle.name);
    }
    this.#render();
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
    remember("atelier-model", { kind: this.#kind(), url: this.#url.value });
    this.#render();
    this.#changed();
  }

  #take(): Chosen | undefined {
    const kind = this.#kind();
    if (kind === "mini") return { source: BUILT_IN, name: "mini" };
    if (kind === "files") {
      if (!this.#files) return undefined;
      const { map, name } = this.#files;
      if (map.has("pack.json") || map.has("model_index.json"))
        return { source: { files: map, remember: keeps() }, name };
      // In the cache of Hugging Face files are links, and browsers leave links out.
      const links = map.size === 0 || [...map.keys()].some((path) => /(^|\/)(blobs|refs|snapshots)\//.test(path));
      this.#problem = () => (links ? `${t().modelNoIndex} ${t().modelLinks}` : t().modelNoIndex);
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
    byId("pick-again", HTMLElement).hidden = !this.#before || this.#files !== undefined;
    byId("pick-again", HTMLElement).textContent = this.#before ? t().pickAgain(this.#before.name) : "";
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
