import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Pictures for docs/ are made only when they are wanted.
    include: process.env["ATELIER_SCREENSHOTS"] ? ["**/screenshots.ts"] : ["**/*.test.ts"],
  },
});
