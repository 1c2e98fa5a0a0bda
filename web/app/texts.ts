/** Under the prompt: which texts will be drawn, and which may be lost. */

import { byId, make } from "./dom";
import { onLanguage, t } from "./i18n";
import { type Doubt, quoteDoubts, spelledTexts } from "./quotes";

function words(doubt: Doubt): string {
  switch (doubt.kind) {
    case "apostrophe":
      return t().doubtApostrophe(doubt.word);
    case "mark":
      return t().doubtMark(doubt.mark, doubt.word);
    case "alone":
      return t().doubtAlone(doubt.mark);
    case "partner":
      return t().doubtPartner(doubt.mark, doubt.partner);
    case "unknown":
      return t().doubtUnknown(doubt.text);
    case "empty":
      return t().doubtEmpty;
  }
}

/** Shows under the prompt which texts will be drawn. */
export function showTexts(): void {
  const prompt = byId("prompt", HTMLTextAreaElement);
  const shown = byId("texts", HTMLElement);
  const doubts = byId("doubts", HTMLUListElement);
  const render = () => {
    const texts = spelledTexts(prompt.value).filter((text) => text.trim() !== "");
    const found = quoteDoubts(prompt.value);
    shown.textContent = texts.length > 0 ? t().textsSpelled(texts.map((text) => `“${text}”`).join(", ")) : "";
    shown.hidden = texts.length === 0;
    doubts.hidden = found.length === 0;
    doubts.replaceChildren(...found.map((doubt) => make("li", { textContent: words(doubt) })));
  };
  prompt.addEventListener("input", render);
  onLanguage(render);
}
