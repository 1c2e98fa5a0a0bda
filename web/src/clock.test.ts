import { expect, test } from "vitest";
import { Clock } from "./clock.js";
import type { WireEvent } from "./protocol.js";

test("time goes to the stage that is at work, loading included", () => {
  let now = 0;
  const clock = new Clock(() => now);
  const at = (time: number, event: object): void => {
    now = time;
    clock.on(event as WireEvent);
  };
  at(5, { event: "download" });
  at(10, { event: "verify", stage: "architect" });
  at(20, { event: "load", stage: "architect" });
  at(50, { event: "blueprint-token" });
  at(60, { event: "blueprint" });
  at(100, { event: "load", stage: "painter" });
  at(150, { event: "step" });
  // Lost, and anew from the blueprint.
  at(200, { event: "retry" });
  at(1200, { event: "load", stage: "painter" });
  at(1300, { event: "step" });
  at(1400, { event: "load", stage: "decoder" });
  at(1450, { event: "decode" });
  now = 1500;
  expect(clock.timings()).toEqual({ architect: 90, painter: 300, decoder: 100 });
});

test("a stage that stayed on the device is known by its work", () => {
  let now = 0;
  const clock = new Clock(() => now);
  clock.on({ event: "blueprint" } as WireEvent);
  now = 10;
  clock.on({ event: "step", image: 0, images: 1, step: 1, steps: 1 });
  now = 50;
  expect(clock.timings()).toEqual({ painter: 40 });
});
