/** The licences of what is in the page (`cargo xtask licences`). */

import { byId, saveFile } from "./dom";
import { enclosed, SINGLE } from "./enclosed";
import { SEALED } from "./seal";

const FILE = "THIRD-PARTY.txt";

/** The link to them. A sealed page may go nowhere, and the page of one file brings them along. */
export function showLicences(): void {
  const link = byId("licences", HTMLAnchorElement);
  link.hidden = SEALED && !SINGLE;
  if (!SINGLE) return;
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    const text = await enclosed(FILE);
    if (text) saveFile(text, FILE);
  });
}
