import { beforeEach, expect, test, vi } from "vitest";
import { VERSION } from "./version.js";
import { loadWasm } from "./wasm-module.js";

/** What a module's script does with it, and which version it says it has. */
let begin: () => Promise<{ memory: WebAssembly.Memory }>;
let version: () => string;

vi.mock("./wasm/atelier_web.js", () => ({ default: () => begin(), version: () => version() }));
vi.mock("./wasm/atelier_web_cpu.js", () => ({ default: () => begin(), version: () => version() }));

/** The smallest module. */
const EMPTY = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);

beforeEach(() => {
  begin = async () => ({ memory: new WebAssembly.Memory({ initial: 1 }) });
  version = () => VERSION;
});

test("a module of this version is loaded, and its code is there for the next worker", async () => {
  const { module } = await loadWasm("gpu", EMPTY);
  expect(module).toBeInstanceOf(WebAssembly.Module);
  expect((await loadWasm("cpu", module)).module).toBe(module);
});

test("a module of another version is refused, by its number", async () => {
  version = () => "0.0.1";
  await expect(loadWasm("cpu", EMPTY)).rejects.toMatchObject({
    code: "other-version",
    message: `the CPU engine's WebAssembly file: expected version ${VERSION}, as its script has, found 0.0.1`,
  });
});

test("a module that asks for other things than its script has is of another version; what else goes wrong is not", async () => {
  const cause = new WebAssembly.LinkError("import #0 is no function");
  begin = () => Promise.reject(cause);
  await expect(loadWasm("gpu", EMPTY)).rejects.toMatchObject({ code: "other-version", cause });
  const trap = new WebAssembly.RuntimeError("unreachable");
  begin = () => Promise.reject(trap);
  await expect(loadWasm("gpu", EMPTY)).rejects.toBe(trap);
});
