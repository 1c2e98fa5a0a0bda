/** The page's language: which one, its words, and who wants to know when it changes. */

import { en, type Strings } from "./strings/en";
import { zh } from "./strings/zh";

type Plain = { [K in keyof Strings]: Strings[K] extends string ? K : never }[keyof Strings];

const LANGUAGES: Readonly<Record<string, Strings>> = { en, zh };
const KEPT = "atelier-language";

let current = kept() ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
const listeners: (() => void)[] = [];

function kept(): string | undefined {
  try {
    const value = localStorage.getItem(KEPT);
    return value !== null && value in LANGUAGES ? value : undefined;
  } catch {
    // A browser may refuse storage; the language is then the browser's own at every start.
    return undefined;
  }
}

export function language(): string {
  return current;
}

/** The words of the page's language. */
export function t(): Strings {
  return LANGUAGES[current] ?? en;
}

/** Runs now and whenever the language changes. */
export function onLanguage(render: () => void): void {
  listeners.push(render);
  render();
}

function say(key: string | undefined): string {
  const value = t()[key as Plain];
  if (typeof value !== "string") throw new Error(`there is no text ${key}`);
  return value;
}

/** Puts the language's words into everything in index.html that names a text. */
function translatePage(): void {
  document.documentElement.lang = current === "zh" ? "zh-Hans" : current;
  for (const element of document.querySelectorAll<HTMLElement>("[data-t]"))
    element.textContent = say(element.dataset["t"]);
  for (const element of document.querySelectorAll<HTMLElement>("[data-t-label]")) {
    element.setAttribute("aria-label", say(element.dataset["tLabel"]));
  }
  for (const element of document.querySelectorAll<HTMLInputElement>("[data-t-placeholder]")) {
    element.placeholder = say(element.dataset["tPlaceholder"]);
  }
  for (const button of document.querySelectorAll<HTMLElement>("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset["language"] === current));
  }
}

/** Starts with the kept or the browser's language, and listens to the switch. */
export function startLanguages(): void {
  onLanguage(translatePage);
  for (const button of document.querySelectorAll<HTMLElement>("[data-language]")) {
    button.addEventListener("click", () => {
      current = button.dataset["language"] ?? "en";
      try {
        localStorage.setItem(KEPT, current);
      } catch {
        // Then it holds until the page is left.
      }
      for (const render of listeners) render();
    });
  }
}
