import { readTokens, type Token } from "./sourceTokens.ts";

export type Escape = "cast" | "any" | "suppression";

export interface SourceFacts {
  /** Module specifiers of static and dynamic imports, re-exports and `import.meta.resolve`. */
  readonly imports: readonly { readonly specifier: string; readonly line: number }[];
  /** Ways round the type checker. */
  readonly escapes: readonly { readonly kind: Escape; readonly line: number }[];
}

export function readSourceFacts(source: string): SourceFacts {
  const all = readTokens(source);
  const tokens = all.filter((token) => token.kind !== "comment");
  const escapes: { kind: Escape; line: number }[] = [];
  for (const token of all) {
    if (token.kind === "comment" && /@ts-(?:ignore|expect-error|nocheck)/.test(token.text)) {
      escapes.push({ kind: "suppression", line: token.line });
    }
  }
  const imports: { specifier: string; line: number }[] = [];
  const clauses = findModuleClauses(tokens);
  tokens.forEach((token, index) => {
    if (token.kind !== "word") return;
    const specifier = importedSpecifier(tokens, index);
    if (specifier !== undefined) imports.push({ specifier, line: token.line });
    if (token.text === "as" && !clauses.has(index) && isCast(tokens, index)) {
      escapes.push({ kind: "cast", line: token.line });
    }
    if (token.text === "any" && isAnyType(tokens, index)) escapes.push({ kind: "any", line: token.line });
  });
  return { imports, escapes: escapes.sort((a, b) => a.line - b.line) };
}

function isMark(token: Token | undefined, text: string): boolean {
  return token?.kind === "punctuation" && token.text === text;
}

function isWord(token: Token | undefined, text: string): boolean {
  return token?.kind === "word" && token.text === text;
}

function importedSpecifier(tokens: readonly Token[], index: number): string | undefined {
  const token = tokens[index];
  const next = tokens[index + 1];
  if (isWord(token, "from") && next?.kind === "string" && !isMark(tokens[index - 1], ".")) return next.text;
  if (isWord(token, "import")) {
    if (next?.kind === "string") return next.text;
    const argument = tokens[index + 2];
    if (isMark(next, "(") && argument?.kind === "string") return argument.text;
  }
  const isResolve = isWord(token, "resolve") && isMark(tokens[index - 1], ".") && isWord(tokens[index - 2], "meta");
  const argument = tokens[index + 2];
  return isResolve && isMark(next, "(") && argument?.kind === "string" ? argument.text : undefined;
}

/** Positions inside `import … from` and `export { … }` clauses, where `as` renames. */
function findModuleClauses(tokens: readonly Token[]): ReadonlySet<number> {
  const inside = new Set<number>();
  tokens.forEach((token, start) => {
    if (!isWord(token, "import") && !isWord(token, "export")) return;
    let index = start + 1;
    if (isWord(tokens[index], "type")) index += 1;
    if (isWord(token, "import") && tokens[index]?.kind === "word" && isMark(tokens[index + 1], ",")) index += 2;
    const opening = tokens[index];
    if (isMark(opening, "{")) {
      for (; index < tokens.length && !isMark(tokens[index], "}"); index++) inside.add(index);
    } else if (isMark(opening, "*")) {
      inside.add(index + 1);
    }
  });
  return inside;
}

/** Words that end an expression never precede a cast's `as` when they are one of these. */
const NOT_BEFORE_CAST = new Set([
  "const",
  "let",
  "var",
  "function",
  "class",
  "return",
  "get",
  "set",
  "case",
  "of",
  "in",
]);

function isCast(tokens: readonly Token[], index: number): boolean {
  const previous = tokens[index - 1];
  const next = tokens[index + 1];
  if (previous === undefined || next === undefined || isWord(next, "const")) return false;
  const endsExpression =
    previous.kind === "word"
      ? !NOT_BEFORE_CAST.has(previous.text)
      : previous.kind !== "punctuation" || [")", "]", "}", ">"].includes(previous.text);
  const beginsType = next.kind !== "punctuation" || ["{", "[", "("].includes(next.text);
  return endsExpression && beginsType && !renamesMappedKey(tokens, index);
}

/** `{ [Key in Keys as Renamed]: … }` renames, it does not cast. */
function renamesMappedKey(tokens: readonly Token[], index: number): boolean {
  let depth = 0;
  for (let back = index - 1; back >= 0; back--) {
    const token = tokens[back];
    if (isMark(token, "]")) depth += 1;
    else if (isMark(token, "[")) {
      if (depth === 0) return tokens[back + 1]?.kind === "word" && isWord(tokens[back + 2], "in");
      depth -= 1;
    } else if (isMark(token, ";")) return false;
  }
  return false;
}

function isAnyType(tokens: readonly Token[], index: number): boolean {
  const previous = tokens[index - 1];
  if (isMark(previous, ".") || [":", "(", "."].some((mark) => isMark(tokens[index + 1], mark))) return false;
  return [":", "<", ",", "|", "&", "=", "=>"].some((mark) => isMark(previous, mark)) || isWord(previous, "as");
}
