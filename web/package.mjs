// Makes lib/, what the package is: the modules of src by TypeScript, the worker as one script that is complete in itself, and
// the WebAssembly files beside it, which `cargo xtask web --build` puts into src/wasm.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

const web = import.meta.dirname;
const [source, lib] = [join(web, "src"), join(web, "lib")];
/** The second has no declarations of its own: whoever has the types of one engine has the other's. */
const wasm = ["atelier_web_bg.wasm", "atelier_web_cpu_bg.wasm", "atelier_web.d.ts"];

for (const file of [...wasm, "atelier_web.js", "atelier_web_cpu.js"].map((name) => join(source, "wasm", name))) {
  if (!existsSync(file)) {
    console.error(`${file} is missing: \`cargo xtask web --build\` in the repository's root makes it`);
    process.exit(1);
  }
}
// Whatever was made of modules that are gone is not to be published.
rmSync(lib, { recursive: true, force: true });
execFileSync(
  process.execPath,
  [join(web, "node_modules/typescript/bin/tsc"), "-p", join(source, "tsconfig.package.json")],
  {
    stdio: "inherit",
  },
);
const bundle = await rolldown({
  input: join(source, "worker.ts"),
  platform: "browser",
  resolve: { extensionAlias: { ".js": [".ts", ".js"] } },
  transform: { target: "es2022" },
});
await bundle.write({ file: join(lib, "worker.js"), format: "iife", minify: true });
await bundle.close();
writeFileSync(join(lib, "worker.d.ts"), "export {};\n");
mkdirSync(join(lib, "wasm"));
for (const name of wasm) copyFileSync(join(source, "wasm", name), join(lib, "wasm", name));
