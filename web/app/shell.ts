/** The page's own files on this device: the service worker that keeps them, and the sealed page that runs from them. */

import { byId } from "./dom";
import { enclosed, SINGLE } from "./enclosed";
import { onLanguage, t } from "./i18n";
import { SEALED } from "./seal";

const FORM = "atelier-form";
/** Under this the service worker has what the tab carries through the seal. */
const CARRIED = "atelier-carried";

/** Milliseconds that the service worker gets to take or give what is carried. */
const PATIENCE = 5000;

/** Milliseconds between two looks for a new version, in a tab that stays open. */
const LOOKED = 3_600_000;

/** The service worker is there. */
let kept = false;

/** A file of the page, as the service worker has kept it, or as the page itself has it. */
export async function cachedShellFile(url: string): Promise<Response | Blob | undefined> {
  if (SINGLE) return enclosed(url.split("/").at(-1) ?? "");
  return caches.match(new URL(url, document.baseURI));
}

/**
 * Keeps the page's files on this device. A sealed page was loaded from there and asks for nothing new. `ready` hears of a
 * new version that waits for this page to be loaded anew.
 */
export async function keepShell(ready: () => void): Promise<void> {
  if (SEALED || !("serviceWorker" in navigator) || !window.isSecureContext) return;
  try {
    const registration = await navigator.serviceWorker.register("./sw.js");
    // Whoever visits for the first time has the newest version.
    const look = () => {
      if (registration.waiting && navigator.serviceWorker.controller) ready();
    };
    look();
    registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", look));
    // A server that does not answer has no new version.
    const update = () => void registration.update().catch(() => {});
    setInterval(update, LOOKED);
    await navigator.serviceWorker.ready;
    kept = true;
  } catch {
    // Private windows may refuse. The page works all the same, but not offline.
  }
}

/** Loads the page anew, in its new version, once all of that is on this device. */
export async function takeNewVersion(): Promise<void> {
  const registration = await navigator.serviceWorker.getRegistration();
  await registration?.update().catch(() => {});
  const next = registration?.waiting ?? registration?.installing;
  if (!next) return location.reload();
  navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
  const take = () => {
    if (next.state === "installed") next.postMessage({ type: "take-over" });
    // It was not complete after all.
    else if (next.state === "redundant") location.reload();
  };
  take();
  next.addEventListener("statechange", take);
}

/** `carry` gives what goes with the user through the seal, beside what was typed. */
export function showSeal(carry: () => unknown): void {
  byId("sealed-mark", HTMLElement).hidden = !SEALED;
  const link = byId("seal", HTMLAnchorElement);
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    keepForm();
    await carryAway(carry()).catch(() => {});
    location.assign(link.href);
  });
  if (!SEALED) return;
  link.href = "./";
  // A page that came alone has nowhere to go back to.
  link.hidden = SINGLE;
  link.removeAttribute("data-t");
  const text = document.querySelector<HTMLElement>("#privacy [data-t=privacyText]");
  text?.removeAttribute("data-t");
  onLanguage(() => {
    link.textContent = t().unseal;
    if (text) text.textContent = t().sealedText;
  });
}

/** Keeps a file of the page that not every visitor needs. */
export async function keepFile(url: string): Promise<void> {
  if (!kept) return;
  // Where it cannot be kept it is fetched when it is needed.
  await ask({ type: "keep", file: new URL(url, document.baseURI).href }).catch(() => {});
}

/** Offers the seal once everything that a sealed page needs is on this device: the model, and the page with its engine. */
export async function offerSeal(modelIsHere: boolean, engine: string): Promise<void> {
  if (SEALED) return;
  const here = async (file: string): Promise<boolean> => (await cachedShellFile(file)) !== undefined;
  const ready = modelIsHere && "caches" in window && (await here("./sealed.html")) && (await here(engine));
  byId("seal", HTMLElement).hidden = !ready;
  byId("seal-text", HTMLElement).hidden = !ready;
}

/** The service worker's memory is the one place that both pages reach and that writes nothing down. */
async function ask(message: object): Promise<unknown> {
  const { active } = await navigator.serviceWorker.ready;
  return new Promise((resolve, reject) => {
    const { port1, port2 } = new MessageChannel();
    const late = setTimeout(() => reject(new Error("the service worker does not answer")), PATIENCE);
    port1.onmessage = ({ data }) => {
      clearTimeout(late);
      port1.close();
      resolve(data);
    };
    active?.postMessage(message, [port2]);
  });
}

async function carryAway(value: unknown): Promise<void> {
  const key = crypto.randomUUID();
  await ask({ type: "carry", key, value });
  sessionStorage.setItem(CARRIED, key);
}

/** What was carried through the seal to this page, once; undefined where nothing was. */
export async function collectCarried(): Promise<unknown> {
  try {
    const key = sessionStorage.getItem(CARRIED);
    if (key === null) return undefined;
    sessionStorage.removeItem(CARRIED);
    return await ask({ type: "collect", key });
  } catch {
    return undefined;
  }
}

function fields(): (HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement)[] {
  const all = document.querySelectorAll<HTMLInputElement>(
    "#compose :is(textarea, select, input:not([type=file], [type=checkbox]))",
  );
  return [...all];
}

/** What stands in the form. */
export function formValues(): Record<string, string> {
  return Object.fromEntries(fields().map((field) => [field.id, field.value]));
}

/** What was typed goes with the user through the seal, in this tab's own memory. */
function keepForm(): void {
  try {
    sessionStorage.setItem(FORM, JSON.stringify(formValues()));
  } catch {
    // Then it must be typed again.
  }
}

/** Puts back what was typed before the seal was put on or broken; without that, `before`, of an earlier visit. */
export function restoreForm(before: Readonly<Record<string, string>>): void {
  let values = before;
  try {
    const carried = sessionStorage.getItem(FORM);
    if (carried !== null) values = JSON.parse(carried) as Record<string, string>;
    sessionStorage.removeItem(FORM);
  } catch {
    // Then it must be typed again.
  }
  for (const field of fields()) {
    const value = values[field.id];
    if (typeof value !== "string" || value === field.value) continue;
    field.value = value;
    field.dispatchEvent(new Event("input"));
    field.dispatchEvent(new Event("change"));
  }
}
