/** What models need of this device's storage, what is there, and how to free it. */

import {
  AtelierError,
  isCached,
  removeStored,
  type StorageReport,
  type StoredModel,
  storageReport,
  storedModels,
} from "atelier-web";
import { byId, fillFacts, make } from "./dom";
import { bytes } from "./format";
import { onLanguage, t } from "./i18n";
import type { Chosen } from "./model";
import { SEALED } from "./seal";

export interface StorageActions {
  /** Lets go of what this page itself has open. */
  readonly release: () => void;
  readonly cleared: () => void;
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
    const hint = files ? t().storageFiles : t().storageHint;
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
        // The last folder of its address, as the page calls a model.
        const name = model.url?.split("/").at(-2) ?? t().storageOther;
        const size = model.complete ? bytes(model.bytes) : t().storagePart(bytes(model.bytes));
        const remove = make("button", {
          type: "button",
          className: "quiet",
          textContent: t().storageRemove,
          ariaLabel: t().storageRemoveOne(name),
          disabled: this.#inUse,
        });
        remove.addEventListener("click", () => void this.#remove(model));
        return make("li", { title: model.url ?? "" }, make("span", { textContent: `${name} · ${size}` }), remove);
      }),
    );
  }
}

async function canStore(): Promise<boolean> {
  try {
    await navigator.storage.getDirectory();
    return true;
  } catch {
    return false;
  }
}
