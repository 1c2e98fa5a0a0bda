/** A static file server on loopback, with the faults that tests need. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export class FileServer {
  readonly files = new Map<string, Uint8Array>();
  /** Every request as `METHOD /path range`. */
  readonly requests: string[] = [];
  /** The version of every file. */
  tag = '"1"';
  /** Cuts the next answers with a body after so many bytes. */
  cuts: number[] = [];
  /** Answers the next requests so. */
  answers: number[] = [];
  ranges = true;
  /** Answers an unknown path with a page, like servers of single-page applications. */
  pages = false;
  /** Says no sizes, as servers that compress do. */
  silent = false;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start(files: Record<string, string | Uint8Array>): Promise<FileServer> {
    const server = new FileServer();
    for (const [path, bytes] of Object.entries(files)) server.put(path, bytes);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  put(path: string, bytes: string | Uint8Array): void {
    this.files.set(`/model/${path}`, typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
  }

  /** The folder of the model. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/model/`;
  }

  /** Requests whose path ends so. */
  asked(path: string): string[] {
    return this.requests.filter((request) => request.split(" ")[1]?.endsWith(path));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = "GET", url = "/", headers } = request;
    this.requests.push(`${method} ${url} ${headers.range ?? ""}`.trim());
    const status = this.answers.shift();
    if (status !== undefined) return void response.writeHead(status).end();
    const file = this.files.get(decodeURIComponent(url));
    if (!file) {
      if (this.pages) return void response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html>");
      return void response.writeHead(404).end();
    }
    const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "");
    const whole = !range || !this.ranges || (headers["if-range"] !== undefined && headers["if-range"] !== this.tag);
    const start = whole ? 0 : Number(range[1]);
    if (!whole && start >= file.length) return void response.writeHead(416).end();
    const part = whole ? file : file.subarray(start, range[2] ? Number(range[2]) + 1 : undefined);
    response.writeHead(whole ? 200 : 206, {
      ETag: this.tag,
      ...(this.silent && whole ? { "Transfer-Encoding": "chunked" } : { "Content-Length": part.length }),
      ...(whole ? {} : { "Content-Range": `bytes ${start}-${start + part.length - 1}/${file.length}` }),
    });
    if (method === "HEAD") return void response.end();
    const cut = this.cuts.shift();
    if (cut === undefined || cut >= part.length) return void response.end(part);
    response.write(part.subarray(0, cut), () => setTimeout(() => response.destroy(), 20));
  }
}
