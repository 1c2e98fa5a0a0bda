/** A static file server on loopback, which can be told to misbehave and remembers everything it was asked. */

import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { join, normalize } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript",
  css: "text/css",
  json: "application/json",
  svg: "image/svg+xml",
  wasm: "application/wasm",
  webmanifest: "application/manifest+json",
};

export interface Asked {
  readonly method: string;
  /** With the host where the browser used this server as its proxy: then it sees whatever the browser asks of anyone. */
  readonly url: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
}

/** What goes wrong, once, with the next answer for a path that ends like this. Several for one path come in their order. */
type Fault = { readonly path: string } & (
  | { readonly cutAfter: number }
  | { readonly flipAt: number }
  | { readonly stall: true }
);

export class FileServer {
  readonly asked: Asked[] = [];
  /** Connections since it was set to 0, with or without a request. */
  connections = 0;
  /** Runs with every request before it is answered. */
  onAsked: ((asked: Asked) => void) | undefined;
  readonly #root: string;
  readonly #shared: boolean;
  #server: Server;
  #sockets = new Set<Socket>();
  #faults: Fault[] = [];
  #refused: { readonly path: string; readonly status: number } | undefined;
  #port = 0;
  #away = false;

  private constructor(root: string, shared: boolean) {
    this.#root = root;
    this.#shared = shared;
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.on("connection", (socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    // Only a browser that takes this server for its proxy asks so, for an address with https.
    this.#server.on("connect", (request, socket) => {
      this.#note(request);
      socket.destroy();
    });
  }

  /** `shared`: pages of other origins may read what it has, as of a CDN. */
  static async start(root: string, shared = false): Promise<FileServer> {
    const server = new FileServer(root, shared);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    server.#port = (server.#server.address() as AddressInfo).port;
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  /** Ends the connection after this many bytes of the next answer for `path`. */
  cut(path: string, cutAfter: number): void {
    this.#faults.push({ path, cutAfter });
  }

  /** Spoils one byte of the next answer for `path`, which must be the whole file. */
  flip(path: string, flipAt: number): void {
    this.#faults.push({ path, flipAt });
  }

  /** Never answers the next request for `path`. */
  stall(path: string): void {
    this.#faults.push({ path, stall: true });
  }

  /** Answers every request for `path` with this status. */
  refuse(path: string, status: number): void {
    this.#refused = { path, status };
  }

  /** Ends what `refuse` began. */
  relent(): void {
    this.#refused = undefined;
  }

  /** From now on nobody gets an answer; who asks, and for what, is still noted. */
  goAway(): void {
    this.#away = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<unknown>((resolve) => this.#server.close(resolve));
  }

  #note(request: IncomingMessage): Asked {
    const { range, "if-range": ifRange } = request.headers;
    const asked = {
      method: request.method ?? "",
      url: request.url ?? "",
      range,
      ifRange: ifRange as string | undefined,
    };
    this.asked.push(asked);
    this.onAsked?.(asked);
    return asked;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.#note(request);
    if (this.#away) return void response.destroy();
    const { pathname } = new URL(request.url ?? "/", this.url);
    const path = join(
      this.#root,
      normalize(decodeURIComponent(pathname.endsWith("/") ? `${pathname}index.html` : pathname)),
    );
    if (!existsSync(path) || !statSync(path).isFile()) return void response.writeHead(404).end();
    if (this.#refused && pathname.endsWith(this.#refused.path))
      return void response.writeHead(this.#refused.status).end();
    const { size, mtimeMs } = statSync(path);
    const etag = `"${createHash("sha256").update(`${path} ${size} ${mtimeMs}`).digest("hex").slice(0, 16)}"`;
    const headers = {
      "content-type": TYPES[path.split(".").at(-1) ?? ""] ?? "application/octet-stream",
      "accept-ranges": "bytes",
      "cache-control": "no-cache",
      etag,
      ...(this.#shared && { "access-control-allow-origin": "*" }),
    };
    if (request.headers["if-none-match"] === etag) return void response.writeHead(304, headers).end();
    const fault = this.#fault(pathname);
    if (fault && "stall" in fault) return;
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const valid = range && (request.headers["if-range"] ?? etag) === etag;
    const start = valid ? Number(range[1]) : 0;
    const end = valid && range[2] ? Math.min(Number(range[2]) + 1, size) : size;
    if (valid && start >= size) return void response.writeHead(416, { "content-range": `bytes */${size}` }).end();
    const part = valid ? { "content-range": `bytes ${start}-${end - 1}/${size}` } : {};
    response.writeHead(valid ? 206 : 200, { ...headers, ...part, "content-length": end - start });
    if (request.method === "HEAD" || end === start) return void response.end();
    if (!fault) return void createReadStream(path, { start, end: end - 1 }).pipe(response);
    const bytes = readFileSync(path).subarray(start, end);
    if ("flipAt" in fault) {
      bytes[fault.flipAt] = bytes[fault.flipAt]! ^ 1;
      response.end(bytes);
    } else {
      // A connection that is reset at once loses what is still on its way.
      response.write(bytes.subarray(0, fault.cutAfter), () => setTimeout(() => response.destroy(), 300));
    }
  }

  #fault(path: string): Fault | undefined {
    const found = this.#faults.find((fault) => path.endsWith(fault.path));
    this.#faults = this.#faults.filter((fault) => fault !== found);
    return found;
  }
}
