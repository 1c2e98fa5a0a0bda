/** The CPU's engine declares what the GPU's does; the build compares them. */

export * from "./atelier_web.js";
export { default } from "./atelier_web.js";
