/**
 * The quoted texts that the engine will spell, and where that is in doubt: the typographic rule of
 * `crates/atelier/src/prompt/quotes`, whose own examples test this one.
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
  ["’", "’"],
  ["‟", "”"],
  ["‛", "’"],
  ["❝", "❞"],
  ["❛", "❜"],
  ["﹁", "﹂"],
  ["﹃", "﹄"],
  ["｢", "｣"],
  ["״", "״"],
  ["׳", "׳"],
  ["″", "″"],
  ["′", "′"],
];
/** How many of them the reference knows. */
const REFERENCE = 4;
/** Those that close with a mark that opens another kind, from the reference's on, are looked for first. */
const CLOSING_OTHERS = 8;
/** Kinds that lie in each other, of which the outermost is a text. */
const NESTED = "«‹『❝❛﹁﹃｢";
/** Marks that open and close: a gap before the closing one, or behind the opening one, is no text. */
const BOTH_WAYS = "»›”’";
/** Marks that have no other meaning where they open a text and nothing closes it. */
const ALONE = "'\"＂＇״″′";
/** Pairs whose absence a writer would not see. */
const PAIRS = ["“”", "「」", "„“", "『』", "‘’", "«»", "‹›", "〝〞", "❝❞", "❛❜", "﹁﹂", "﹃﹄", "｢｣"] as const;
/** Marks around what somebody may want to be spelled, but that often mean something else. */
const UNKNOWN = ["``", "´´", "《》", "〈〉", "【】", "〖〗", "⟪⟫", "⟨⟩"] as const;
/** Words that lost their beginning: an apostrophe before one opens nothing. */
const ELIDED = "n tis twas twere twill til till em cause cuz round bout neath tude".split(" ");
/** Words that lost their end. */
const CUT = "n o an ol lil po mo th wi".split(" ");
/** Words before a 'n' that means *and*. */
const BEFORE_N = "rock drum guns fish mac salt surf rhythm hook bread".split(" ");
/** What follows the apostrophe of a word, beside single letters. */
const ENDINGS = "ll re ve em".split(" ");
/** Words that announce a text: an apostrophe that joins them to the next word opens one. */
const SAYING = "say says saying read reads reading text word words letter letters titled called".split(" ");

/** One place where what is written may be lost, cut or invented. */
export type Doubt =
  | { readonly kind: "apostrophe"; readonly word: string }
  | { readonly kind: "mark"; readonly mark: string; readonly word: string }
  | { readonly kind: "alone"; readonly mark: string }
  | { readonly kind: "partner"; readonly mark: string; readonly partner: string }
  | { readonly kind: "unknown"; readonly text: string }
  | { readonly kind: "empty" };

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
  /** Pairs of marks with nothing to be seen between them that are no texts. */
  private readonly empty: Quoted[] = [];
  /** Apostrophes that are read as quotation marks, though they may be none. */
  private readonly counted: number[] = [];
  /** Opening marks that nothing closes. */
  private readonly unclosed = new Set<number>();

  constructor(prompt: string) {
    this.letters = [...prompt];
    const kinds = [...KINDS.keys()];
    const first = kinds.slice(REFERENCE, CLOSING_OTHERS);
    for (const kind of [...first, ...kinds.filter((kind) => !first.includes(kind))]) {
      const [open, closes] = KINDS[kind] ?? ["", ""];
      if (NESTED.includes(open)) this.scanNested(kind, open, closes);
      else this.scan(kind, open, closes);
    }
    this.texts.sort((a, b) => a.kind - b.kind || a.open - b.open);
  }

  /** From each opening mark to the next one that closes it; another opening mark in between starts the text anew. */
  private scan(kind: number, open: string, closes: string): void {
    let begun: Begun | undefined;
    for (const [at, mark] of this.letters.entries()) {
      if (this.taken.has(at)) continue;
      if (begun && closes.includes(mark) && this.mayClose(begun.start, at)) {
        const within = "'’＇׳′".includes(mark) && this.isWithinWord(at);
        if (within && !this.isJoinedClose(at)) {
          begun = { start: begun.start, apostrophe: begun.apostrophe ?? at };
        } else {
          if (within) this.counted.push(at);
          this.add(kind, begun.start, at);
          begun = undefined;
        }
      } else if (mark === open && this.mayOpen(at)) {
        if (begun ? this.isElided(at) : this.isAnd(at)) continue;
        this.giveUp(kind, begun);
        begun = { start: at };
      }
    }
    this.giveUp(kind, begun);
  }

  /** From each opening mark to the one that closes it, over all pairs in between. */
  private scanNested(kind: number, open: string, closes: string): void {
    let next = 0;
    for (const [at, letter] of this.letters.entries()) {
      if (at < next || letter !== open || this.taken.has(at)) continue;
      let depth = 0;
      const close = this.letters.findIndex((mark, place) => {
        if (place < at || this.taken.has(place) || (mark !== open && !closes.includes(mark))) return false;
        depth += mark === open ? 1 : -1;
        return depth === 0;
      });
      if (close < 0) {
        this.unclosed.add(at);
        continue;
      }
      this.add(kind, at, close);
      next = close;
    }
  }

  /** What began is not closed, unless an apostrophe was meant to. */
  private giveUp(kind: number, begun: Begun | undefined): void {
    if (!begun) return;
    const { start, apostrophe } = begun;
    if (apostrophe !== undefined && (this.letters[start] === "'" || this.mayBeJoined(apostrophe))) {
      this.add(kind, start, apostrophe);
      this.counted.push(apostrophe);
    } else if (!this.isElided(start)) {
      this.unclosed.add(start);
    }
  }

  private add(kind: number, open: number, close: number): void {
    if (kind >= REFERENCE && isBlank(this.between(open, close))) {
      this.empty.push({ kind, open, close });
      return;
    }
    this.texts.push({ kind, open, close });
    this.taken.add(open).add(close);
    const joined = "'‘".includes(this.letters[open] ?? " ") && isOfWord(this.letters[open - 1]);
    const elided =
      this.isElided(open) && (!this.isWordAlone(open, close) || (this.isN(open) && !this.isAnnounced(open)));
    if (joined || elided) this.counted.push(open);
  }

  private mayOpen(at: number): boolean {
    const [before, mark = "", after] = [this.letters[at - 1], this.letters[at], this.letters[at + 1]];
    const followsWord = isOfWord(before);
    // It's, dogs', 6', 6''.
    if (mark === "'" || mark === "‘") {
      const inch = before === "'" && isDigit(this.letters[at - 2]);
      return !inch && (!followsWord || this.isJoinedOpen(at));
    }
    if (mark === '"') return !this.isInch(at) && !this.isAcronym(at);
    // A prefix of one letter may stand before a quoted word.
    if (mark === "״") {
      const closed = () =>
        this.letters.some((letter, place) => place >= at + 2 && letter === "״" && !this.isAcronym(place));
      return !followsWord || (!this.isAcronym(at) && closed());
    }
    if ("‛׳″′".includes(mark)) return !followsWord;
    if (BOTH_WAYS.includes(mark)) {
      const text = after !== undefined && !/[\s,.;:!?)]/u.test(after);
      return !followsWord && text && !(mark === "’" && this.isElided(at));
    }
    return true;
  }

  /** Whether a mark may close the text that began at `start`. */
  private mayClose(start: number, at: number): boolean {
    const mark = this.letters[at];
    if (BOTH_WAYS.includes(this.letters[start] ?? " ")) {
      return !isSpace(this.letters[at - 1]) && !(mark === "’" && this.isCut(at));
    }
    // 'tis the season, 'Merry Christmas'; 'rock 'n' roll'.
    const endsN = at - 2 !== start && this.isN(at - 2);
    return !(mark === "'" && this.beginsWord(at)) && !endsN && !this.isAcronym(at);
  }

  private isWithinWord(at: number): boolean {
    return isOfWord(this.letters[at - 1]) && isOfWord(this.letters[at + 1]);
  }

  private beginsWord(at: number): boolean {
    return isSpace(this.letters[at - 1]) && isOfWord(this.letters[at + 1]);
  }

  /** Whether the mark follows a number: of 24"x36", both. */
  private isInch(at: number): boolean {
    return isDigit(this.letters[at - 1]) && !/^(?![xX])\p{Alphabetic}/u.test(this.letters[at + 1] ?? "");
  }

  /** Whether the mark stands before the last letter of a Hebrew acronym. */
  private isAcronym(at: number): boolean {
    const isHebrew = (letter: string | undefined) => letter !== undefined && /^[א-ת]$/u.test(letter);
    const [before, mark, after, end] = [-1, 0, 1, 2].map((place) => this.letters[at + place]);
    return (mark === '"' || mark === "״") && isHebrew(before) && isHebrew(after) && !isOfWord(end);
  }

  /** The letters of a word up to a place, in lower case. */
  private wordBefore(at: number): string {
    let start = at;
    while (isOfWord(this.letters[start - 1])) start -= 1;
    return this.letters.slice(start, at).join("").toLowerCase();
  }

  /** The letters of a word behind a place, in lower case. */
  private wordAfter(at: number): string {
    let end = at + 1;
    while (isOfWord(this.letters[end])) end += 1;
    return this.letters
      .slice(at + 1, end)
      .join("")
      .toLowerCase();
  }

  /** Whether an apostrophe stands for the beginning of a word: '90s, 'tis, 'n'. */
  private isElided(at: number): boolean {
    if (!"'‘’".includes(this.letters[at] ?? " ") || isOfWord(this.letters[at - 1])) return false;
    const word = this.wordAfter(at);
    return ELIDED.includes(word) || /^[0-9]{2}s?$/.test(word);
  }

  /** Whether a text is the one word behind its opening mark. */
  private isWordAlone(open: number, close: number): boolean {
    return this.letters.slice(open + 1, close).every(isOfWord);
  }

  /** Whether an apostrophe opens a 'n' between two words. */
  private isN(at: number): boolean {
    const closed = "'’".includes(this.letters[at + 2] ?? " ");
    const spaced = this.letters[at - 1] === " " && this.letters[at + 3] === " ";
    const words = isOfWord(this.letters[at - 2]) && isOfWord(this.letters[at + 4]);
    return closed && spaced && words && this.isElided(at) && this.wordAfter(at) === "n";
  }

  /** Whether an apostrophe opens a 'n' that means *and*. */
  private isAnd(at: number): boolean {
    return this.isN(at) && BEFORE_N.includes(this.wordBefore(at - 1));
  }

  /** Whether the word before a mark says that a text follows. */
  private isAnnounced(at: number): boolean {
    return at > 0 && SAYING.includes(this.wordBefore(at - 1));
  }

  /** Whether an apostrophe stands for the end of a word, and another word follows: girls' room, ol' man. */
  private isCut(at: number): boolean {
    const word = this.wordBefore(at);
    const cut = /[sxz]$/.test(word) || CUT.includes(word) || (word.length > 3 && word.endsWith("in"));
    return cut && isSpace(this.letters[at + 1]) && isOfWord(this.letters[at + 2]);
  }

  /**
   * Whether the mark within a word may be a quotation mark between two words. A single letter on either side is a contraction, an
   * elision, or a name: It's, l'été, O'Brien.
   */
  private mayBeJoined(at: number): boolean {
    const [before, after] = [this.wordBefore(at), this.wordAfter(at)];
    const known = ENDINGS.includes(after) || before.endsWith("qu") || before === "aujourd";
    return [...before].length > 1 && [...after].length > 1 && !known;
  }

  /** Whether a mark within a word opens a text: says'OPEN'now, a sign saying'OPEN', word'GRAND OPENING'word. */
  private isJoinedOpen(at: number): boolean {
    if (isDigit(this.letters[at - 1]) || !this.isWithinWord(at) || !this.mayBeJoined(at)) return false;
    if (SAYING.includes(this.wordBefore(at))) return true;
    const close = this.next(this.letters[at] === "‘" ? "’" : "'", at);
    if (close === undefined) return false;
    const text = this.between(at, close);
    const isWord = this.isOneWord(at, close) && (!this.isWithinWord(close) || this.mayBeJoined(close));
    const isCapital =
      (text.match(/\p{Uppercase}/gu) ?? []).length > 1 &&
      !/\p{Lowercase}/u.test(text) &&
      /^\p{Lowercase}$/u.test(this.letters[at - 1] ?? "") &&
      !/^\p{Uppercase}$/u.test(this.letters[close + 1] ?? "") &&
      !this.beginsWord(close);
    return isWord || isCapital;
  }

  /** Whether a mark within a word closes a text, and the next one opens another: 'OPEN'and'CLOSED'. */
  private isJoinedClose(at: number): boolean {
    const next = this.next("'", at);
    if (this.letters[at] !== "'" || next === undefined || !this.mayBeJoined(at)) return false;
    return this.isWithinWord(next) && this.mayBeJoined(next) && this.isOneWord(at, next);
  }

  /** Whether there are several letters and no gap between two marks. */
  private isOneWord(open: number, close: number): boolean {
    const letters = this.letters.slice(open + 1, close);
    return !letters.some(isSpace) && letters.filter(isOfWord).length > 1;
  }

  private next(mark: string, at: number): number | undefined {
    const place = this.letters.indexOf(mark, at + 1);
    return place < 0 ? undefined : place;
  }

  private between(open: number, close: number): string {
    return this.letters.slice(open + 1, close).join("");
  }

  private isInside(at: number): boolean {
    return this.texts.some(({ open, close }) => open < at && at < close);
  }

  /** Whether a mark belongs to nothing. */
  private isLost(at: number): boolean {
    const empty = () => this.empty.some(({ open, close }) => open === at || close === at);
    return !this.taken.has(at) && !this.isInside(at) && !empty();
  }

  /** Whether a pair of marks has nothing to be seen between them. */
  private hasEmpty(): boolean {
    const all = [...this.texts, ...this.empty].filter(({ open }) => !this.isInside(open));
    return all.some(({ open, close }) => isBlank(this.between(open, close)));
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
    if (this.counted.length > 0) doubts.push(this.counts(Math.min(...this.counted)));
    const lost = [...this.letters.keys()].filter((at) => this.isLost(at));
    for (const mark of ALONE) {
      const isAlone = (at: number) => this.unclosed.has(at) || (mark === "'" && this.endsLost(at));
      if (lost.some((at) => this.letters[at] === mark && isAlone(at))) doubts.push({ kind: "alone", mark });
    }
    for (const [open = "", close = ""] of PAIRS) {
      const at = lost.find((at) => this.lacksPartner(at, open, close));
      if (at === undefined) continue;
      const [mark, partner] = this.letters[at] === open ? [open, close] : [close, open];
      doubts.push({ kind: "partner", mark, partner });
    }
    for (const [open, close] of UNKNOWN) {
      const start = this.letters.findIndex((letter, at) => letter === open && !this.isInside(at));
      const end = this.letters.findIndex((letter, at) => letter === close && at > start + 1);
      if (start >= 0 && end >= 0) doubts.push({ kind: "unknown", text: this.letters.slice(start, end + 1).join("") });
    }
    if (this.hasEmpty()) doubts.push({ kind: "empty" });
    return doubts;
  }

  /**
   * Whether an apostrophe behind a word is likely to be a mark that closes a text: a plural's is none, as long as no text may end
   * in one.
   */
  private endsLost(at: number): boolean {
    const before = this.letters[at - 1];
    const endsWord = isOfWord(before) && !isDigit(before) && !isOfWord(this.letters[at + 1]);
    const unsure = () => this.texts.some(({ kind, close }) => kind === 0 && this.isCut(close));
    return endsWord && !this.isAnd(at - 2) && (!this.isCut(at) || unsure());
  }

  /** Whether a lost mark is one of a pair, and seems to have been meant so. */
  private lacksPartner(at: number, open: string, close: string): boolean {
    const [before, mark, after] = [this.letters[at - 1], this.letters[at], this.letters[at + 1]];
    const [opens, closes] = [mark === open, mark === close];
    const isGap = (letter: string | undefined) => letter === undefined || isSpace(letter);
    if (open === "„") return opens;
    // It may be an apostrophe.
    if (open === "‘") return opens && this.unclosed.has(at) && isOfWord(after);
    // Home » Shop, 5 « 6.
    if ("«‹".includes(open) && isGap(before) && isGap(after)) {
      const next = this.letters.slice(at + 1).find((letter) => !isSpace(letter));
      if (next === undefined) return closes && before !== undefined;
      return opens && /^\p{Alphabetic}$/u.test(next);
    }
    if (open === "“") return opens || (closes && !isDigit(before));
    return opens || closes;
  }

  /** Says that a mark of a word is read as a quotation mark. */
  private counts(at: number): Doubt {
    const [mark = "", word] = [this.letters[at], this.word(at)];
    return "'‘".includes(mark) ? { kind: "apostrophe", word } : { kind: "mark", mark, word };
  }

  /** The word that a mark is in. Another mark around it is none of it. */
  private word(at: number): string {
    const isMark = (letter = " ") => "'‘’".includes(letter) || letter === this.letters[at];
    const isPart = (letter = " ") => /^[\p{Alphabetic}\p{N}]$/u.test(letter) || isMark(letter);
    let [start, end] = [at, at];
    while (isPart(this.letters[start - 1])) start -= 1;
    while (isPart(this.letters[end])) end += 1;
    while (start < at && isMark(this.letters[start])) start += 1;
    while (end > at + 1 && isMark(this.letters[end - 1])) end -= 1;
    return this.letters.slice(start, end).join("");
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

/** Whether a text shows nothing: white space, controls, and characters without width. */
function isBlank(text: string): boolean {
  const width = /[^\s\p{Cc}\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2800\u3164\ufeff]/u;
  return !width.test(text);
}
