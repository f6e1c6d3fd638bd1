/**
 * TypeScript source as tokens, just exact enough to find imports, casts and `any` outside strings and comments.
 * TypeScript 7 has no compiler API and the checks must not need one.
 */
export interface Token {
  readonly kind: "word" | "number" | "string" | "template" | "regex" | "punctuation" | "comment";
  /** Strings without their quotes (escapes as written); everything else as it stands. */
  readonly text: string;
  readonly line: number;
}

/** Words after which a slash begins a regular expression and not a division. */
const WORDS_BEFORE_EXPRESSION = new Set(
  "return typeof case in of delete void throw new else do await yield instanceof".split(" "),
);

const PATTERNS = {
  blank: /\s+/y,
  comment: /\/\/[^\n]*|\/\*[\s\S]*?\*\//y,
  string: /"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'/y,
  number: /\d[\w.]*/y,
  word: /[\p{ID_Start}$_#@][\p{ID_Continue}$]*/uy,
  regex: /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y,
  punctuation: /=>|\.\.\.|[\s\S]/y,
  templatePart: /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/y,
} as const;

export function readTokens(source: string): Token[] {
  const tokens: Token[] = [];
  /** For every `${` we are inside of: the depth of braces within it. */
  const templateBraces: number[] = [];
  let position = 0;
  let line = 1;

  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = position;
    const text = pattern.exec(source)?.[0];
    if (text !== undefined) position += text.length;
    return text;
  };
  const push = (kind: Token["kind"], text: string, written = text) => {
    tokens.push({ kind, text, line });
    line += written.split("\n").length - 1;
  };
  const readTemplate = () => {
    const text = take(PATTERNS.templatePart) ?? "";
    push("template", text);
    if (source.startsWith("${", position)) {
      templateBraces.push(0);
      position += 2;
    } else {
      position += 1;
    }
  };

  while (position < source.length) {
    const blank = take(PATTERNS.blank);
    if (blank !== undefined) {
      line += blank.split("\n").length - 1;
      continue;
    }
    const comment = take(PATTERNS.comment);
    if (comment !== undefined) {
      push("comment", comment);
      continue;
    }
    if (source[position] === "`") {
      position += 1;
      readTemplate();
      continue;
    }
    const string = take(PATTERNS.string);
    if (string !== undefined) {
      push("string", string.slice(1, -1), string);
      continue;
    }
    const regex = source[position] === "/" && beginsExpression(tokens) ? take(PATTERNS.regex) : undefined;
    if (regex !== undefined) {
      push("regex", regex);
      continue;
    }
    const number = take(PATTERNS.number);
    if (number !== undefined) {
      push("number", number);
      continue;
    }
    const word = take(PATTERNS.word);
    if (word !== undefined) {
      push("word", word);
      continue;
    }
    const mark = take(PATTERNS.punctuation) ?? "";
    const depth = templateBraces.at(-1);
    if (depth !== undefined && mark === "}" && depth === 0) {
      templateBraces.pop();
      readTemplate();
      continue;
    }
    if (depth !== undefined && (mark === "{" || mark === "}")) {
      templateBraces[templateBraces.length - 1] = depth + (mark === "{" ? 1 : -1);
    }
    push("punctuation", mark);
  }
  return tokens;
}

function beginsExpression(tokens: readonly Token[]): boolean {
  const previous = tokens.findLast((token) => token.kind !== "comment");
  if (previous === undefined) return true;
  if (previous.kind === "word") return WORDS_BEFORE_EXPRESSION.has(previous.text);
  return previous.kind === "punctuation" && previous.text !== ")" && previous.text !== "]" && previous.text !== "}";
}
