/** Builds the demo page into dist/: the page, its sealed twin, and the service worker that keeps both on the device. */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { defineConfig, type Plugin } from "vite";
import { en } from "./app/strings/en";

const APP = resolve(import.meta.dirname, "app");
const DIST = resolve(import.meta.dirname, "dist");
/** The models in dist/ come from another step of the build, and are not part of the page's shell. */
const MODELS = "models";
/** The licences of what is linked into the page and its engines (`cargo xtask licences`): for the curious, so not part of the shell. */
const NOTICES = "THIRD-PARTY.txt";

const page = readFileSync(join(APP, "index.html"), "utf8");
const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(page)?.[1];
if (!policy) throw new Error("app/index.html has no Content-Security-Policy");
const { version } = JSON.parse(readFileSync(resolve(import.meta.dirname, "package.json"), "utf8")) as {
  version: string;
};

export default defineConfig({
  root: APP,
  // Relative addresses: the site works in any folder of any server.
  base: "./",
  define: { __VERSION__: JSON.stringify(version), __MINI__: JSON.stringify(mini()), __CARD__: card() },
  resolve: { alias: { "atelier-web": resolve(import.meta.dirname, "lib/index.js") } },
  plugins: [clean(), words(), seal(), notices(), shell()],
  build: {
    target: "es2022",
    outDir: DIST,
    emptyOutDir: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: join(APP, "index.html"), sw: join(APP, "sw/sw.ts") },
      output: {
        // A service worker is known by its address, and rules the folder it lies in.
        // The page's script lies beside the page, so that the addresses in it hold when it is part of the page as well.
        entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "[name]-[hash].js"),
      },
    },
  },
  preview: {
    host: "127.0.0.1",
    port: 8080,
    strictPort: true,
    // What only a server can say: nobody may frame the page.
    headers: { "Content-Security-Policy": `${policy}; frame-ancestors 'none'`, "X-Content-Type-Options": "nosniff" },
  },
});

/** The version of the built-in model, which must be there before the page is built. */
function mini(): string {
  return createHash("sha256")
    .update(readFileSync(join(DIST, MODELS, "mini/pack.json")))
    .digest("hex");
}

/** What the built-in model says of itself (docs/CARD.md): the page knows its defaults before it is fetched. */
function card(): string {
  return readFileSync(resolve(import.meta.dirname, "../models/mini/atelier.json"), "utf8");
}

/** Takes the last build away, but not the models. */
function clean(): Plugin {
  return {
    name: "clean",
    apply: "build",
    buildStart() {
      for (const name of list(DIST)) if (name !== MODELS) rmSync(join(DIST, name), { recursive: true });
    },
  };
}

/**
 * Puts the English words into the page, for readers without scripts, and lets the first paint wait for the page's small
 * script, which puts in those of the reader's language.
 */
function words(): Plugin {
  const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const english = (key: string) => {
    const text = (en as Readonly<Record<string, unknown>>)[key];
    if (typeof text !== "string") throw new Error(`app/index.html asks for a text ${key}; app/strings/en.ts has none`);
    return escaped(text);
  };
  return {
    name: "words",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler: (html) =>
        replaced(html, '<script type="module"', '<script type="module" blocking="render"')
          .replaceAll(/( data-t="(\w+)"[^>]*>)</g, (_, start: string, key: string) => `${start}${english(key)}<`)
          .replaceAll(
            / data-t-(label|placeholder)="(\w+)"/g,
            (mark, kind: string, key: string) =>
              `${mark} ${kind === "label" ? "aria-label" : kind}="${english(key).replaceAll('"', "&quot;")}"`,
          ),
    },
  };
}

/**
 * What a sealed tab may do. No script, style or picture of any address: the page's own are in it, known by their hashes, and
 * what it makes lies in blobs. Where HTML is made of text, frames could slip in: the page never does, so nobody may.
 */
function sealedPolicy(script: string, style: string): string {
  const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  return [
    "default-src 'none'",
    `script-src ${hash(script)} 'wasm-unsafe-eval'`,
    `style-src ${hash(style)}`,
    "img-src blob: data:",
    "worker-src blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types atelier",
    "webrtc 'block'",
  ].join("; ");
}

/** Writes sealed.html: the same page, complete in one file, under a policy that allows no request. */
function seal(): Plugin {
  return {
    name: "seal",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const index = bundle["index.html"];
        if (index?.type !== "asset") throw new Error("the build made no index.html");
        const html = String(index.source);
        const named = (pattern: RegExp) => bundle[pattern.exec(html)?.[1] ?? ""];
        const [script, style] = [
          named(/<script [^>]*src="\.\/([^"]+)"/),
          named(/<link rel="stylesheet"[^>]*href="\.\/([^"]+)"/),
        ];
        if (script?.type !== "chunk" || style?.type !== "asset")
          throw new Error("index.html has no script or no style");
        if (script.imports.length > 0) throw new Error("the sealed page must be one script");
        // The end of a script element cannot stand in one.
        const code = script.code.replaceAll("</script", "<\\/script");
        const css = String(style.source);
        const source = [
          [
            /(http-equiv="Content-Security-Policy" content=")[^"]+/,
            `http-equiv="Content-Security-Policy" content="${sealedPolicy(code, css)}`,
          ],
          [/ *<link rel="manifest".*\n/, ""],
          [/ *<link rel="apple-touch-icon".*\n/, ""],
          [/<link rel="icon".*/, '<link rel="icon" href="data:,">'],
          ['<html lang="en">', '<html lang="en" data-sealed>'],
          [/<link rel="stylesheet".*/, `<style>${css}</style>`],
          [/<script type="module".*<\/script>/, `<script type="module" blocking="render">${code}</script>`],
        ].reduce((html, [from, to]) => replaced(html, from!, String(to)), html);
        this.emitFile({ type: "asset", fileName: "sealed.html", source });
      },
    },
  };
}

/** Puts the notices beside the page. */
function notices(): Plugin {
  return {
    name: "notices",
    apply: "build",
    generateBundle() {
      const source = readFileSync(resolve(import.meta.dirname, NOTICES));
      this.emitFile({ type: "asset", fileName: NOTICES, source });
    },
  };
}

/** Tells the service worker which files are the page's shell, once all of them are written. */
function shell(): Plugin {
  return {
    name: "shell",
    apply: "build",
    writeBundle() {
      const worker = join(DIST, "sw.js");
      const files = list(DIST)
        .filter((name) => ![MODELS, NOTICES, "sw.js"].includes(name))
        .flatMap((name) => walk(join(DIST, name)))
        .map((path) => relative(DIST, path))
        .sort();
      const hash = createHash("sha256");
      for (const file of files) hash.update(file).update(readFileSync(join(DIST, file)));
      const engines = files.filter((file) => file.endsWith(".wasm"));
      const found = JSON.stringify({ version: hash.digest("hex").slice(0, 16), files, engines });
      writeFileSync(worker, replaced(readFileSync(worker, "utf8"), /__SHELL__/g, found));
    },
  };
}

/** `text` with `from` replaced, which must be there. */
function replaced(text: string, from: string | RegExp, to: string): string {
  const result = text.replace(from, () => to);
  if (result === text) throw new Error(`there is no ${from} to replace`);
  return result;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** All files in and under a path. */
function walk(path: string): string[] {
  return list(path).length > 0 ? list(path).flatMap((name) => walk(join(path, name))) : [path];
}
