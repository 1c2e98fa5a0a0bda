/** Every way out of a sealed tab that a script could try, against the page's own server and another one. */

import { createSocket, type Socket } from "node:dgram";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DIST, launch } from "./browser.ts";
import { FileServer } from "./server.ts";

let own: FileServer;
let other: FileServer;
let datagrams: Socket;
let heard = 0;
let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  own = await FileServer.start(DIST);
  other = await FileServer.start(DIST);
  datagrams = createSocket("udp4").on("message", () => (heard += 1));
  await new Promise<void>((done) => datagrams.bind(Number(new URL(other.url).port), "127.0.0.1", done));
  browser = await launch({ webgpu: false });
  context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(own.url);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.close();
});

afterAll(async () => {
  await browser.close();
  datagrams.close();
  await own.close();
  await other.close();
});

/** What a script in the page does to reach `to`, which ends with a slash. Its words stand in the address. */
type Try = (to: string) => unknown;

/** Elements that fetch by being there. */
const element =
  (tag: string, attributes: (to: string) => Readonly<Record<string, string>>): Try =>
  // Written out as text, as the page sees nothing of this file.
  (to) => {
    const text = JSON.stringify([tag, attributes(to)]);
    return `(([tag, attributes]) => {
      const made = document.createElement(tag);
      for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
      document.head.append(made);
    })(${text})`;
  };
const link = (rel: string, more: Readonly<Record<string, string>> = {}): Try =>
  element("link", (to) => ({ rel, href: `${to}words.svg?words`, ...more }));
const script =
  (code: string): Try =>
  (to) =>
    `(async (to) => { ${code} })(${JSON.stringify(to)})`;

/** In a worker of a blob, which the page may make. */
const inWorker = (code: string): Try =>
  script(`
    const text = "const to = " + JSON.stringify(to) + "; " + ${JSON.stringify(code)};
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    new Worker(url, { type: ${JSON.stringify(code.includes("importScripts") ? "classic" : "module")} });
  `);

const TRIES: Readonly<Record<string, Try>> = {
  fetch: script("await fetch(to + 'words.svg?words')"),
  "fetch without an answer": script(
    "await fetch(to + 'words.svg?words', { mode: 'no-cors', method: 'POST', body: 'words' })",
  ),
  "fetch that outlives the page": script("await fetch(to + 'words?words', { keepalive: true })"),
  XMLHttpRequest: script("const r = new XMLHttpRequest(); r.open('GET', to + 'words.svg?words'); r.send()"),
  beacon: script("navigator.sendBeacon(to + 'words?words', 'words')"),
  WebSocket: script("new WebSocket(to.replace('http', 'ws') + '?words')"),
  EventSource: script("new EventSource(to + 'words?words')"),
  WebTransport: script("new WebTransport(to.replace('http:', 'https:') + '?words')"),
  WebRTC: script(`
    const urls = ["stun:" + new URL(to).host, "turn:" + new URL(to).host, "turn:" + new URL(to).host + "?transport=tcp"];
    const peer = new RTCPeerConnection({ iceServers: [{ urls, username: "words", credential: "words" }] });
    peer.createDataChannel("words");
    await peer.setLocalDescription(await peer.createOffer());
  `),
  "WebRTC of a fresh frame": script(`
    const frame = document.createElement("iframe");
    document.body.append(frame);
    const peer = new frame.contentWindow.RTCPeerConnection({ iceServers: [{ urls: "stun:" + new URL(to).host }] });
    peer.createDataChannel("words");
    await peer.setLocalDescription(await peer.createOffer());
  `),
  "WebRTC of a frame in text": script(`
    document.body.innerHTML = "<iframe></iframe>";
    const peer = new frames[0].RTCPeerConnection({ iceServers: [{ urls: "stun:" + new URL(to).host }] });
    peer.createDataChannel("words");
    await peer.setLocalDescription(await peer.createOffer());
  `),
  "dynamic import": script("await import(to + 'words.js?words')"),
  "script element": element("script", (to) => ({ src: `${to}words.js?words` })),
  "module script": element("script", (to) => ({ src: `${to}words.js?words`, type: "module" })),
  "inline script": script(
    "document.head.append(Object.assign(document.createElement('script'), { textContent: 'new Image().src = ' + JSON.stringify(to + 'words?words') }))",
  ),
  "text as code": script("new Function('fetch(' + JSON.stringify(to + 'words?words') + ')')()"),
  "speculation rules": script(`
    const rules = { prefetch: [{ urls: [to + "words?words"], eagerness: "immediate" }], prerender: [{ urls: [to + "words?words"] }] };
    const text = JSON.stringify(rules);
    document.head.append(Object.assign(document.createElement("script"), { type: "speculationrules", textContent: text }));
  `),
  "event handler": script(
    "document.body.setAttribute('onclick', 'fetch(' + JSON.stringify(to + 'words?words') + ')'); document.body.click()",
  ),
  worker: script("new Worker(to + 'words.js?words')"),
  "module worker": script("new Worker(to + 'words.js?words', { type: 'module' })"),
  "shared worker": script("new SharedWorker(to + 'words.js?words')"),
  "service worker": script("await navigator.serviceWorker.register(to + 'words.js?words')"),
  worklet: script(
    "await CSS.paintWorklet?.addModule(to + 'words.js?words'); await new AudioContext().audioWorklet.addModule(to + 'words.js?words')",
  ),
  "worker of a blob: fetch": inWorker("fetch(to + 'words?words')"),
  "worker of a blob: import": inWorker("import(to + 'words.js?words')"),
  "worker of a blob: importScripts": inWorker("importScripts(to + 'words.js?words')"),
  "worker of a blob: WebSocket": inWorker("new WebSocket(to.replace('http', 'ws') + '?words')"),
  stylesheet: link("stylesheet"),
  "inline style": script(
    "document.head.append(Object.assign(document.createElement('style'), { textContent: '@import \"' + to + 'words?words\"; body { background: url(' + to + 'words?words) }' }))",
  ),
  "style attribute": script("document.body.setAttribute('style', 'background: url(' + to + 'words?words)')"),
  "constructed style": script(`
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("@font-face { font-family: words; src: url(" + to + "?words) } body { background: url(" + to + "?words); font-family: words }");
    document.adoptedStyleSheets = [sheet];
  `),
  font: script("await new FontFace('words', 'url(' + to + 'words?words)').load()"),
  image: script("new Image().src = to + 'words.svg?words'"),
  "set of images": script("new Image().srcset = to + 'words.svg?words 2x'"),
  video: element("video", (to) => ({ src: `${to}words?words`, preload: "auto" })),
  audio: script("new Audio(to + 'words?words').load()"),
  track: script(`
    const video = document.createElement("video");
    video.append(Object.assign(document.createElement("track"), { src: to + "words?words", default: true, kind: "captions" }));
    document.body.append(video);
  `),
  "image of an SVG": script(`
    const image = document.createElementNS("http://www.w3.org/2000/svg", "image");
    image.setAttribute("href", to + "words.svg?words");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.append(image);
    document.body.append(svg);
  `),
  frame: element("iframe", (to) => ({ src: `${to}words?words` })),
  "frame by namespace": script(`
    const frame = document.createElementNS("http://www.w3.org/1999/xhtml", "iframe");
    frame.setAttribute("src", to + "words?words");
    document.body.append(frame);
  `),
  object: element("object", (to) => ({ data: `${to}words?words` })),
  embed: element("embed", (to) => ({ src: `${to}words?words` })),
  prefetch: link("prefetch"),
  "preload as a script": link("preload", { as: "script" }),
  "preload as data": link("preload", { as: "fetch", crossorigin: "anonymous" }),
  "preload as an image": link("preload", { as: "image" }),
  modulepreload: link("modulepreload"),
  prerender: link("prerender"),
  icon: link("icon"),
  manifest: link("manifest"),
  preconnect: link("preconnect"),
  "compression dictionary": link("compression-dictionary"),
  ping: script(`
    const link = Object.assign(document.createElement("a"), { href: "#", ping: to + "words?words" });
    document.body.append(link);
    link.click();
  `),
  location: script("location.href = to + 'words?words'"),
  "location.replace": script("location.replace(to + 'words?words')"),
  "navigation.navigate": script("await navigation.navigate(to + 'words?words').committed"),
  "a link": script(`
    const link = Object.assign(document.createElement("a"), { href: to + "words?words" });
    document.body.append(link);
    link.click();
  `),
  "a link to a new tab": script(`
    const link = Object.assign(document.createElement("a"), { href: to + "words?words", target: "_blank" });
    document.body.append(link);
    link.click();
  `),
  "a link without opener": script(`
    const link = Object.assign(document.createElement("a"), { href: to + "words?words", target: "_blank", rel: "noopener" });
    document.body.append(link);
    link.click();
  `),
  "a link that saves": script(`
    const link = Object.assign(document.createElement("a"), { href: to + "words?words", download: "words" });
    document.body.append(link);
    link.click();
  `),
  "window.open": script("Window.prototype.open?.call(window, to + 'words?words'); window.open(to + 'words?words')"),
  "window.open here": script("window.open(to + 'words?words', '_self')"),
  form: script(`
    const form = Object.assign(document.createElement("form"), { action: to + "words?words", method: "post" });
    document.body.append(form);
    form.submit();
  `),
  "form to a new tab": script(`
    const form = Object.assign(document.createElement("form"), { action: to + "words?words", target: "_blank" });
    document.body.append(form);
    form.submit();
  `),
  "meta refresh": element("meta", (to) => ({ "http-equiv": "refresh", content: `0;url=${to}words?words` })),
  "page of a blob": script(`
    const page = new Blob(["<meta http-equiv=refresh content='0;url=" + to + "words?words'>"], { type: "text/html" });
    location.href = URL.createObjectURL(page);
  `),
  "document.write": script(`
    document.open();
    document.write("<meta http-equiv=refresh content='0;url=" + to + "words?words'>");
    document.close();
  `),
  "address, then reload": script("history.replaceState(null, '', '?words'); location.reload()"),
  "payment handler": script(
    "await new PaymentRequest([{ supportedMethods: to + 'words?words' }], { total: { label: 'x', amount: { currency: 'EUR', value: '1' } } }).canMakePayment()",
  ),
};

/** What came to either server, but for what the browser asks on its own when it looks for a new service worker. */
function arrived(): string[] {
  const of = (server: FileServer) => server.asked.map(({ method, url }) => `${method} ${url}`);
  const found = [...of(own).filter((line) => !/^GET \/(sw\.js|favicon\.ico)$/.test(line)), ...of(other)];
  return [...found, ...(heard > 0 ? [`${heard} datagrams`] : []), ...(other.connections > 0 ? ["a connection"] : [])];
}

function forget(): void {
  own.asked.length = 0;
  other.asked.length = 0;
  other.connections = 0;
  heard = 0;
}

/** Tries at once: as many pages, or twice as many. */
const TOGETHER = 12;

/** Closes a page. One that is just being opened by another may never say that it is closed. */
async function close(page: Page): Promise<void> {
  await Promise.race([page.close(), new Promise((resolve) => setTimeout(resolve, 5000))]);
}

/** Does what scripts in pages at `address` would do to reach the address beside each, gives it time until `enough` came of it, and says what. */
async function attempt(
  address: string,
  tries: readonly (readonly [what: Try, to: string])[],
  within = context,
  enough = 1,
): Promise<string[]> {
  const pages = await Promise.all(
    tries.map(async () => {
      const page = await within.newPage();
      page.on("dialog", (dialog) => void dialog.dismiss().catch(() => {}));
      await page.goto(address);
      return page;
    }),
  );
  // The connections that opened the pages stay open for a while.
  forget();
  // What throws has not reached anyone, and what never ends neither.
  const running = pages.map((page, index) => {
    const [what, to] = tries[index]!;
    return page.evaluate(String(what(to))).catch(() => {});
  });
  const patience = new Promise((resolve) => setTimeout(resolve, 1500));
  await Promise.race([Promise.allSettled(running), patience]);
  for (let waited = 0; waited < 600 && arrived().length < enough; waited += 50) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const found = arrived();
  await Promise.all(within.pages().map(close));
  return found;
}

const names = Object.keys(TRIES);
const batches = Array.from({ length: Math.ceil(names.length / TOGETHER) }, (_, batch) =>
  names.slice(batch * TOGETHER, (batch + 1) * TOGETHER),
);

test.each(batches.map((batch) => [batch.join(", "), batch] as const))("%s: reach nobody", async (_, batch) => {
  const sealed = `${own.url}sealed.html`;
  const tries = (name: string) => [own.url, other.url].map((to) => [TRIES[name]!, to] as const);
  if ((await attempt(sealed, batch.flatMap(tries))).length === 0) return;
  // One by one, to tell which.
  const found: Record<string, string[]> = {};
  for (const name of batch) found[name] = await attempt(sealed, tries(name));
  expect(found).toEqual(Object.fromEntries(batch.map((name) => [name, []])));
});

/** What may not arrive in this browser, sealed or not: trying it proves nothing here, and may elsewhere. */
const NOWHERE = new Set(["embed", "manifest", "object", "preconnect", "prerender", "service worker", "track"]);

test("the tries are real: from a page without a policy they arrive", async () => {
  // A file of JSON is shown as a page, and has no policy.
  const bare = `${own.url}models/mini/pack.json`;
  const open = await launch({ webgpu: false });
  const within = await open.newContext();
  const silent = new Set(names.filter((name) => !NOWHERE.has(name)));
  // Many at once, each to a folder of its own, which tells them apart.
  for (const batch of batches) {
    const tries = batch.map((name) => [TRIES[name]!, `${other.url}try${names.indexOf(name)}/`] as const);
    for (const line of await attempt(bare, tries, within, tries.length))
      silent.delete(names[Number(/try(\d+)\//.exec(line)?.[1])] ?? "");
  }
  // What cannot be told apart, or may only come from a page's own server, once more and alone.
  for (const name of [...silent]) {
    for (const to of [other.url, own.url]) {
      if (silent.has(name) && (await attempt(bare, [[TRIES[name]!, to]], within)).length > 0) silent.delete(name);
    }
  }
  await open.close();
  expect([...silent]).toEqual([]);
});

test("the policy stands in the page itself, so that it holds without the service worker", async () => {
  const bare = await browser.newContext({ serviceWorkers: "block" });
  const page: Page = await bare.newPage();
  await page.goto(`${own.url}sealed.html`);
  forget();
  for (const name of ["fetch", "dynamic import", "worker", "stylesheet", "prefetch", "image", "location", "beacon"]) {
    await page.evaluate(String(TRIES[name]!(own.url))).catch(() => {});
  }
  await page.waitForTimeout(1000);
  expect(arrived()).toEqual([]);
  await bare.close();
});

test("the sealed page is kept with a sandbox that opens no windows", async () => {
  const page = await context.newPage();
  await page.goto(`${own.url}sealed.html`);
  const headers = await page.evaluate(async () => {
    const kept = await caches.match(new URL("./sealed.html", document.baseURI));
    return Object.fromEntries(kept?.headers ?? []);
  });
  expect(headers["content-security-policy"]).toContain("sandbox");
  expect(headers["content-security-policy"]).not.toContain("allow-popups");
  await page.close();
});
