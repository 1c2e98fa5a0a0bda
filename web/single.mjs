// Makes one file of the sealed page and all that it needs: single/atelier.html opens by double click and asks for nothing.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";

const dist = join(import.meta.dirname, "dist");
const folder = join(import.meta.dirname, "single");
const files = readdirSync(dist, { recursive: true }).map((name) => join(dist, name));
const wanted = files.filter((path) => {
  const name = relative(dist, path);
  return (
    statSync(path).isFile() &&
    (/^assets\/.*(worker.*\.js|\.wasm)$/.test(name) || name.startsWith("models/mini/") || name === "THIRD-PARTY.txt")
  );
});
const elements = wanted.sort().map((path) => {
  const name = relative(dist, path).replace(/^assets\//, "");
  const text = gzipSync(readFileSync(path), { level: 9 }).toString("base64");
  return `<script type="application/gzip;base64" data-name="${name}">${text}</script>\n`;
});
if (wanted.filter((path) => path.endsWith(".wasm")).length !== 2)
  throw new Error("expected two engines in dist/assets");

const page = readFileSync(join(dist, "sealed.html"), "utf8");
const single = [
  ["data-sealed", "data-sealed data-single"],
  // A worker of a blob is none of a file's in Chromium.
  ["worker-src blob:", "worker-src blob: data:"],
  ["</body>", `${elements.join("")}</body>`],
].reduce((text, [from, to]) => {
  if (!text.includes(from)) throw new Error(`dist/sealed.html: expected ${from}, found none`);
  return text.replace(from, () => to);
}, page);
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "atelier.html"), single);
const hash = createHash("sha256").update(single).digest("hex");
writeFileSync(join(folder, "atelier.html.sha256"), `${hash}  atelier.html\n`);
console.log(`web/single/atelier.html: ${(single.length / 1e6).toFixed(1)} MB, SHA-256 ${hash}`);
