/** Files that come to the page, by drop, by the picker or from the system: blueprints, pictures of ours, other pictures, models. */

import { AtelierError, type Blueprint, filesFromDrop, parseBlueprint, readPicture, type RunRecord } from "atelier-web";
import { byId } from "./dom";

export interface Openers {
  blueprint: (blueprint: Blueprint) => void;
  record: (record: RunRecord, name: string) => void;
  /** A picture to start from; */
  image: (file: File) => void;
  model: (files: ReadonlyMap<string, Blob>, name: string) => void;
  unknown: (name: string) => void;
  /** It should be one of ours, and is not as it should be. */
  problem: (name: string, error: AtelierError) => void;
}

/** The part of the Launch Handler API that is used; Chromium alone has it. */
interface Launched {
  readonly launchQueue?: {
    setConsumer(take: (launch: { readonly files: readonly FileSystemFileHandle[] }) => Promise<void>): void;
  };
}

/** Larger than any blueprint; what is larger is not read to find out. */
const LARGEST_JSON = 16 << 20;

export function acceptFiles(openers: Openers): void {
  const input = byId("open-input", HTMLInputElement);
  byId("open-file", HTMLButtonElement).addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    for (const file of input.files ?? []) void open(file, openers);
    input.value = "";
  });
  acceptDrops(openers);
  // Where the page is installed, the system opens files with it.
  (globalThis as Launched).launchQueue?.setConsumer(async ({ files }) => {
    for (const handle of files) await open(await handle.getFile(), openers);
  });
}

function acceptDrops(openers: Openers): void {
  const veil = byId("drop", HTMLElement);
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    veil.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    // Moving from one element to the next leaves the first; only leaving the window has no next.
    if (!event.relatedTarget) veil.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    veil.hidden = true;
    const transfer = event.dataTransfer;
    if (!transfer || !hasFiles(event)) return;
    event.preventDefault();
    void take(transfer, openers);
  });
}

async function take(transfer: DataTransfer, openers: Openers): Promise<void> {
  const folder = [...transfer.items].map((item) => item.webkitGetAsEntry()).find((entry) => entry?.isDirectory);
  const files = await filesFromDrop(transfer);
  if (folder || files.has("pack.json") || files.has("model_index.json")) openers.model(files, folder?.name ?? "");
  else for (const file of files.values()) await open(file, openers);
}

/** Whatever the file is: one of the openers gets it, and only whole. */
async function open(file: File, openers: Openers): Promise<void> {
  try {
    await sort(file, openers);
  } catch (error) {
    // What else fails is the reading of the file itself.
    const unread = (cause: unknown) => new AtelierError("bad-file", cause instanceof Error ? cause.message : "");
    openers.problem(file.name, error instanceof AtelierError ? error : unread(error));
  }
}

async function sort(file: File, openers: Openers): Promise<void> {
  if (file.name.toLowerCase().endsWith(".json")) {
    if (file.size > LARGEST_JSON) throw new AtelierError("bad-blueprint", `expected at most ${LARGEST_JSON} bytes`);
    const blueprint = parseBlueprint(await file.text());
    if (blueprint) openers.blueprint(blueprint);
    else openers.unknown(file.name);
  } else if (file.type === "image/png") {
    const record = await readPicture(file);
    if (record) openers.record(record, file.name);
    else openers.image(file);
    // HEIC has no type in many browsers.
  } else if (file.type.startsWith("image/") || /\.(hei[cf]|avif)$/i.test(file.name)) openers.image(file);
  else openers.unknown(file.name);
}
