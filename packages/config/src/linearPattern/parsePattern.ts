import type { CharacterSet, ParsedPattern, PatternNode } from "./patternNode.ts";

/** Deeper nesting is nobody's pattern, and each level is a call on the stack. */
const MAX_DEPTH = 50;
export const MAX_REPEAT = 1_000;

export class PatternSyntaxError extends Error {
  override readonly name = "PatternSyntaxError";
}

type Ranges = CharacterSet["ranges"];

const code = (character: string): number => character.charCodeAt(0);
const single = (character: string): Ranges => [[code(character), code(character)]];

const DIGITS: Ranges = [[0x30, 0x39]];
const WORD: Ranges = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
const BLANKS: Ranges = [
  [0x09, 0x0d],
  [0x20, 0x20],
];
const LAST_UNIT = 0xffff;
const EVERYTHING: Ranges = [[0, LAST_UNIT]];

const invert = (ranges: Ranges): Ranges => {
  const inverted: [number, number][] = [];
  let next = 0;
  for (const [first, last] of [...ranges].sort(([left], [right]) => left - right)) {
    if (first > next) inverted.push([next, first - 1]);
    next = Math.max(next, last + 1);
  }
  if (next <= LAST_UNIT) inverted.push([next, LAST_UNIT]);
  return inverted;
};

const CLASS_ESCAPES: Readonly<Record<string, Ranges>> = {
  d: DIGITS,
  D: invert(DIGITS),
  w: WORD,
  W: invert(WORD),
  s: BLANKS,
  S: invert(BLANKS),
};
const CONTROL_ESCAPES: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", f: "\f", v: "\v" };

/**
 * Reads the part of PCRE that can be matched in linear time; throws PatternSyntaxError for what is no expression and
 * for back references, look around, atomic groups and possessive quantifiers.
 */
export const parsePattern = (text: string): ParsedPattern => {
  const ignoresCase = text.startsWith("(?i)");
  const reader = new PatternReader(text, ignoresCase ? "(?i)".length : 0);
  const root = reader.readChoice(0);
  if (!reader.isAtEnd) throw new PatternSyntaxError("a parenthesis is closed that was not opened");
  return { root, groupCount: reader.groupCount, ignoresCase };
};

class PatternReader {
  groupCount = 0;
  readonly #text: string;
  #position: number;

  constructor(text: string, position: number) {
    this.#text = text;
    this.#position = position;
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#text.length;
  }

  readChoice(depth: number): PatternNode {
    if (depth > MAX_DEPTH) throw new PatternSyntaxError(`parentheses are nested deeper than ${MAX_DEPTH}`);
    const branches = [this.#readSequence(depth)];
    while (this.#take("|")) branches.push(this.#readSequence(depth));
    const [only] = branches;
    return only !== undefined && branches.length === 1 ? only : { kind: "choice", branches };
  }

  #readSequence(depth: number): PatternNode {
    const parts: PatternNode[] = [];
    while (!this.isAtEnd && !this.#sees("|") && !this.#sees(")")) {
      parts.push(this.#readQuantifiers(this.#readAtom(depth)));
    }
    return { kind: "sequence", parts };
  }

  #readAtom(depth: number): PatternNode {
    const character = this.#next();
    switch (character) {
      case "(":
        return this.#readGroup(depth);
      case "[":
        return { kind: "set", set: this.#readClass() };
      case ".":
        return { kind: "set", set: { negated: false, ranges: EVERYTHING } };
      case "^":
        return { kind: "assertion", assertion: "start" };
      case "$":
        return { kind: "assertion", assertion: "end" };
      case "\\":
        return this.#readEscapedAtom();
      case "*":
      case "+":
      case "?":
        throw new PatternSyntaxError(`nothing stands before ${character}`);
      default:
        return { kind: "set", set: { negated: false, ranges: single(character) } };
    }
  }

  #readGroup(depth: number): PatternNode {
    let group: number | undefined;
    if (!this.#take("?")) group = ++this.groupCount;
    else if (!this.#take(":")) {
      const [name] = /^P?<[A-Za-z_]\w{0,31}>/.exec(this.#text.slice(this.#position)) ?? [];
      if (name === undefined) {
        throw new PatternSyntaxError("look around, atomic groups and options within a pattern cannot be used");
      }
      this.#position += name.length;
      group = ++this.groupCount;
    }
    const body = this.readChoice(depth + 1);
    if (!this.#take(")")) throw new PatternSyntaxError("a parenthesis is not closed");
    return group === undefined ? body : { kind: "capture", group, body };
  }

  #readEscapedAtom(): PatternNode {
    if (this.#take("b")) return { kind: "assertion", assertion: "wordBoundary" };
    if (this.#take("B")) return { kind: "assertion", assertion: "noWordBoundary" };
    return { kind: "set", set: { negated: false, ranges: this.#readEscape() } };
  }

  #readEscape(): Ranges {
    if (this.isAtEnd) throw new PatternSyntaxError("it ends with \\");
    const character = this.#next();
    const known = CLASS_ESCAPES[character];
    if (known !== undefined) return known;
    const control = CONTROL_ESCAPES[character];
    if (control !== undefined) return single(control);
    if (character === "x") return this.#readHexadecimal(/^[0-9A-Fa-f]{2}/);
    if (character === "u") return this.#readHexadecimal(/^[0-9A-Fa-f]{4}/);
    if (/[1-9]/.test(character)) throw new PatternSyntaxError("back references cannot be used");
    if (/[0-9A-Za-z]/.test(character)) throw new PatternSyntaxError(`\\${character} has no meaning`);
    return single(character);
  }

  #readHexadecimal(form: RegExp): Ranges {
    const [digits] = form.exec(this.#text.slice(this.#position, this.#position + 4)) ?? [];
    if (digits === undefined) throw new PatternSyntaxError("hexadecimal digits are missing behind \\x or \\u");
    this.#position += digits.length;
    return single(String.fromCharCode(Number.parseInt(digits, 16)));
  }

  #readClass(): CharacterSet {
    const negated = this.#take("^");
    const ranges: (readonly [number, number])[] = [];
    // As the first character, ] is meant itself.
    for (let isFirst = true; isFirst || !this.#sees("]"); isFirst = false) {
      if (this.isAtEnd) throw new PatternSyntaxError("a [ is not closed");
      ranges.push(...this.#readClassItem());
    }
    this.#position += 1;
    return { negated, ranges };
  }

  #readClassItem(): Ranges {
    const first = this.#readClassCharacter();
    const isRange = this.#sees("-") && !this.#sees("-]") && this.#position + 1 < this.#text.length;
    if (!isRange) return first;
    this.#position += 1;
    const [low] = first[0] ?? [];
    const end = this.#readClassCharacter();
    const [high] = end[0] ?? [];
    if (low === undefined || high === undefined || !isOneCharacter(first) || !isOneCharacter(end)) {
      throw new PatternSyntaxError("a range of [ ] has a whole class as its end");
    }
    if (high < low) throw new PatternSyntaxError("a range of [ ] runs backwards");
    return [[low, high]];
  }

  #readClassCharacter(): Ranges {
    if (this.#sees("[:")) throw new PatternSyntaxError("named classes such as [:alpha:] cannot be used");
    const character = this.#next();
    return character === "\\" ? this.#readEscape() : single(character);
  }

  #readQuantifiers(atom: PatternNode): PatternNode {
    const quantifier = this.#readQuantifier();
    if (quantifier === undefined) return atom;
    if (atom.kind === "assertion") throw new PatternSyntaxError("a place such as ^ is repeated");
    const greedy = !this.#take("?");
    if (this.#sees("+") && greedy) throw new PatternSyntaxError("possessive quantifiers cannot be used");
    if (this.#sees("*") || this.#sees("+") || this.#sees("?")) {
      throw new PatternSyntaxError("a quantifier follows a quantifier");
    }
    return { kind: "repeat", body: atom, ...quantifier, greedy };
  }

  #readQuantifier(): { readonly min: number; readonly max: number | undefined } | undefined {
    if (this.#take("*")) return { min: 0, max: undefined };
    if (this.#take("+")) return { min: 1, max: undefined };
    if (this.#take("?")) return { min: 0, max: 1 };
    // Any other { is meant itself.
    const [text, low, comma, high] =
      /^\{(\d{1,6})(,?)(\d{0,6})\}/.exec(this.#text.slice(this.#position, this.#position + 16)) ?? [];
    if (text === undefined || low === undefined || (comma === "" && high !== "")) return undefined;
    this.#position += text.length;
    const min = Number(low);
    const max = comma === "" ? min : high === "" ? undefined : Number(high);
    if (min > MAX_REPEAT || (max ?? 0) > MAX_REPEAT) {
      throw new PatternSyntaxError(`something is repeated more than ${MAX_REPEAT} times`);
    }
    if (max !== undefined && max < min) throw new PatternSyntaxError("a {n,m} runs backwards");
    return { min, max };
  }

  #sees(text: string): boolean {
    return this.#text.startsWith(text, this.#position);
  }

  #take(text: string): boolean {
    const isThere = this.#sees(text);
    if (isThere) this.#position += text.length;
    return isThere;
  }

  #next(): string {
    const character = this.#text.charAt(this.#position);
    this.#position += 1;
    return character;
  }
}

const isOneCharacter = (ranges: Ranges): boolean => ranges.length === 1 && ranges[0]?.[0] === ranges[0]?.[1];
