/** Keeps the page itself on this device, so that it opens without a network. The model is kept elsewhere, by the engine. */

/** The page's files and a hash of them all, written in by the build. */
declare const __SHELL__: {
  readonly version: string;
  readonly files: readonly string[];
  /** Those of the files that a visitor needs one of: they are kept when they are asked for. */
  readonly engines: readonly string[];
};
declare const self: ServiceWorkerGlobalScope;

const PREFIX = "atelier-shell-";
/** Two pages in two folders of one server have a shell each. */
const MINE = `${PREFIX}${new URL(self.registration.scope).pathname}@`;
const SHELL = __SHELL__;
const CACHE = MINE + SHELL.version;
const addresses = (files: readonly string[]) =>
  new Set(files.map((file) => new URL(file, self.registration.scope).href));
const FILES = addresses(SHELL.files);
const ENGINES = addresses(SHELL.engines);

self.addEventListener("install", (event) => {
  const fill = async () => {
    const before = await enginesBefore();
    const wanted = [...FILES].filter((file) => !ENGINES.has(file) || before.has(withoutHash(file)));
    await Promise.all(wanted.map(keep));
  };
  event.waitUntil(fill());
});

async function keep(file: string): Promise<void> {
  const cache = await caches.open(CACHE);
  if (!(await cache.match(file))) await cache.put(file, await whole(file));
}

/** The engines that the version before has kept, for whom this one's are wanted as well. */
async function enginesBefore(): Promise<ReadonlySet<string>> {
  const shells = (await caches.keys()).filter((name) => name.startsWith(MINE));
  const kept = await Promise.all(shells.map(async (name) => (await caches.open(name)).keys()));
  return new Set(kept.flat().map(({ url }) => withoutHash(url)));
}

function withoutHash(file: string): string {
  return file.replace(/-[^-/]*$/, "");
}

async function whole(file: string): Promise<Response> {
  // Names with a hash change with their content; the others must be asked for anew.
  const answer = await fetch(file, { cache: file.includes("/assets/") ? "default" : "no-cache" });
  if (!answer.ok) throw new Error(`${file}: ${answer.status}`);
  if (isSealedPage(file)) return new Response(answer.body, { headers: sealedHeaders(answer.headers) });
  // Some servers send index.html on to another address, and an answer that was sent on cannot open a page.
  return answer.redirected ? new Response(answer.body, { headers: answer.headers }) : answer;
}

function isSealedPage(address: string): boolean {
  return new URL(address).pathname.endsWith("/sealed.html");
}

/** What only headers can say of the sealed page, beside the policy that it brings along. */
function sealedHeaders(own: Headers): Headers {
  const headers = new Headers(own);
  // No windows: a new one has no seal. Forms do not send, but their buttons work; dialogs are the browser's question before
  // pictures are lost.
  const sandbox = "sandbox allow-downloads allow-forms allow-modals allow-same-origin allow-scripts";
  headers.append("Content-Security-Policy", sandbox);
  // A proposal, in some versions of Chromium: not even an empty connection to another server.
  headers.set("Connection-Allowlist", "(response-origin)");
  headers.set("X-DNS-Prefetch-Control", "off");
  return headers;
}

// A page keeps the files it was opened with until every tab of it is closed, or its user asks for the new version.
self.addEventListener("activate", (event) => {
  const takeOver = async () => {
    // The first visit, too, goes on when the network goes away.
    await self.clients.claim();
    const windows = await self.clients.matchAll({ type: "window" });
    // A tab of the old version may still need its files.
    if (windows.length > 1) return;
    const old = (await caches.keys()).filter((name) => name.startsWith(MINE) && name !== CACHE);
    await Promise.all(old.map((name) => caches.delete(name)));
  };
  event.waitUntil(takeOver());
});

/** Which clients are sealed tabs, of those that have asked for something. */
const sealed = new Map<string, boolean>();

async function isSealed(client: string): Promise<boolean> {
  const found = await self.clients.get(client);
  const verdict = found !== undefined && isSealedPage(found.url);
  sealed.set(client, verdict);
  return verdict;
}

self.addEventListener("fetch", (event) => {
  const { request, clientId, resultingClientId } = event;
  const url = new URL(request.url);
  const name = url.origin + url.pathname;
  const file = name.endsWith("/") ? `${name}index.html` : name;
  const kept = request.method === "GET" && FILES.has(file);
  if (request.mode === "navigate") {
    if (resultingClientId) sealed.set(resultingClientId, isSealedPage(file));
    if (kept) event.respondWith(fromCache(file, request));
    return;
  }
  // Everything but the shell, the model above all, goes its own way. A worker that was just woken knows nobody and looks first.
  const known = clientId === "" ? false : sealed.get(clientId);
  if (known === false) {
    if (kept || url.pathname.includes("/assets/")) event.respondWith(fromCache(file, request));
  } else if (known === true) event.respondWith(Response.error());
  else {
    const answer = async () => ((await isSealed(clientId)) ? Response.error() : fromCache(file, request));
    event.respondWith(answer());
  }
});

/** A file of this version, or of the one before that a tab still runs; everything else from the server. */
async function fromCache(file: string, request: Request): Promise<Response> {
  if (request.method !== "GET") return fetch(request);
  const cache = await caches.open(CACHE);
  const own = FILES.has(file) ? await cache.match(file) : undefined;
  const before = own ?? (file.includes("/assets/") ? await caches.match(file) : undefined);
  return before ?? fetch(request);
}

/** Milliseconds for which pictures wait here for the tab that is on its way to the sealed page or back. */
const CARRIED = 60_000;

/** What tabs carry through the seal: in memory, so that nothing of it is written down. */
const carried = new Map<string, unknown>();

type Message =
  | { readonly type: "take-over" }
  | { readonly type: "keep"; readonly file: string }
  | { readonly type: "carry"; readonly key: string; readonly value: unknown }
  | { readonly type: "collect"; readonly key: string };

self.addEventListener("message", (event) => {
  const message = event.data as Message;
  if (message.type === "take-over") return void self.skipWaiting();
  if (message.type === "keep") {
    // Nothing but the page's own.
    const kept = ENGINES.has(message.file) ? keep(message.file) : Promise.reject(new Error(message.file));
    const answer = (done: boolean) => event.ports[0]?.postMessage(done);
    return event.waitUntil(
      kept.then(
        () => answer(true),
        () => answer(false),
      ),
    );
  }
  const { key } = message;
  if (message.type === "carry") {
    carried.set(key, message.value);
    // Keeps this worker awake, and what nobody came for goes away.
    const wait = new Promise((resolve) => setTimeout(resolve, CARRIED));
    event.waitUntil(wait.then(() => carried.delete(key)));
    event.ports[0]?.postMessage(true);
  } else {
    event.ports[0]?.postMessage(carried.get(key));
    carried.delete(key);
  }
});

export {};
