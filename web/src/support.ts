/** Whether this browser can run a model at all. */

import type { Support } from "./types.js";

/** Asks for WebGPU and for a graphics adapter; no device is made. */
export async function isSupported(): Promise<Support> {
  // Older browsers have no such property, whatever the types say.
  const gpu = (globalThis.navigator as Partial<Navigator> | undefined)?.gpu;
  if (!gpu) {
    return {
      supported: false,
      code: "no-webgpu",
      message: "this browser has no WebGPU, or the page is not secure (https)",
    };
  }
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  if (adapter) return { supported: true };
  return { supported: false, code: "no-adapter", message: "WebGPU finds no graphics adapter" };
}
