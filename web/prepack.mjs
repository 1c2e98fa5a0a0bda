// Before the package is packed or published: makes all of it that needs no Rust, and refuses what is not complete.
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const web = import.meta.dirname;

/** What is wrong, in a sentence; nothing is packed. */
function refuse(why) {
  console.error(`atelier-web cannot be packed: ${why}`);
  process.exit(1);
}

// It ends this where a WebAssembly module is missing.
await import("./package.mjs");

const { version } = JSON.parse(readFileSync(join(web, "package.json"), "utf8"));
const { VERSION: script } = await import("./lib/version.js");
if (script !== version) refuse(`src/version.ts: expected ${version}, the version in package.json, found ${script}`);
for (const name of ["atelier_web", "atelier_web_cpu"]) {
  const glue = await import(`./src/wasm/${name}.js`);
  let found = "one that asks for other things than its script has";
  try {
    glue.initSync({ module: readFileSync(join(web, `lib/wasm/${name}_bg.wasm`)) });
    found = glue.version();
  } catch (error) {
    if (!(error instanceof WebAssembly.LinkError)) throw error;
  }
  if (found === version) continue;
  refuse(`${name}_bg.wasm: expected version ${version}, found ${found}: \`cargo xtask web --build\` makes it anew`);
}
// The licences of what is inside the WebAssembly files.
if (!existsSync(join(web, "THIRD-PARTY.txt"))) refuse("THIRD-PARTY.txt is missing: `cargo xtask licences` writes it");
for (const name of ["LICENSE-MIT", "LICENSE-APACHE"]) copyFileSync(join(web, "..", name), join(web, name));
