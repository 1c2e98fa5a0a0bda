/** The packed packages as others use them: installed into the examples, built with each bundler, and run in a browser. */

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { Script } from "node:vm";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launch, PATIENCE } from "./browser.ts";
import { FileServer } from "./server.ts";

const WEB = resolve(import.meta.dirname, "..");
const BIN = join(WEB, "node_modules/.bin");

/** What was installed there is there for others. */
let folder: string;
let tarballs: readonly [string, string];
let browser: Browser;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "consumers-"));
  const web = copied("whole");
  tarballs = [await pack(web), await pack(join(web, "mini"))];
  browser = await launch({ webgpu: false });
});

afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true });
});

/** Runs a program; what it prints. What it said is part of the error where it fails. */
async function run(cwd: string, program: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NO_COLOR: "1", npm_config_update_notifier: "false" };
  const { stdout } = await promisify(execFile)(program, args, { cwd, env, maxBuffer: 1 << 26 }).catch(
    (error: { stdout: string; stderr: string }) => {
      throw new Error(`${program} ${args.join(" ")}:\n${error.stdout}\n${error.stderr}`);
    },
  );
  return stdout;
}

/**
 * A copy of the packages' sources, which packing writes to: other tests use what was built of the originals. It is `spoiled` before
 * anything is made of it.
 */
function copied(name: string, spoil: (web: string) => void = () => {}): string {
  const web = join(folder, name, "web");
  for (const file of [
    "package.json",
    "package.mjs",
    "prepack.mjs",
    "README.md",
    "THIRD-PARTY.txt",
    "src",
    "dist/models",
  ]) {
    cpSync(join(WEB, file), join(web, file), { recursive: true });
  }
  for (const file of ["package.json", "prepack.mjs", "index.d.ts", "README.md"]) {
    cpSync(join(WEB, "mini", file), join(web, "mini", file));
  }
  for (const file of ["LICENSE-MIT", "LICENSE-APACHE"]) cpSync(join(WEB, "..", file), join(web, "..", file));
  symlinkSync(join(WEB, "node_modules"), join(web, "node_modules"));
  spoil(web);
  return web;
}

/** The tarball of the package in a folder. */
async function pack(cwd: string): Promise<string> {
  const said = await run(cwd, "npm", "pack", "--pack-destination", folder);
  return join(folder, said.trim().split("\n").at(-1) ?? "");
}

/** A copy of an example, with the packages in it as they are packed, and what it names itself. */
async function installed(example: string): Promise<string> {
  const copy = join(folder, example);
  cpSync(join(WEB, "examples", example), copy, { recursive: true });
  await run(copy, "npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline", ...tarballs);
  return copy;
}

/** Opens the page at `url` as it stands and has it paint the smallest picture; the size of what it shows. */
async function paint(url: string): Promise<readonly number[]> {
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on("console", (message) => {
    // The examples have no icon, and browsers look for one.
    if (message.type() === "error" && !message.location().url.endsWith("/favicon.ico")) problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.goto(url);
  await page.getByLabel("Size").fill("64");
  await page.getByLabel("Steps").fill("2");
  await page.getByRole("button", { name: "Paint" }).click();
  const picture = page.getByRole("img", { name: /^Generated picture: A navy sign/ });
  const failed = page.locator("output", { hasText: /expected|cannot|failed|error/i });
  await picture.or(failed).waitFor({ timeout: PATIENCE });
  if ((await failed.count()) > 0) throw new Error(`the page says: ${await failed.innerText()}; ${problems.join("; ")}`);
  const [width, height, colours] = await picture.evaluate((element) => {
    const image = element as HTMLImageElement;
    const { naturalWidth: width, naturalHeight: height } = image;
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context?.drawImage(image, 0, 0);
    return [width, height, new Set(new Uint32Array(context?.getImageData(0, 0, width, height).data.buffer ?? [])).size];
  });
  expect(problems).toEqual([]);
  // It shows something.
  expect(colours).toBeGreaterThan(100);
  await page.close();
  return [width, height];
}

/** The page in a folder of a server, which is asked for one engine only. */
async function paintFrom(root: string): Promise<void> {
  const server = await FileServer.start(root);
  expect(await paint(server.url)).toEqual([64, 64]);
  expect(server.asked.filter(({ url }) => url.endsWith(".wasm"))).toHaveLength(1);
  expect(server.asked.filter(({ url }) => /worker.*\.js$/.test(url) || url.endsWith(".json")).length).toBeGreaterThan(
    1,
  );
  await server.close();
}

describe("the tarballs", () => {
  test("hold what they should, and each problem that publint and are-the-types-wrong know of is absent", async () => {
    const files = async (tarball: string): Promise<string[]> => (await run(folder, "tar", "-tzf", tarball)).split("\n");
    for (const [tarball, wanted] of [
      [
        tarballs[0],
        ["THIRD-PARTY.txt", "lib/index.js", "lib/index.d.ts", "lib/worker.js", "lib/wasm/atelier_web_bg.wasm"],
      ],
      [tarballs[1], ["index.js", "index.d.ts", "pack/pack.json", "pack/processor/tokenizer.json"]],
    ] as const) {
      const found = await files(tarball);
      for (const name of [...wanted, "package.json", "README.md", "LICENSE-MIT", "LICENSE-APACHE"]) {
        expect(found).toContain(`package/${name}`);
      }
      expect(found.filter((name) => /\.test\.|\.tsx?$/.test(name) && !name.endsWith(".d.ts"))).toEqual([]);
      await run(folder, join(BIN, "publint"), "run", tarball, "--strict");
      // WebAssembly files have no types, and only modules are offered.
      const options = ["--profile", "esm-only", "--exclude-entrypoints", "wasm", "wasm-cpu"];
      await run(folder, join(BIN, "attw"), tarball, ...(tarball === tarballs[0] ? options : options.slice(0, 2)));
    }
  });

  test("the worker is complete in itself: a script without imports, of which a raw copy runs anywhere", async () => {
    const code = await run(folder, "tar", "-xzOf", tarballs[0], "package/lib/worker.js");
    // Imports, exports and `import.meta` are errors outside of modules.
    expect(() => new Script(code)).not.toThrow();
    expect(code).not.toMatch(/\bimport\s*\(|importScripts/);
  });

  /** What `prepack` says of a copy with which something is wrong; it must refuse. */
  async function refusal(name: string, part: string, spoil: (web: string) => void): Promise<string> {
    return run(join(copied(name, spoil), part), "node", "prepack.mjs").then(
      () => "it was packed",
      (error: unknown) => String(error),
    );
  }
  const edit = (file: string, from: string, to: string): void =>
    writeFileSync(file, readFileSync(file, "utf8").replace(from, to));

  test("are not packed without the engines, or with those of another version, or without the notices", async () => {
    const without = await refusal("without", ".", (web) => rmSync(join(web, "src/wasm/atelier_web_cpu_bg.wasm")));
    expect(without).toContain("atelier_web_cpu_bg.wasm is missing: `cargo xtask web --build`");
    const other = await refusal("other", ".", (web) => {
      for (const file of ["package.json", "src/version.ts"]) edit(join(web, file), '"0.1.0"', '"0.1.1"');
    });
    expect(other).toContain("atelier_web_bg.wasm: expected version 0.1.1, found 0.1.0");
    const bare = await refusal("bare", ".", (web) => rmSync(join(web, "THIRD-PARTY.txt")));
    expect(bare).toContain("THIRD-PARTY.txt is missing: `cargo xtask licences`");
  });

  test("are not packed with a model that is not whole, or is not the manifest's", async () => {
    const model = (web: string): string => join(web, "dist/models/mini");
    const none = await refusal("none", "mini", (web) => rmSync(model(web), { recursive: true }));
    expect(none).toContain("pack.json is missing: `cargo xtask web --build`");
    const tokenizer = "processor/tokenizer.json";
    const damaged = await refusal("damaged", "mini", (web) => edit(join(model(web), tokenizer), "a", "b"));
    expect(damaged).toContain(`${tokenizer}: expected the SHA-256`);
    const partial = await refusal("partial", "mini", (web) => rmSync(join(model(web), tokenizer)));
    expect(partial).toContain(`${tokenizer} is missing, which pack.json names`);
  });
});

test("the documentation of all that is exported is made without a warning", async () => {
  const web = copied("documented");
  cpSync(join(WEB, "typedoc"), join(web, "typedoc"), {
    recursive: true,
    filter: (path) => !path.includes("node_modules"),
  });
  // The README leads there.
  cpSync(join(WEB, "examples"), join(web, "examples"), { recursive: true });
  await run(web, "npm", "run", "docs");
  const index = readFileSync(join(web, "docs-api/modules/index.html"), "utf8");
  for (const name of ["createEngine", "GenerateRequest", "RunPlan", "AtelierError"]) expect(index).toContain(name);
  expect(readdirSync(join(web, "docs-api/interfaces"))).toContain("element.AtelierImageElement.html");
});

describe("built with", () => {
  test("Vite; and the package's types hold without `skipLibCheck`, and it can be imported by a server", async () => {
    const example = await installed("vite");
    await run(example, "npm", "run", "build");
    await paintFrom(join(example, "dist"));

    writeFileSync(
      join(example, "typed.ts"),
      `import { mini } from "atelier-mini";
       import { createEngine, type Engine } from "atelier-web";
       export const engine: Promise<Engine> = createEngine(mini, { engine: "cpu" });`,
    );
    for (const resolution of ["nodenext", "bundler"]) {
      const module = resolution === "bundler" ? "esnext" : resolution;
      const options = ["--module", module, "--moduleResolution", resolution, "--target", "es2022", "--types", ""];
      await run(example, join(BIN, "tsc"), "--noEmit", "--strict", "--lib", "es2022,dom", ...options, "typed.ts");
    }

    writeFileSync(
      join(example, "server.mjs"),
      `import { mini } from "atelier-mini";
       import { AtelierError, createEngine, isSupported } from "atelier-web";
       const { supported } = await isSupported();
       const error = await createEngine(mini).catch((error) => error);
       console.log(supported, error instanceof AtelierError, error.code, Object.keys(mini.urls).length);`,
    );
    const files = readdirSync(join(folder, "whole/web/mini/pack"), { recursive: true, withFileTypes: true });
    const count = files.filter((entry) => entry.isFile()).length;
    expect((await run(example, "node", "server.mjs")).trim()).toBe(`false true no-webgpu ${count}`);
  });

  test("webpack", async () => {
    const example = await installed("webpack");
    await run(example, "npm", "run", "build");
    await paintFrom(example);
  });

  test("esbuild, which copies no files by itself", async () => {
    const example = await installed("esbuild");
    await run(example, "npm", "run", "build");
    await paintFrom(example);
  });

  test("Next, which renders the page on a server before", async () => {
    const example = await installed("next");
    await run(example, "npm", "run", "build");
    await paintFrom(join(example, "out"));
  });
});

test("from a CDN: scripts, worker, engine and model of another origin, under a policy that names it", async () => {
  const cdn = await FileServer.start(join(folder, "cdn"), true);
  for (const [index, name] of ["atelier-web@0.1.0", "atelier-mini@0.1.0"].entries()) {
    const there = join(folder, "cdn", name);
    mkdirSync(there, { recursive: true });
    await run(there, "tar", "-xzf", tarballs[index] ?? "", "--strip-components", "1");
  }
  const site = join(folder, "cdn-page");
  cpSync(join(WEB, "examples/cdn"), site, { recursive: true });
  for (const name of ["index.html", "main.js"].map((name) => join(site, name))) {
    const page = readFileSync(name, "utf8");
    expect(page).toContain("https://cdn.jsdelivr.net");
    const moved = page.replaceAll("https://cdn.jsdelivr.net/npm/", cdn.url);
    writeFileSync(name, moved.replaceAll("https://cdn.jsdelivr.net", new URL(cdn.url).origin));
  }
  const server = await FileServer.start(site);
  expect(await paint(server.url)).toEqual([64, 64]);
  const own = server.asked.map(({ url }) => url);
  expect(own.filter((url) => url !== "/favicon.ico").sort()).toEqual(["/", "/main.js"]);
  expect(cdn.asked.filter(({ url }) => url.endsWith(".wasm"))).toHaveLength(1);
  await Promise.all([server.close(), cdn.close()]);
});
