import { AtelierError, parseBlueprint, readPicture } from "atelier-web";
import { expect, test } from "vitest";
import { type Hostile, hostileFiles } from "./testing/hostile";

/** What becomes of a file, as in `open-files.ts`. */
async function verdict({ name, type, bytes }: Hostile): Promise<string> {
  try {
    if (name.endsWith(".json")) return parseBlueprint(new TextDecoder().decode(bytes)) ? "blueprint" : "unknown";
    if (type !== "image/png") return name.endsWith(".txt") ? "unknown" : "image";
    return (await readPicture(new Blob([bytes])))?.format ?? "image";
  } catch (error) {
    return error instanceof AtelierError && error.code === "other-version" ? "other-version" : "damaged";
  }
}

test("hostile files are all refused, each as what it is", async () => {
  const files = await hostileFiles();
  expect(files.length).toBeGreaterThanOrEqual(40);
  const found = await Promise.all(files.map(async (file) => [file.name, await verdict(file)]));
  expect(found).toEqual(files.map((file) => [file.name, file.verdict]));
}, 60_000);
