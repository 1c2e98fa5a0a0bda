import { cpSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

await build({ entryPoints: ["main.js"], bundle: true, format: "esm", minify: true, outdir: "dist" });

// esbuild does not follow `new URL(…, import.meta.url)`: what the packages look for beside their scripts is copied there.
const lib = dirname(fileURLToPath(import.meta.resolve("atelier-web")));
for (const name of ["worker.js", "wasm"]) cpSync(`${lib}/${name}`, `dist/${name}`, { recursive: true });
const mini = dirname(fileURLToPath(import.meta.resolve("atelier-mini")));
cpSync(`${mini}/pack`, "dist/pack", { recursive: true });
