import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { alias: { "atelier-web": resolve(import.meta.dirname, "src/index.ts") } },
  test: {
    // Pictures for docs/ are made only when they are wanted.
    include: process.env["ATELIER_SCREENSHOTS"] ? ["**/screenshots.ts"] : ["**/*.test.ts"],
  },
});
