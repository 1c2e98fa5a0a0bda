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
    prompt: "A red poster that says “Happy Birthday Anna!” in gold",
    word: "Happy",
    ink: "#ffd700",
    ground: "#8b0000",
  },
  {
    prompt:
      "In a bakery window, a sign that says 'Fresh Rolls' in large orange letters, and a menu card with 'until 11 am'",
    word: "Fresh",
    ink: "#ffa500",
    ground: "#000080",
  },
  {
    prompt: "A purple banner that reads “SUMMER FAIR” and the footer “12 July, Town Hall”",
    word: "Fair",
    ink: "#fff",
    ground: "#800080",
  },
  {
    prompt: "Ein Plakat mit „Schöne Grüße“",
    word: "Grüße",
    ink: "#000080",
    ground: "#fffdd0",
  },
  {
    prompt: "Grand Opening Saturday 10am",
    word: "10am",
    ink: "#000080",
    ground: "#fffdd0",
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
