/** While a picture is made, the screen stays on; before work is lost with the tab, the user is asked. */

/** The part of the screen's lock that is used. */
type Lock = { release(): Promise<void> };

export class Awake {
  readonly #unsaved: () => boolean;
  #running = false;
  #leaving = false;
  #lock: Promise<Lock | undefined> | undefined;

  /** `unsaved`: whether there are pictures that would be lost. */
  constructor(unsaved: () => boolean) {
    this.#unsaved = unsaved;
    addEventListener("beforeunload", (event) => {
      if (this.#running || (!this.#leaving && this.#unsaved())) event.preventDefault();
    });
    // The browser takes the lock away from a tab that is not seen.
    document.addEventListener("visibilitychange", () => {
      if (this.#running && document.visibilityState === "visible") this.#hold();
    });
  }

  set running(running: boolean) {
    this.#running = running;
    if (running) this.#hold();
    else this.#release();
  }

  /** The page goes somewhere with the pictures. */
  leaving(): void {
    this.#leaving = true;
  }

  #release(): void {
    void this.#lock?.then((lock) => lock?.release());
    this.#lock = undefined;
  }

  #hold(): void {
    this.#release();
    // Not every browser has it, and a low battery may refuse it.
    const { wakeLock } = navigator as { readonly wakeLock?: { request(type: "screen"): Promise<Lock> } };
    this.#lock = wakeLock?.request("screen").catch(() => undefined);
  }
}
