/** Debian's Firefox. */

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import puppeteer, { type Browser } from "puppeteer-core";

function findFirefox(): string {
  const folders = ["/usr/bin", ...(process.env["PATH"] ?? "").split(delimiter)];
  const names = ["firefox-esr", "firefox"];
  const found =
    process.env["ATELIER_FIREFOX"] ??
    folders.flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path));
  if (!found) throw new Error("no Firefox: install Debian's package firefox-esr, or name one with ATELIER_FIREFOX");
  return found;
}

/** Firefox as it is installed, with a profile of its own; what is saved lands in `downloads`. */
export function launchFirefox(downloads?: string): Promise<Browser> {
  return puppeteer.launch({
    browser: "firefox",
    executablePath: findFirefox(),
    headless: true,
    ...(downloads && {
      extraPrefsFirefox: { "browser.download.folderList": 2, "browser.download.dir": downloads },
    }),
  });
}
