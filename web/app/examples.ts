/** Worked examples, in the words that the built-in model was taught; a click fills the prompt. */

import { byId, make } from "./dom";

interface Example {
  prompt: string;
  /** The button is a small poster of what the prompt is about: a word, its colour and the ground's. */
  word: string;
  ink: string;
  ground: string;
}

const EXAMPLES: readonly Example[] = [
  {
    prompt:
      "A navy poster with the title 'OPEN STUDIO' in large white letters at the top and 'Friday 7pm' in small yellow text at the bottom right",
    word: "OPEN",
    ink: "#fff",
    ground: "#000080",
  },
  {
    prompt: "A simple banner, black background, showing the large yellow text 'HOUR' at the center.",
    word: "HOUR",
    ink: "#ffeb3b",
    ground: "#000",
  },
  {
    prompt:
      "A red card with 'Candy' at the top in white, large and 'fresh' in medium yellow letters at the bottom left.",
    word: "Candy",
    ink: "#fff",
    ground: "#d90000",
  },
  {
    prompt:
      "A cream flyer with 'GARDEN' in large green letters at the top, 'Sunday' in medium navy letters at the center and a small black footer that says '10 to 4'.",
    word: "GARDEN",
    ink: "#006400",
    ground: "#fffdd0",
  },
  {
    prompt: "Label on a pink background: 'Rose' at the center in navy, large.",
    word: "Rose",
    ink: "#000080",
    ground: "#ffc0cb",
  },
  {
    prompt: "Sign on a white background: 'Room 12' in medium black letters at the center left.",
    word: "12",
    ink: "#000",
    ground: "#fff",
  },
];

/** `fill` gets the prompt that was chosen. */
export function showExamples(fill: (prompt: string) => void): void {
  byId("examples", HTMLUListElement).append(
    ...EXAMPLES.map(({ prompt, word, ink, ground }) => {
      const button = make("button", {
        type: "button",
        title: prompt,
        ariaLabel: prompt,
        lang: "en",
        textContent: word,
      });
      button.style.color = ink;
      button.style.background = ground;
      button.addEventListener("click", () => fill(prompt));
      return make("li", {}, button);
    }),
  );
}
