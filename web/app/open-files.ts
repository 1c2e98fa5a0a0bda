/** Files that come to the page, by drop or by the picker: blueprints, pictures of ours, other pictures, models. */

import { type Blueprint, filesFromDrop, readPictureNote, type RunRecord } from "atelier-web";
import { byId } from "./dom";
import { FileProblem, parseBlueprint, parseRecord } from "./parse";

export interface Openers {
  blueprint: (blueprint: Blueprint) => void;
  record: (record: RunRecord, name: string) => void;
  /** A picture to start from; */
  image: (file: File) => void;
  model: (files: ReadonlyMap<string, Blob>, name: string) => void;
  unknown: (name: string) => void;
  /** It should be one of ours, and is not as it should be. */
  problem: (name: string, problem: FileProblem) => void;
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
    const damaged = (cause: unknown) => new FileProblem("damaged", cause instanceof Error ? cause.message : "");
    openers.problem(file.name, error instanceof FileProblem ? error : damaged(error));
  }
}

async function sort(file: File, openers: Openers): Promise<void> {
  if (file.name.toLowerCase().endsWith(".json")) {
    if (file.size > LARGEST_JSON) throw new FileProblem("damaged", `expected at most ${LARGEST_JSON} bytes`);
    const blueprint = parseBlueprint(await file.text());
    if (blueprint) openers.blueprint(blueprint);
    else openers.unknown(file.name);
  } else if (file.type === "image/png") {
    const note = await readPictureNote(file);
    if (note === undefined) openers.image(file);
    else openers.record(parseRecord(note), file.name);
    // HEIC has no type in many browsers.
  } else if (file.type.startsWith("image/") || /\.(hei[cf]|avif)$/i.test(file.name)) openers.image(file);
  else openers.unknown(file.name);
}
