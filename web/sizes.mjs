// What a visitor downloads before the model, compressed as servers send it, and the limits that it keeps.
import { readdirSync, readFileSync } from "node:fs";
import { brotliCompressSync } from "node:zlib";

const dist = new URL("dist/", import.meta.url);
const LIMITS = [
  // A visitor needs one of them.
  { what: "GPU engine", has: /atelier_web_bg.*\.wasm$/, limit: 2_600_000 },
  { what: "CPU engine", has: /atelier_web_cpu_bg.*\.wasm$/, limit: 2_500_000 },
  { what: "page script", has: /\.js$/, limit: 60_000 },
  { what: "style", has: /\.css$/, limit: 20_000 },
];

const files = readdirSync(dist, { recursive: true }).filter((name) => !name.startsWith("models"));
let failed = false;
for (const { what, has, limit } of LIMITS) {
  const matching = files.filter((name) => has.test(name));
  const sizes = matching.map((name) => brotliCompressSync(readFileSync(new URL(name, dist))).length);
  const size = sizes.reduce((sum, size) => sum + size, 0);
  const within = matching.length > 0 && size <= limit;
  failed ||= !within;
  const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`.padStart(10);
  console.log(`${what.padEnd(12)}${kilobytes(size)} brotli, at most ${kilobytes(limit)}${within ? "" : "  TOO LARGE"}`);
}
process.exitCode = failed ? 1 : 0;
