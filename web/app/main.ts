/** Puts the page's parts together. Nothing here waits for the engine: it is made when the first picture is wanted. */

// First, so that nothing else of a sealed page runs before it is sealed.
import { SEALED } from "./seal";
import { Graphics } from "./graphics";
import { AtelierError, type Blueprint, isSupported, randomSeed, type RunRecord } from "atelier-web";
import { Awake } from "./awake";
import { MINI, readCard } from "./card";
import { Compose } from "./compose";
import { byId } from "./dom";
import { Easel } from "./easel";
import { EngineField } from "./engine-choice";
import { engineFile, Engines } from "./engines";
import { messageFor, Messages } from "./errors";
import { showExamples } from "./examples";
import { type Carried, type Entry, Gallery } from "./gallery";
import { onLanguage, startLanguages, t } from "./i18n";
import { choose, keeps, recall, remember } from "./keep";
import { showLicences } from "./licences";
import { BUILT_IN, type Chosen, ModelChoice } from "./model";
import { acceptFiles } from "./open-files";
import { Opened } from "./opened";
import { Result } from "./result";
import { Runs } from "./run";
import {
  collectCarried,
  formValues,
  keepFile,
  keepShell,
  offerSeal,
  restoreForm,
  showSeal,
  takeNewVersion,
} from "./shell";
import { SourceImages } from "./source-images";
import { Stages } from "./stages";
import { Storage } from "./storage";
import { Texts } from "./texts";
import { Warnings } from "./warnings";

startLanguages();

const easel = new Easel(() => gallery.before);
const stages = new Stages();
const messages = new Messages();
const engineField = new EngineField(() => {
  if (!runs.running) engines.close();
  void keepEngine();
});
const engines = new Engines(() => engineField.choice);
const sources = new SourceImages(
  (name, why) =>
    messages.show(() => ({
      title: why === "large" ? t().imageLarge(name) : t().imageUnknown(name),
      advice: why === "large" ? t().imageLargeAdvice : t().imageUnknownAdvice,
    })),
  () => texts.render(),
);
const compose = new Compose(() => {
  texts.render();
  emptySheet();
});
const texts = new Texts(() => ({ size: compose.size(), sources: sources.images.length }));
const opened = new Opened(compose, emptySheet);
const result = new Result({
  again: (entry) => repeat(entry, false),
  anew: (entry) => repeat(entry, true),
  useSettings: (entry) => restore(entry.record, ""),
});
const gallery = new Gallery((entry) => {
  result.show(entry);
  if (entry) easel.show(entry.url, entry.blueprint);
  else emptySheet();
});
const awake = new Awake(() => gallery.unsaved);
const warnings = new Warnings();
showLicences();
showSeal(() => {
  awake.leaving();
  return gallery.all;
});
const choice = new ModelChoice(() => {
  // A run in progress goes on with the model it began with.
  if (!runs.running) engines.close();
  void lookAtCard();
  void lookAtStorage();
});
const graphics = new Graphics({
  changed: () => engines.close(),
  failed: (error) => messages.show(() => messageFor(error, SEALED)),
});
const storage = new Storage({
  release: () => engines.close(),
  cleared: () => {
    void lookAtStorage();
    stages.say(t().cleared);
  },
  checked: (name, damaged) =>
    messages.show(() =>
      damaged === 0
        ? { title: t().storageWhole(name), advice: t().storageWholeAdvice, note: true }
        : { title: t().storageDamaged(name, damaged), advice: t().storageDamagedAdvice },
    ),
  failed: (error) => messages.show(() => messageFor(error, SEALED)),
  outdated: showNewVersion,
});
const runs = new Runs({
  engines,
  easel,
  stages,
  messages,
  gallery,
  result,
  warnings,
  awake,
  opened: modelOpened,
  idle: emptySheet,
  running: (running) => {
    storage.setInUse(running);
    graphics.setInUse(running);
  },
});

/** The sheet shows the grid of what would be painted next, unless there is a picture or a run. */
function emptySheet(): void {
  const size = compose.size();
  if (!size || gallery.shown || runs.running) return;
  if (opened.blueprint) easel.begin(size.width, size.height, opened.blueprint);
  else easel.idle(size.width, size.height);
}

function generate(): void {
  const settings = compose.read();
  const chosen = settings && choice.read();
  if (!settings || !chosen) return;
  const { prompt, width, height, ...paint } = settings;
  const seed = settings.seed ?? randomSeed();
  const from = opened.blueprint ? { blueprint: opened.blueprint } : { prompt, width, height };
  const metadata = byId("metadata", HTMLInputElement).checked;
  const request = { ...from, ...paint, seed, metadata, images: sources.images, imageNames: sources.names };
  runs.add({ request, images: sources.images, chosen, width, height });
}

/** One more picture like this one: from its blueprint, or from a blueprint that is written anew. */
function repeat({ blueprint, record, images }: Entry, anew: boolean): void {
  const chosen = choice.read();
  if (!chosen) return;
  const { prompt, width, height, sampling } = blueprint;
  const { temperature, top_p: topP, top_k: topK } = sampling;
  const from = anew ? { prompt, width, height, temperature, topP, topK: topK ?? 0 } : { blueprint };
  const { steps, guidance } = record.paint;
  const metadata = byId("metadata", HTMLInputElement).checked;
  const imageNames = record.sources ?? [];
  const request = { ...from, steps, guidance, seed: randomSeed(), metadata, images, imageNames };
  runs.add({ request, images, chosen, width, height });
}

/** Puts the settings of a picture back into the form; `name` is its file's. */
function restore(record: RunRecord, name: string): void {
  const { blueprint, paint } = record;
  opened.set(undefined);
  const { prompt, width, height, sampling } = blueprint;
  const { steps, guidance, seed } = paint;
  compose.write({ prompt, width, height, steps, guidance, seed, temperature: sampling.temperature });
  // One seed draws both blueprint and noise. A picture with two was painted from a blueprint, which it holds.
  if (blueprint.seed !== seed) opened.set(blueprint);
  if (name) messages.show(() => ({ title: t().settingsRestored(name), advice: advice(record), note: true }));
  compose.focusPrompt();
}

function advice(record: RunRecord): string {
  const other = choice.info !== undefined && choice.info.model !== record.blueprint.model;
  const missing = record.blueprint.sources?.length ? [t().addSources(record.sources?.join(", ") || "…")] : [];
  return [...(other ? [t().otherModel] : []), ...missing].join(" ");
}

function openBlueprint(blueprint: Blueprint): void {
  opened.set(blueprint);
  stages.say(t().blueprintOpened);
}

function modelOpened(chosen: Chosen): void {
  const info = engines.info(chosen);
  const engine = engines.inUse(chosen);
  if (engine) engineField.show(engine);
  if (info) {
    choice.setInfo(info);
    compose.setDefaults(info.defaults);
    texts.card = info.card;
  }
  const seed = gallery.shown?.record.paint.seed;
  if (seed !== undefined) compose.setLastSeed(seed);
  void lookAtStorage();
}

/** What the chosen model can draw, before it is open. */
async function lookAtCard(): Promise<void> {
  const { chosen } = choice;
  const card = !chosen || chosen.source === BUILT_IN ? MINI : await readCard(chosen.source);
  if (choice.chosen !== chosen) return;
  compose.setCard(card);
  texts.card = card;
}

async function lookAtStorage(): Promise<void> {
  const here = await storage.look(choice.chosen);
  await offerSeal(here && engineField.inUse !== undefined, engineFile(engineField.inUse ?? { kind: "gpu" }));
}

/** The engine's file, too, is on this device when the network goes away; and only the one that is used here. */
async function keepEngine(): Promise<void> {
  const engine = engineField.inUse;
  if (engine) await keepFile(engineFile(engine));
  await lookAtStorage();
}

showExamples((prompt) => {
  opened.set(undefined);
  compose.write({ prompt });
  compose.focusPrompt();
});
acceptFiles({
  blueprint: openBlueprint,
  record: restore,
  image: (file) => void sources.add(file, file.name),
  model: (files, name) => choice.useFiles(files, name || t().modelFilesName),
  unknown: (name) => messages.show(() => ({ title: t().fileUnknown(name), advice: t().fileUnknownAdvice })),
  problem: (name, { code, message }) =>
    messages.show(() => ({
      title: code === "other-version" ? t().fileOther(name) : t().fileDamaged(name),
      advice: code === "other-version" ? t().fileOtherAdvice : t().fileDamagedAdvice,
      cause: message,
    })),
});

byId("compose", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  generate();
});
document.addEventListener("keydown", (event) => {
  // The keys of an input method are its own; older browsers tell by the code alone.
  if (event.isComposing || event.keyCode === 229) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    generate();
  } else if (event.key === "Escape" && runs.running) {
    event.preventDefault();
    runs.cancel();
  }
});
onLanguage(() => {
  byId("version", HTMLElement).textContent = t().version(__VERSION__);
});
restoreForm(Object(recall("atelier-typed")) as Record<string, string>);
emptySheet();
showKeeping();
keepTyped();

// What nobody expected is at least said.
const unexpected = (error: unknown) => messages.show(() => messageFor(error, SEALED));
addEventListener("error", (event) => {
  if (event.error) unexpected(event.error);
});
addEventListener("unhandledrejection", (event) => unexpected(event.reason));

/** What is typed is there again at the next visit. */
function keepTyped(): void {
  let late: ReturnType<typeof setTimeout> | undefined;
  const keep = () => {
    clearTimeout(late);
    late = setTimeout(() => remember("atelier-typed", formValues()), 300);
  };
  for (const event of ["input", "change", "click"]) byId("compose", HTMLFormElement).addEventListener(event, keep);
  addEventListener("pagehide", () => remember("atelier-typed", formValues()));
}

function showKeeping(): void {
  const box = byId("keep", HTMLInputElement);
  box.checked = keeps();
  box.disabled = SEALED;
  onLanguage(() => {
    byId("keep-hint", HTMLElement).textContent = SEALED ? t().keepSealed : t().keepHint;
  });
  box.addEventListener("change", async () => {
    await choose(box.checked);
    await gallery.keepingChanged();
    if (box.checked) remember("atelier-typed", formValues());
  });
}

/** A button for the new version: the page is never changed under its user's hands. */
function showNewVersion(): void {
  if (!SEALED) byId("update", HTMLElement).hidden = false;
}
const updateNow = byId("update-now", HTMLButtonElement);
updateNow.addEventListener("click", () => {
  updateNow.disabled = true;
  void takeNewVersion();
});

const carried = await collectCarried();
if (Array.isArray(carried)) gallery.take(carried as readonly Carried[]);
await gallery.recall();
await choice.recall();

const support = await isSupported();
if (!support.supported) {
  const error = new AtelierError(support.code, support.message);
  messages.show(() => messageFor(error, SEALED));
}
await engineField.look();
await lookAtStorage();
await keepShell(showNewVersion);
// Only now is there a shell that a sealed page can be opened from.
await keepEngine();
