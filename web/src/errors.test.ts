import { expect, test } from "vitest";
import { AtelierError, badRequest, crash, fromWire, isFatal, toWire } from "./errors.js";

test("an error crosses with all that it says", () => {
  const error = new AtelierError("quota", "no room", { file: "f", needed: 3, available: 2 });
  const back = fromWire(structuredClone(toWire(error)));
  expect(back).toBeInstanceOf(AtelierError);
  expect({ ...back, message: back.message }).toEqual({ ...error, message: "no room" });
});

test("what an error does not say it does not have", () => {
  const back = fromWire(structuredClone(toWire(new AtelierError("network", "gone"))));
  expect(back).not.toHaveProperty("file");
  expect(back).not.toHaveProperty("needed");
});

test("anything may be thrown", () => {
  for (const thrown of ["text", undefined, null, 3, {}]) expect(toWire(thrown).code).toBe("compute");
  expect(toWire("text").message).toBe("text");
});

test("panics for want of memory are told from others", () => {
  expect(crash("memory allocation of 64 bytes failed").code).toBe("out-of-memory");
  expect(crash("index out of bounds: the len is 3").code).toBe("engine-gone");
});

test("after which errors a worker is of no use", () => {
  expect(["engine-gone", "device-lost", "out-of-memory"].every((code) => isFatal(code as "engine-gone"))).toBe(true);
  expect(isFatal("bad-file") || isFatal("cancelled") || isFatal("compute")).toBe(false);
});

test("long texts are cut in messages", () => {
  expect(badRequest("seed", "an integer", "9".repeat(1000)).message.length).toBeLessThan(120);
});
