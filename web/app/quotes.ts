/**
 * The quoted texts that the engine will spell, and where that is in doubt: the typographic rule of
 * `crates/atelier/src/prompt/quotes.rs`, whose own examples test this one.
 */

/** Opening marks and those that close them, in the order in which texts are listed: the reference's come first. */
const KINDS: readonly (readonly [string, string])[] = [
  ["'", "'"],
  ["“", "”"],
  ['"', '"'],
  ["「", "」"],
  ["„", '“”"'],
  ["‚", "‘’"],
  ["»", "«»"],
  ["›", "‹›"],
  ["‘", "’"],
  ["«", "»"],
  ["‹", "›"],
  ["『", "』"],
  ["”", "”"],
  ["＂", "＂"],
  ["＇", "＇"],
  ["〝", "〞〟"],
];
/** How many of them the reference knows. */
const REFERENCE = 4;
/** Those that close with a mark that opens another kind, from the reference's on, are looked for first. */
const CLOSING_OTHERS = 8;
/** Marks that open and close: a gap before the closing one, or behind the opening one, is no text. */
const BOTH_WAYS = "»›”";
/** Pairs whose absence a writer would not see. */
const PAIRS = ["“”", "「」", "„“", "『』"] as const;
/** Marks around what somebody may want to be spelled, but that often mean something else. */
const UNKNOWN = ["``", "《》", "〈〉"] as const;

/** One place where what is written may be lost. */
export type Doubt =
  | { readonly kind: "apostrophe"; readonly word: string }
  | { readonly kind: "alone"; readonly mark: string }
  | { readonly kind: "partner"; readonly mark: string; readonly partner: string }
  | { readonly kind: "unknown"; readonly text: string };

/** The texts between quotes, in the order in which the encoder sees them. */
export function spelledTexts(prompt: string): string[] {
  return new Reading(prompt).spelled();
}

/** What may be lost or cut; empty where all is as it looks. */
export function quoteDoubts(prompt: string): Doubt[] {
  return new Reading(prompt).doubts();
}

/** A text: its kind and the places of its marks. */
interface Quoted {
  readonly kind: number;
  readonly open: number;
  readonly close: number;
}

/** Where a text begins, and the first apostrophe in it. */
interface Begun {
  readonly start: number;
  readonly apostrophe?: number;
}

/** A prompt as a reader sees it. */
class Reading {
  private readonly letters: readonly string[];
  /** Marks of texts. */
  private readonly taken = new Set<number>();
  private readonly texts: Quoted[] = [];
  /** Straight apostrophes within words that had to close a text, as nothing else did. */
  private readonly closedByApostrophes: number[] = [];
  /** Opening marks that nothing closes. */
  private readonly unclosed = new Set<number>();

  constructor(prompt: string) {
    this.letters = [...prompt];
    const kinds = [...KINDS.keys()];
    const first = kinds.slice(REFERENCE, CLOSING_OTHERS);
    for (const kind of [...first, ...kinds.filter((kind) => !first.includes(kind))]) this.scan(kind);
    this.texts.sort((a, b) => a.kind - b.kind || a.open - b.open);
  }

  /** From each opening mark to the next one that closes it; another opening mark in between starts the text anew. */
  private scan(kind: number): void {
    const [open, closes] = KINDS[kind] ?? ["", ""];
    let begun: Begun | undefined;
    for (const [at, mark] of this.letters.entries()) {
      if (this.taken.has(at)) continue;
      if (begun && closes.includes(mark) && this.mayClose(open, at)) {
        if ("'’".includes(mark) && this.isWithinWord(at)) {
          begun = { start: begun.start, apostrophe: begun.apostrophe ?? at };
        } else {
          this.add(kind, begun.start, at);
          begun = undefined;
        }
      } else if (mark === open && this.mayOpen(at)) {
        this.giveUp(kind, begun);
        begun = { start: at };
      }
    }
    this.giveUp(kind, begun);
    if (begun && begun.apostrophe === undefined) this.unclosed.add(begun.start);
  }

  /** What began is not closed, unless an apostrophe was meant to. */
  private giveUp(kind: number, begun: Begun | undefined): void {
    if (begun?.apostrophe === undefined) return;
    this.add(kind, begun.start, begun.apostrophe);
    this.closedByApostrophes.push(begun.apostrophe);
  }

  private add(kind: number, open: number, close: number): void {
    if (kind >= REFERENCE && this.between(open, close).trim() === "") return;
    this.texts.push({ kind, open, close });
    this.taken.add(open).add(close);
  }

  private mayOpen(at: number): boolean {
    const mark = this.letters[at] ?? "";
    const [before, after] = [this.letters[at - 1], this.letters[at + 1]];
    // It's, dogs', 6'.
    if (mark === "'" || mark === "‘") return !isOfWord(before);
    if (mark === '"') return !this.isInch(at);
    if (BOTH_WAYS.includes(mark)) return !isOfWord(before) && after !== undefined && !/[\s,.;:!?)]/u.test(after);
    return true;
  }

  /** Whether a mark may close what `open` has opened. */
  private mayClose(open: string, at: number): boolean {
    if (BOTH_WAYS.includes(open)) return !isSpace(this.letters[at - 1]);
    // 'tis the season, 'Merry Christmas'.
    return !(this.letters[at] === "'" && isSpace(this.letters[at - 1]) && isOfWord(this.letters[at + 1]));
  }

  private isWithinWord(at: number): boolean {
    return isOfWord(this.letters[at - 1]) && isOfWord(this.letters[at + 1]);
  }

  /** Whether the mark follows a number: of 24"x36", both. */
  private isInch(at: number): boolean {
    return isDigit(this.letters[at - 1]) && !/^(?![xX])\p{Alphabetic}/u.test(this.letters[at + 1] ?? "");
  }

  private between(open: number, close: number): string {
    return this.letters.slice(open + 1, close).join("");
  }

  private isInside(at: number): boolean {
    return this.texts.some(({ open, close }) => open < at && at < close);
  }

  /**
   * The texts that are spelled. Those of the reference's marks lie in others as they do there; another kind's text within a text
   * is part of that.
   */
  spelled(): string[] {
    const alone = this.texts.filter(({ kind, open }) => kind < REFERENCE || !this.isInside(open));
    return alone.map(({ kind, open, close }) => {
      const text = this.between(open, close);
      // « French » has gaps.
      return kind < REFERENCE ? text : text.trim();
    });
  }

  doubts(): Doubt[] {
    const doubts: Doubt[] = [];
    const [apostrophe] = this.closedByApostrophes;
    if (apostrophe !== undefined) doubts.push({ kind: "apostrophe", word: this.word(apostrophe) });
    const lost = [...this.letters.keys()].filter((at) => !this.taken.has(at) && !this.isInside(at));
    const endsWord = (at: number) =>
      isOfWord(this.letters[at - 1]) && !isDigit(this.letters[at - 1]) && !isOfWord(this.letters[at + 1]);
    for (const mark of ["'", '"']) {
      const isAlone = (at: number) => this.unclosed.has(at) || (mark === "'" && endsWord(at));
      if (lost.some((at) => this.letters[at] === mark && isAlone(at))) doubts.push({ kind: "alone", mark });
    }
    for (const [open = "", close = ""] of PAIRS) {
      const at = lost.find((at) => {
        const unopened = this.letters[at] === close && open !== "„" && !isDigit(this.letters[at - 1]);
        return this.letters[at] === open || unopened;
      });
      if (at === undefined) continue;
      const [mark, partner] = this.letters[at] === open ? [open, close] : [close, open];
      doubts.push({ kind: "partner", mark, partner });
    }
    for (const [open, close] of UNKNOWN) {
      const start = this.letters.findIndex((letter, at) => letter === open && !this.isInside(at));
      const end = this.letters.findIndex((letter, at) => letter === close && at > start + 1);
      if (start >= 0 && end >= 0) doubts.push({ kind: "unknown", text: this.letters.slice(start, end + 1).join("") });
    }
    return doubts;
  }

  private word(at: number): string {
    const isPart = (letter: string | undefined) => /^[\p{Alphabetic}\p{N}']$/u.test(letter ?? "");
    let [start, end] = [at, at];
    while (isPart(this.letters[start - 1])) start -= 1;
    while (isPart(this.letters[end])) end += 1;
    // A quotation mark before the word is none of it.
    return this.letters.slice(start, end).join("").replace(/^'+/, "");
  }
}

/**
 * A letter or digit of a script whose words have apostrophes and spaces between them: in others, quotation marks touch the words
 * around them.
 */
function isOfWord(letter: string | undefined): boolean {
  return letter !== undefined && /^[\p{Alphabetic}\p{N}]$/u.test(letter) && /^[\0-\u06ff\u1e00-\u1fff]$/u.test(letter);
}

function isDigit(letter: string | undefined): boolean {
  return letter !== undefined && /^[0-9]$/.test(letter);
}

function isSpace(letter: string | undefined): boolean {
  return letter !== undefined && /^\s$/u.test(letter);
}
