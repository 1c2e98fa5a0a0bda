/**
 * What a sealed tab forbids itself beyond its policy, before any other script of the page runs. The policy alone (see
 * vite.config.ts) already refuses every request that it knows of; what it does not know is refused here.
 */

/** This is sealed.html. */
export const SEALED = document.documentElement.hasAttribute("data-sealed");

/** The part of the Navigation API that is used; older browsers have none of it. */
interface NavigateEvent extends Event {
  readonly destination: { readonly url: string; readonly sameDocument: boolean };
  readonly downloadRequest: string | null;
}
type Navigable = { readonly navigation?: EventTarget };

const FRAMES = new Set(["iframe", "frame", "fencedframe", "object", "embed"]);

/** Where a sealed tab may go: to itself, and to the page that it was sealed from. Both lie on this device. */
function places(): ReadonlySet<string> {
  // A page of one file may have any name, and is loaded anew from there.
  return new Set(["./sealed.html", "./", location.href].map((path) => new URL(path, document.baseURI).href));
}

function guardNavigation(): void {
  const allowed = places();
  (globalThis as Navigable).navigation?.addEventListener("navigate", (event) => {
    const { destination, downloadRequest } = event as NavigateEvent;
    // An address can carry words: only those that are known by heart, and what lies in the tab itself.
    const harmless =
      destination.sameDocument ||
      (downloadRequest === null ? allowed.has(destination.url) : destination.url.startsWith("blob:"));
    if (!harmless) event.preventDefault();
  });
}

/** No frames: each would bring an untouched window of its own, and asking for one opens a connection before it is refused. */
function guardElements(): void {
  for (const name of ["createElement", "createElementNS"] as const) {
    const create = Document.prototype[name] as (...values: unknown[]) => Element;
    const guarded = function (this: Document, ...values: unknown[]): Element {
      const tag = String(values[name === "createElement" ? 0 : 1]).toLowerCase();
      if (FRAMES.has(tag.slice(tag.indexOf(":") + 1))) throw new DOMException("this tab is sealed", "SecurityError");
      return create.apply(this, values);
    };
    Object.defineProperty(Document.prototype, name, { value: guarded });
  }
}

/** No policy of today's browsers covers WebRTC: `webrtc 'block'` is a proposal. The sandbox forbids windows, where it is kept. */
function guardWindow(): void {
  for (const name of ["RTCPeerConnection", "webkitRTCPeerConnection", "WebTransport", "open"]) {
    Object.defineProperty(globalThis, name, { value: undefined });
  }
}

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): { createScriptURL(url: string): string };
}

/** The start of an address that is a script itself. */
const INLINE = "data:text/javascript;base64,";

/** The only address of a script that a sealed tab takes: one of a blob, or of the script itself. The policy knows no other. */
function trustedScripts(): (url: string) => string {
  const { trustedTypes } = globalThis as { readonly trustedTypes?: TrustedTypes };
  const policy = trustedTypes?.createPolicy("atelier", {
    createScriptURL: (url) => {
      if (!url.startsWith("blob:") && !url.startsWith(INLINE)) throw new TypeError("this tab is sealed");
      return url;
    },
  });
  return (url) => policy?.createScriptURL(url) ?? url;
}

let trusted: ((url: string) => string) | undefined;
if (SEALED) {
  guardNavigation();
  guardElements();
  guardWindow();
  trusted = trustedScripts();
}

/**
 * A worker of this script, which must be complete in itself: a sealed tab fetches nothing. It has the page's policy. Chromium takes no
 * module from a blob where the page is a file.
 */
export function sealedWorker(script: string): Worker {
  if (location.protocol === "file:") {
    const bytes = Array.from(new TextEncoder().encode(script), (byte) => String.fromCharCode(byte));
    const url = INLINE + btoa(bytes.join(""));
    return new Worker(trusted?.(url) ?? url, { type: "module" });
  }
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const worker = new Worker(trusted?.(url) ?? url, { type: "module" });
  const done = () => URL.revokeObjectURL(url);
  for (const event of ["message", "error"]) worker.addEventListener(event, done, { once: true });
  return worker;
}
