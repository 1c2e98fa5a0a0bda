/**
 * What the engine's graphics library, wgpu, leaves undone in a browser; all of it goes when wgpu does it.
 *
 * - It never asks for subgroups: https://github.com/gfx-rs/wgpu/issues/10146. So this asks for them in its name, and the engine
 *   is told that its device has them.
 * - It asks for whichever adapter, which on computers with two is the slow one. So this asks for the fast one in its name.
 * - The engine does not hold its device, burn does: what happens to the device is heard where JavaScript has it in hand.
 *
 * Three globals of the worker belong to it: `atelierPanic`, which the engine calls before it gives up, and, for whoever debugs
 * the worker, `atelierDevice` and `atelierMemory`.
 */

/** Hears what happens to the device. */
export interface DeviceWatch {
  /** The device went away. A worker lives as long as its device: whoever lets a device go ends the worker. */
  lost(reason: string): void;
  /** It ran out of memory. */
  outOfMemory(message: string): void;
  /** It refused a command. */
  refused(message: string): void;
  /** The engine panicked. */
  crashed(message: string): void;
}

/** Watches every device that is asked for from now on, and the engine. */
export function watchEngine(watch: DeviceWatch): void {
  Object.assign(globalThis, { atelierPanic: (message: string) => watch.crashed(message) });
  // Where there is no WebGPU the engine says so.
  if (typeof GPUAdapter === "undefined") return;
  const requestAdapter = GPU.prototype.requestAdapter;
  GPU.prototype.requestAdapter = function (this: GPU, options: GPURequestAdapterOptions = {}) {
    return requestAdapter.call(this, { ...options, powerPreference: options.powerPreference ?? "high-performance" });
  };
  const request = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (this: GPUAdapter, descriptor: GPUDeviceDescriptor = {}) {
    const requiredFeatures = new Set(descriptor.requiredFeatures);
    if (this.features.has("subgroups")) requiredFeatures.add("subgroups");
    const device = await request.call(this, { ...descriptor, requiredFeatures: [...requiredFeatures] });
    Object.assign(globalThis, { atelierDevice: device });
    device.addEventListener("uncapturederror", ({ error }) => {
      if (error instanceof GPUOutOfMemoryError) watch.outOfMemory(error.message);
      else watch.refused(error.message);
    });
    void device.lost.then(({ reason, message }) => watch.lost(message || reason));
    return device;
  };
}

/** Shows the module's memory to whoever debugs the worker. */
export function exposeMemory(memory: WebAssembly.Memory): void {
  Object.assign(globalThis, { atelierMemory: memory });
}

/** Whether devices that are watched have subgroups, and the shading language all that the kernels use of them. */
export async function hasSubgroups(): Promise<boolean> {
  // Older browsers have no list of the language's features, whatever the types say.
  const gpu = (globalThis.navigator as Partial<Navigator> | undefined)?.gpu as Partial<GPU> | undefined;
  if (!gpu?.wgslLanguageFeatures?.has("subgroup_id")) return false;
  // Why there is no adapter is the engine's to say.
  const adapter = await gpu.requestAdapter?.().catch(() => null);
  return adapter?.features.has("subgroups") ?? false;
}
