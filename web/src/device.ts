/** What happens to the graphics device, which the engine asks for by itself. */

/** Hears of it. */
export interface DeviceWatch {
  /** The device went away. A worker lives as long as its device: whoever lets a device go ends the worker. */
  lost(reason: string): void;
  /** It ran out of memory. */
  outOfMemory(message: string): void;
  /** It refused a command. */
  refused(message: string): void;
}

/** Watches every device that is asked for from now on. */
export function watchDevices(watch: DeviceWatch): void {
  // Where there is no WebGPU the engine says so.
  if (typeof GPUAdapter === "undefined") return;
  const request = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (this: GPUAdapter, descriptor: GPUDeviceDescriptor = {}) {
    const requiredFeatures = new Set(descriptor.requiredFeatures);
    // wgpu never asks a browser for subgroups.
    if (this.features.has("subgroups")) requiredFeatures.add("subgroups");
    const device = await request.call(this, { ...descriptor, requiredFeatures: [...requiredFeatures] });
    // Where whoever debugs this worker finds it.
    Object.assign(globalThis, { atelierDevice: device });
    device.addEventListener("uncapturederror", ({ error }) => {
      if (error instanceof GPUOutOfMemoryError) watch.outOfMemory(error.message);
      else watch.refused(error.message);
    });
    void device.lost.then(({ reason, message }) => watch.lost(message || reason));
    return device;
  };
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
