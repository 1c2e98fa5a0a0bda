// Before this package is packed: copies the pack of the built-in model from web/dist, compares every file with the manifest, and
// writes index.js, which names them all.
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const here = import.meta.dirname;
const from = join(here, "../dist/models/mini");
const to = join(here, "pack");

/** What is wrong, in a sentence; nothing is packed. */
function refuse(why) {
  console.error(`atelier-mini cannot be packed: ${why}`);
  process.exit(1);
}

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const ours = JSON.parse(readFileSync(join(here, "package.json"), "utf8")).version;
const web = JSON.parse(readFileSync(join(here, "../package.json"), "utf8")).version;
if (ours !== web) refuse(`expected version ${web}, which atelier-web has, found ${ours}`);
if (!existsSync(join(from, "pack.json"))) {
  refuse(`${join(from, "pack.json")} is missing: \`cargo xtask web --build\` in the repository's root makes it`);
}
const manifest = readFileSync(join(from, "pack.json"));
const { files, shards } = JSON.parse(manifest.toString());
const listed = [...files, ...shards.map(({ file }) => file)];
const there = readdirSync(from, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(from, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
const paths = ["pack.json", ...listed.map(({ path }) => path)];
const strange = there.filter((path) => !paths.includes(path));
if (strange.length > 0) refuse(`${from} has files that pack.json does not name: ${strange.join(", ")}`);

rmSync(to, { recursive: true, force: true });
for (const path of paths) {
  if (!there.includes(path)) refuse(`${join(from, path)} is missing, which pack.json names`);
  mkdirSync(dirname(join(to, path)), { recursive: true });
  copyFileSync(join(from, path), join(to, path));
}
for (const { path, sha256: expected } of listed) {
  const found = sha256(readFileSync(join(to, path)));
  if (found !== expected) refuse(`${path}: expected the SHA-256 ${expected}, found ${found}`);
}
// Bundlers know files by these very expressions.
const urls = paths.map(
  (path) => `    ${JSON.stringify(path)}: new URL(${JSON.stringify(`./pack/${path}`)}, import.meta.url),`,
);
writeFileSync(
  join(here, "index.js"),
  `export const mini = {
  name: "mini",
  manifest: ${JSON.stringify(sha256(manifest))},
  urls: {
${urls.join("\n")}
  },
};
`,
);
for (const name of ["LICENSE-MIT", "LICENSE-APACHE"]) copyFileSync(join(here, "../..", name), join(here, name));
