/** Every kernel that may run in a browser, as this one compiles it: it looks more closely than wgpu does natively. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DIST, launch, openPage } from "./browser.ts";
import { FileServer } from "./server.ts";

/** Holds the kernels, as the tests of `crates/shaders` write them. */
const folder = process.env["ATELIER_KERNELS_DIR"];

test("every kernel compiles", async () => {
  if (!folder) throw new Error("ATELIER_KERNELS_DIR: expected the folder that `cargo xtask test` makes, found nothing");
  const kernels = readdirSync(folder).map((name) => ({ name, code: readFileSync(join(folder, name), "utf8") }));
  expect(kernels.length).toBeGreaterThanOrEqual(60);
  const server = await FileServer.start(DIST);
  const browser = await launch();
  const page = await openPage(browser, server.url);
  const { refused, compiled } = await page.evaluate(async (kernels) => {
    const adapter = await navigator.gpu.requestAdapter();
    if (!adapter) throw new Error("no adapter");
    // What variants are for, by the word that they begin with; no more limits than every device has.
    const variants = { f16: "shader-f16", subgroups: "subgroups" } as const;
    const requiredFeatures = Object.values(variants).filter((feature) => adapter.features.has(feature));
    const device = await adapter.requestDevice({ requiredFeatures });
    const refused: string[] = [];
    let compiled = 0;
    for (const { name, code } of kernels) {
      const asks = [...code.matchAll(/^enable (\w+);$/gm)].map(([, word]) => variants[word as keyof typeof variants]);
      if (!asks.every((feature) => requiredFeatures.includes(feature))) continue;
      const module = device.createShaderModule({ code });
      const { messages } = await module.getCompilationInfo();
      const errors = messages
        .filter(({ type }) => type === "error")
        .map(({ message, lineNum }) => `line ${lineNum}: ${message}`);
      const pipeline = device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" } });
      await pipeline.catch((error: unknown) => errors.push(String(error)));
      if (errors.length > 0) refused.push(`${name}: ${errors.join("; ")}`);
      compiled += 1;
    }
    return { refused, compiled };
  }, kernels);
  console.log(`in the tab: ${compiled} of ${kernels.length} kernels compiled`);
  expect(refused).toEqual([]);
  expect(compiled).toBeGreaterThanOrEqual(50);
  await browser.close();
  await server.close();
});
