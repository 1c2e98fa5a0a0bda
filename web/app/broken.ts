/** Which variants of kernels a check found broken, by adapter and browser: both decide what is computed. */

import { recall, remember } from "./keep";

type Broken = Record<string, readonly string[]>;

const known: Broken = {};
for (const [device, names] of Object.entries(Object(recall("atelier-broken")) as Record<string, unknown>)) {
  // Others can write there.
  if (Array.isArray(names)) known[device] = names.filter((name) => typeof name === "string");
}

/** The variants that were found broken on the adapter that an engine gets now. */
export async function brokenHere(): Promise<readonly string[]> {
  return known[await deviceName()] ?? [];
}

/** The last check of this adapter counts. */
export async function noteBroken(names: readonly string[]): Promise<void> {
  const device = await deviceName();
  if (names.length > 0) known[device] = names;
  else delete known[device];
  remember("atelier-broken", known);
}

/** What the browser says of the adapter, and its own version, with which its shader compiler changes. */
async function deviceName(): Promise<string> {
  const gpu = (navigator as Partial<Navigator>).gpu;
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  const { vendor, architecture, device, description } = adapter?.info ?? {};
  return [vendor, architecture, device, description, navigator.userAgent].join(" | ");
}
