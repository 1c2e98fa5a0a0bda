/** Which version of a model to use: the server's, or the one that is on this device. */

import { AtelierError } from "../errors.js";
import { MANIFEST } from "../generated/pack.js";
import type { Requests } from "../protocol.js";
import { addressOf, type Addresses, type Listing } from "./listing.js";
import { type Fetch, type FetchedListing, listServer } from "./server.js";

/** How long the server gets to answer when a complete version is here, in milliseconds. */
const PATIENCE = 5000;

/** A model on a server, and the only version of it that is wanted, if one is. */
export interface Wanted {
  readonly url: string;
  /** The SHA-256 of its manifest. */
  readonly manifest?: string | undefined;
  /** Where its files are, if not in the folder; then `url` is only its name on this device. */
  readonly addresses?: Addresses | undefined;
}

/**
 * The server's version, or `kept`, the complete one on this device, where the server need not be asked or does not answer
 * as it should: a model that is here works, whatever became of the server.
 */
export async function latest(
  wanted: Wanted,
  requests: Requests,
  stored: Listing | undefined,
  fetch: Fetch,
  signal: AbortSignal,
): Promise<FetchedListing> {
  const { url, manifest, addresses } = wanted;
  // What is here was kept without addresses, which may be others today.
  const kept = stored && isVersion(stored, manifest) ? { ...stored, addresses } : undefined;
  if (manifest !== undefined && kept) return { listing: kept };
  if (requests === "never" && !kept) throw notHere(url);
  if (!kept) {
    const found = await listServer(wanted, fetch, signal);
    if (isVersion(found.listing, manifest)) {
      // Before anything is fetched.
      for (const { path } of found.listing.files) addressOf(found.listing, path);
      return found;
    }
    const problem = `${addressOf(wanted, MANIFEST)}: expected the version of the model with the SHA-256 ${manifest}, found another`;
    throw new AtelierError("other-version", problem, { file: MANIFEST });
  }
  if (requests !== "fresh") return { listing: kept };
  try {
    return await listServer(wanted, fetch, AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]));
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
