/** Which version of a model to use: the server's, or the one that is on this device. */

import { AtelierError } from "../errors.js";
import { MANIFEST } from "../generated/pack.js";
import type { Requests } from "../protocol.js";
import type { Listing } from "./listing.js";
import { type Fetch, type FetchedListing, listServer } from "./server.js";

/** How long the server gets to answer when a complete version is here, in milliseconds. */
const PATIENCE = 5000;

/** A model on a server, and the only version of it that is wanted, if one is. */
export interface Wanted {
  readonly url: string;
  /** The SHA-256 of its manifest. */
  readonly manifest?: string | undefined;
}

/**
 * The server's version, or `kept`, the complete one on this device, where the server need not be asked or does not answer
 * as it should: a model that is here works, whatever became of the server.
 */
export async function latest(
  { url, manifest }: Wanted,
  requests: Requests,
  stored: Listing | undefined,
  fetch: Fetch,
  signal: AbortSignal,
): Promise<FetchedListing> {
  const kept = stored && isVersion(stored, manifest) ? stored : undefined;
  if (manifest !== undefined && kept) return { listing: kept };
  if (requests === "never" && !kept) throw notHere(url);
  if (!kept) {
    const found = await listServer(url, fetch, signal);
    if (isVersion(found.listing, manifest)) return found;
    const problem = `${url}: the server has another version of the model than the one that is asked for`;
    throw new AtelierError("other-version", problem, { file: MANIFEST });
  }
  if (requests !== "fresh") return { listing: kept };
  try {
    return await listServer(url, fetch, AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]));
  } catch {
    if (signal.aborted) throw signal.reason;
    return { listing: kept };
  }
}

/** Whether a listing is of the version that is wanted. */
export function isVersion(listing: Listing, manifest: string | undefined): boolean {
  return manifest === undefined || listing.files.some((file) => file.path === MANIFEST && file.sha256 === manifest);
}

/** The error where nothing may be fetched. */
export function notHere(url: string): AtelierError {
  return new AtelierError("network", `${url}: the model is not complete on this device, and may not be fetched`);
}
