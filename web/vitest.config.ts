import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

/** Tests that measure: nothing else runs beside them. */
const TIMED = ["cpu", "native", "soak", "speed", "stopping"].map((name) => `e2e/${name}.test.ts`);

export default defineConfig({
  resolve: { alias: { "atelier-web": resolve(import.meta.dirname, "src/index.ts") } },
  test: {
    projects: [
      { extends: true, test: { name: "package", include: ["{src,app}/**/*.test.ts"] } },
      {
        extends: true,
        test: {
          name: "page",
          include: ["e2e/**/*.test.ts"],
          exclude: TIMED,
          // Half of their time they wait: for a file, an animation, a worker that starts.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      { extends: true, test: { name: "timed", include: TIMED, maxWorkers: 1, sequence: { groupOrder: 2 } } },
      // Pictures for docs/ are made only when they are wanted.
      { extends: true, test: { name: "screenshots", include: ["e2e/screenshots.ts"] } },
    ],
  },
});
