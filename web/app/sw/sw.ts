/** Keeps the page itself on this device, so that it opens without a network. The model is kept elsewhere, by the engine. */

/** The page's files and a hash of them all, written in by the build. */
declare const __SHELL__: { readonly version: string; readonly files: readonly string[] };
declare const self: ServiceWorkerGlobalScope;

const PREFIX = "atelier-shell-";
/** Two pages in two folders of one server have a shell each. */
const MINE = `${PREFIX}${new URL(self.registration.scope).pathname}@`;
const SHELL = __SHELL__;
const CACHE = MINE + SHELL.version;
const FILES = new Set(SHELL.files.map((file) => new URL(file, self.registration.scope).href));

self.addEventListener("install", (event) => {
  const fill = async () => {
    const cache = await caches.open(CACHE);
    await Promise.all([...FILES].map(async (file) => cache.put(file, await whole(file))));
  };
  event.waitUntil(fill());
});

async function whole(file: string): Promise<Response> {
  // Names under assets/ change with their content; the others must be asked for anew.
  const answer = await fetch(file, { cache: file.includes("/assets/") ? "default" : "no-cache" });
  if (!answer.ok) throw new Error(`${file}: ${answer.status}`);
  // Some servers send index.html on to another address, and an answer that was sent on cannot open a page.
  return answer.redirected ? new Response(answer.body, { headers: answer.headers }) : answer;
}

// No skipWaiting: a page keeps the files it was opened with, until every tab of it is closed.
self.addEventListener("activate", (event) => {
  const takeOver = async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith(MINE) && name !== CACHE);
    await Promise.all(old.map((name) => caches.delete(name)));
    // The first visit, too, goes on when the network goes away.
    await self.clients.claim();
  };
  event.waitUntil(takeOver());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const name = url.origin + url.pathname;
  const file = name.endsWith("/") ? `${name}index.html` : name;
  // Everything else, the model above all, goes its own way.
  if (request.method !== "GET" || !FILES.has(file)) return;
  event.respondWith(
    caches
      .open(CACHE)
      .then((cache) => cache.match(file))
      .then((kept) => kept ?? fetch(request)),
  );
});

export {};
