/** Short words for what every part of the page does with elements. */

/** The element with this id, which index.html must have. */
export function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} #${id}`);
  return found;
}

/** A new element. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Fills a list of terms and what they are; entries without a value are left out. */
export function fillFacts(list: HTMLElement, facts: readonly (readonly [string, string | undefined])[]): void {
  list.replaceChildren(
    ...facts
      .filter(([, value]) => value !== undefined)
      .map(([term, value]) =>
        make("div", {}, make("dt", { textContent: term }), make("dd", { textContent: value ?? "" })),
      ),
  );
}

/** Lets the user keep a blob as a file. */
export function saveFile(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  make("a", { href: url, download: name }).click();
  // The browser has taken the URL up once the click's task is over.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
