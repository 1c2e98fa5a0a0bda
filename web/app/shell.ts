/** The page's own files on this device: the service worker that keeps them, and the sealed page that runs from them. */

import { byId } from "./dom";
import { onLanguage, t } from "./i18n";

/** This is sealed.html: its policy allows no connection. */
export const SEALED = document.documentElement.hasAttribute("data-sealed");

const FORM = "atelier-form";

/** A file of the page, as the service worker has kept it. */
export async function cachedShellFile(url: string): Promise<Response | undefined> {
  return caches.match(new URL(url, document.baseURI));
}

/** Keeps the page's files on this device. A sealed page was loaded from there and asks for nothing new. */
export async function keepShell(): Promise<void> {
  if (SEALED || !("serviceWorker" in navigator) || !window.isSecureContext) return;
  try {
    await navigator.serviceWorker.register("./sw.js");
    await navigator.serviceWorker.ready;
  } catch {
    // Private windows may refuse. The page works all the same, but not offline.
  }
}

export function showSeal(): void {
  byId("sealed-mark", HTMLElement).hidden = !SEALED;
  const link = byId("seal", HTMLAnchorElement);
  link.addEventListener("click", keepForm);
  if (!SEALED) return;
  link.href = "./";
  link.hidden = false;
  link.removeAttribute("data-t");
  const text = document.querySelector<HTMLElement>("#privacy [data-t=privacyText]");
  text?.removeAttribute("data-t");
  onLanguage(() => {
    link.textContent = t().unseal;
    if (text) text.textContent = t().sealedText;
  });
}

/** Offers the seal once everything that a sealed page needs is on this device. */
export async function offerSeal(modelIsHere: boolean): Promise<void> {
  if (SEALED) return;
  const ready = modelIsHere && "caches" in window && (await cachedShellFile("./sealed.html")) !== undefined;
  byId("seal", HTMLElement).hidden = !ready;
  byId("seal-text", HTMLElement).hidden = !ready;
}

function fields(): (HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement)[] {
  const all = document.querySelectorAll<HTMLInputElement>(
    "#compose :is(textarea, select, input:not([type=file], [type=checkbox]))",
  );
  return [...all];
}

/** What was typed goes with the user through the seal, in this tab's own memory. */
function keepForm(): void {
  const values = Object.fromEntries(fields().map((field) => [field.id, field.value]));
  try {
    sessionStorage.setItem(FORM, JSON.stringify(values));
  } catch {
    // Then it must be typed again.
  }
}

/** Puts back what was typed before the seal was put on or broken. */
export function restoreForm(): void {
  let values: Record<string, string>;
  try {
    values = JSON.parse(sessionStorage.getItem(FORM) ?? "{}") as Record<string, string>;
    sessionStorage.removeItem(FORM);
  } catch {
    return;
  }
  for (const field of fields()) {
    const value = values[field.id];
    if (value === undefined || value === field.value) continue;
    field.value = value;
    field.dispatchEvent(new Event("input"));
    field.dispatchEvent(new Event("change"));
  }
}
