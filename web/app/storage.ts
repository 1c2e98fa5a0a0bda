/** What models need of this device's storage, what is there, and how to free it. */

import {
  AtelierError,
  checkStored,
  isCached,
  removeStored,
  type StorageReport,
  type StoredModel,
  storageReport,
  storedModels,
} from "atelier-web";
import { byId, fillFacts, make } from "./dom";
import { bytes, percent } from "./format";
import { onLanguage, t } from "./i18n";
import type { Chosen } from "./model";
import { SEALED } from "./seal";

export interface StorageActions {
  /** Lets go of what this page itself has open. */
  readonly release: () => void;
  readonly cleared: () => void;
  /** All files of a model were compared with their hashes; so many are damaged. */
  readonly checked: (name: string, damaged: number) => void;
  readonly failed: (error: unknown) => void;
  /** The server has a newer version of the model, and so of the page. */
  readonly outdated: () => void;
}

export class Storage {
  readonly #list = byId("stored", HTMLUListElement);
  readonly #actions: StorageActions;
  #chosen: Chosen | undefined;
  #report: StorageReport | undefined;
  #models: readonly StoredModel[] = [];
  #complete = false;
  /** False in a window that can store nothing, such as some private ones. */
  #stores = true;
  /** Whether the browser has promised to keep what is stored when room gets short. */
  #lasting = true;
  #inUse = false;

  constructor(actions: StorageActions) {
    this.#actions = actions;
    onLanguage(() => this.#render());
  }

  /** Looks again, for this model. Gives true when all of it is on this device. */
  async look(chosen: Chosen | undefined): Promise<boolean> {
    this.#chosen = chosen;
    this.#report = undefined;
    this.#complete = false;
    this.#stores = await canStore();
    this.#models = await storedModels().catch(() => []);
    this.#lasting = await navigator.storage.persisted().catch(() => true);
    if (chosen && "url" in chosen.source) {
      const complete = await isCached(chosen.source).catch(() => false);
      // A server that cannot be asked now is a message when a picture is wanted, not here.
      const offline = SEALED || !navigator.onLine;
      const report = await storageReport(chosen.source, { offline }).catch((error: unknown) => {
        if (error instanceof AtelierError && error.code === "other-version") this.#actions.outdated();
        return undefined;
      });
      // Another model may have been chosen in the meantime.
      if (this.#chosen === chosen) [this.#complete, this.#report] = [complete, report];
    }
    this.#render();
    return this.#complete;
  }

  /** While a picture is made nothing is removed. */
  setInUse(inUse: boolean): void {
    this.#inUse = inUse;
    this.#render();
  }

  /** Hashes all of a model now; without that, what was checked once is checked again when it was changed. */
  async #check(model: StoredModel, button: HTMLButtonElement): Promise<void> {
    button.disabled = true;
    const progress = (done: number, total: number) => {
      button.textContent = t().storageChecking(percent(total > 0 ? done / total : 1));
    };
    try {
      const damaged = await checkStored(model, { progress });
      this.#actions.checked(nameOf(model), damaged.length);
    } catch (error) {
      this.#actions.failed(error);
    } finally {
      button.textContent = t().storageCheck;
      button.disabled = this.#inUse;
    }
  }

  async #remove(model: StoredModel): Promise<void> {
    this.#actions.release();
    try {
      await removeStored(model);
      await this.look(this.#chosen);
      this.#actions.cleared();
    } catch (error) {
      this.#actions.failed(error);
    }
  }

  #render(): void {
    const ready = byId("ready", HTMLElement);
    const files = this.#chosen !== undefined && "files" in this.#chosen.source;
    const fleeting = this.#lasting || this.#models.length === 0 ? "" : ` ${t().storageFleeting}`;
    const hint = files ? t().storageFiles : t().storageHint + fleeting;
    byId("storage-hint", HTMLElement).textContent = this.#stores ? hint : t().storageNone;
    const report = this.#report;
    fillFacts(byId("storage-facts", HTMLElement), [
      [t().storageNeeded, report?.needed ? bytes(report.needed) : undefined],
      [t().storageCached, report && bytes(report.cached)],
      [t().storageRoom, report && (report.available === undefined ? t().storageUnknown : bytes(report.available))],
    ]);
    this.#renderModels();
    const name = this.#chosen?.name ?? "";
    if (files) ready.textContent = t().readyFiles(name);
    else if (this.#complete) ready.textContent = t().readyCached(name);
    else if (report?.needed && !this.#stores) {
      ready.textContent = t().readyStream(name, bytes(report.needed));
    } else if (report?.needed) {
      const room = report.available === undefined ? "" : t().readyRoom(bytes(report.available));
      ready.textContent = t().readyFetch(name, bytes(report.needed - report.cached), room);
    } else ready.textContent = "";
  }

  #renderModels(): void {
    this.#list.replaceChildren(
      ...this.#models.map((model) => {
        const name = nameOf(model);
        const size = model.complete ? bytes(model.bytes) : t().storagePart(bytes(model.bytes));
        const remove = make("button", {
          type: "button",
          className: "quiet",
          textContent: t().storageRemove,
          ariaLabel: t().storageRemoveOne(name),
          disabled: this.#inUse,
        });
        remove.addEventListener("click", () => void this.#remove(model));
        const check = make("button", {
          type: "button",
          className: "quiet",
          textContent: t().storageCheck,
          ariaLabel: t().storageCheckOne(name),
          disabled: this.#inUse,
          hidden: !model.hashed,
        });
        check.addEventListener("click", () => void this.#check(model, check));
        return make(
          "li",
          { title: model.url ?? "" },
          make("span", { textContent: `${name} · ${size}` }),
          check,
          remove,
        );
      }),
    );
  }
}

/** The last folder of a model's address, as the page calls it. */
function nameOf(model: StoredModel): string {
  return model.url?.split("/").at(-2) ?? t().storageOther;
}

/** Whether this window stores anything. Some that cannot say so only when something is looked for. */
async function canStore(): Promise<boolean> {
  try {
    await (await navigator.storage.getDirectory()).getDirectoryHandle("atelier");
    return true;
  } catch (error) {
    return error instanceof DOMException && error.name === "NotFoundError";
  }
}
