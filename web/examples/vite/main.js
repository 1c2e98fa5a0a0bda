import { createEngine } from "atelier-web";
import { mini } from "atelier-mini";

const form = document.querySelector("form");
const status = document.querySelector("output");
const picture = document.querySelector("img");
/** Opened with the first picture. The model is kept on this device, and a later visit fetches nothing. */
let engine;

form.addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  const { prompt, size, steps } = Object.fromEntries(new FormData(form));
  try {
    engine ??= await createEngine(mini, { progress: say });
    const run = engine.generate({ prompt, width: Number(size), height: Number(size), steps: Number(steps) });
    for await (const event of run) say(event);
    const { png } = await run.result;
    Object.assign(picture, { src: URL.createObjectURL(png), alt: `Generated picture: ${prompt}`, hidden: false });
  } catch (error) {
    status.value = error.message;
  }
});

function say({ event, bytes, total, step, steps }) {
  if (total) status.value = `${event}: ${Math.round((100 * bytes) / total)} %`;
  else status.value = step === undefined ? event : `${event} ${step} of ${steps}`;
}
