/** What the model needs of this device's storage, what is there, and how to free it. */

import { clearCache, type StorageReport, storageReport } from "atelier-web";
import { byId, fillFacts } from "./dom";
import { bytes } from "./format";
import { onLanguage, t } from "./i18n";
import type { Chosen } from "./model";
import { SEALED } from "./shell";

export interface StorageActions {
  /** Lets go of what this page itself has open. */
  readonly release: () => void;
  readonly cleared: () => void;
  readonly failed: (error: unknown) => void;
}

export class Storage {
  readonly #clear = byId("clear-cache", HTMLButtonElement);
  #chosen: Chosen | undefined;
  #report: StorageReport | undefined;
  #inUse = false;

  constructor(actions: StorageActions) {
    this.#clear.addEventListener("click", async () => {
      const source = this.#chosen?.source;
      actions.release();
      try {
        await clearCache(source && "url" in source ? source : undefined);
        await this.look(this.#chosen);
        actions.cleared();
      } catch (error) {
        actions.failed(error);
      }
    });
    onLanguage(() => this.#render());
  }

  /** Looks again, for this model. Gives true when all of it is on this device. */
  async look(chosen: Chosen | undefined): Promise<boolean> {
    this.#chosen = chosen;
    this.#report = undefined;
    if (chosen && "url" in chosen.source) {
      // A server that cannot be asked now is a message when a picture is wanted, not here.
      const offline = SEALED || !navigator.onLine;
      const report = await storageReport(chosen.source, { offline }).catch(() => undefined);
      // Another model may have been chosen in the meantime.
      if (this.#chosen === chosen) this.#report = report;
    }
    this.#render();
    return this.#complete();
  }

  /** While a picture is made nothing is removed. */
  setInUse(inUse: boolean): void {
    this.#inUse = inUse;
    this.#render();
  }

  #complete(): boolean {
    const report = this.#report;
    return report !== undefined && report.needed > 0 && report.cached >= report.needed;
  }

  #render(): void {
    const ready = byId("ready", HTMLElement);
    const files = this.#chosen !== undefined && "files" in this.#chosen.source;
    byId("storage-hint", HTMLElement).textContent = files ? t().storageFiles : t().storageHint;
    const report = this.#report;
    this.#clear.disabled = this.#inUse || !report?.cached;
    fillFacts(byId("storage-facts", HTMLElement), [
      [t().storageNeeded, report?.needed ? bytes(report.needed) : undefined],
      [t().storageCached, report && bytes(report.cached)],
      [t().storageRoom, report && (report.available === undefined ? t().storageUnknown : bytes(report.available))],
    ]);
    const name = this.#chosen?.name ?? "";
    if (files) ready.textContent = t().readyFiles(name);
    else if (this.#complete()) ready.textContent = t().readyCached(name);
    else if (report?.needed) {
      const room = report.available === undefined ? "" : t().readyRoom(bytes(report.available));
      ready.textContent = t().readyFetch(name, bytes(report.needed - report.cached), room);
    } else ready.textContent = "";
  }
}
