import { defineConfig } from "vite";

export default defineConfig({
  // Relative addresses: what is built works in any folder.
  base: "./",
  // `vite dev` would bundle dependencies beforehand and leave behind the files that lie beside their scripts.
  optimizeDeps: { exclude: ["atelier-web", "atelier-mini"] },
});
