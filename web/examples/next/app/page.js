"use client";

import { mini } from "atelier-mini";
import { createEngine } from "atelier-web";
import { useEffect, useRef, useState } from "react";

export default function Page() {
  const [status, setStatus] = useState("");
  const [picture, setPicture] = useState();
  /** Opened with the first picture. The model is kept on this device, and a later visit fetches nothing. */
  const engine = useRef();
  useEffect(() => () => engine.current?.dispose(), []);

  async function paint(submitted) {
    submitted.preventDefault();
    const { prompt, size, steps } = Object.fromEntries(new FormData(submitted.currentTarget));
    const say = ({ event }) => setStatus(event);
    try {
      engine.current ??= await createEngine(mini, { progress: say });
      const run = engine.current.generate({ prompt, width: Number(size), height: Number(size), steps: Number(steps) });
      for await (const event of run) say(event);
      const { png } = await run.result;
      setPicture({ src: URL.createObjectURL(png), alt: `Generated picture: ${prompt}` });
    } catch (error) {
      setStatus(error.message);
    }
  }

  return (
    <>
      <form onSubmit={paint}>
        <label>
          Prompt <input name="prompt" defaultValue="A navy sign with 'OPEN' in white" size="40" required />
        </label>
        <label>
          Size <input name="size" type="number" min="64" max="2048" step="32" defaultValue="512" required />
        </label>
        <label>
          Steps <input name="steps" type="number" min="1" max="100" defaultValue="6" required />
        </label>
        <button type="submit">Paint</button>
      </form>
      <output>{status}</output>
      {picture && (
        <p>
          <img src={picture.src} alt={picture.alt} />
        </p>
      )}
    </>
  );
}
