/** What a page of one file (single.mjs) brings along: the engines, their worker and the model, in script elements that are data. */

/** This is such a page. It is sealed, too: it needs nobody. */
export const SINGLE = document.documentElement.hasAttribute("data-single");

/** A file of those in the page; undefined where it has none of that name. */
export async function enclosed(name: string): Promise<Blob | undefined> {
  const element = [...elements()].find(({ dataset }) => dataset["name"] === name);
  return element && decode(element);
}

/** All files of a folder, by their paths in it. */
export async function enclosedFolder(folder: string): Promise<ReadonlyMap<string, Blob>> {
  const inside = [...elements()].filter(({ dataset }) => dataset["name"]?.startsWith(folder));
  const files = await Promise.all(
    inside.map(
      async (element) => [element.dataset["name"]?.slice(folder.length) ?? "", await decode(element)] as const,
    ),
  );
  return new Map(files);
}

function elements(): NodeListOf<HTMLScriptElement> {
  return document.querySelectorAll<HTMLScriptElement>("script[type='application/gzip;base64']");
}

function decode({ textContent }: HTMLScriptElement): Promise<Blob> {
  const text = atob(textContent ?? "");
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = text.charCodeAt(at);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).blob();
}
