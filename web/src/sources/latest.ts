/** Which version of a model to use: the server's, or the one that is on this device. */

import { AtelierError } from "../errors.js";
import type { Requests } from "../protocol.js";
import type { Listing } from "./listing.js";
import { type Fetch, type FetchedListing, listServer } from "./server.js";

/** How long the server gets to answer when a complete version is here, in milliseconds. */
const PATIENCE = 5000;

/**
 * The server's version, or `kept`, the complete one on this device, where the server need not be asked or does not answer
 * as it should: a model that is here works, whatever became of the server.
 */
export async function latest(
  url: string,
  requests: Requests,
  kept: Listing | undefined,
  fetch: Fetch,
  signal: AbortSignal,
): Promise<FetchedListing> {
  if (requests === "never" && !kept) throw notHere(url);
  if (!kept) return listServer(url, fetch, signal);
  if (requests !== "fresh") return { listing: kept };
  try {
    return await listServer(url, fetch, AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]));
  } catch {
    if (signal.aborted) throw signal.reason;
    return { listing: kept };
  }
}

/** The error where nothing may be fetched. */
export function notHere(url: string): AtelierError {
  return new AtelierError("network", `${url}: the model is not complete on this device, and may not be fetched`);
}
