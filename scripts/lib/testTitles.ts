import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isRecord } from "../../infra/lib/json.ts";
import { readTokens, type Token } from "./sourceTokens.ts";
import { checkout } from "./workspace.ts";

/** Full titles (with those of their groups) of the tests that a finished run reported as passed or failed. */
export function readTitlesOfRun(resultsFile: string): string[] {
  const titles: string[] = [];
  collectTitles(JSON.parse(readFileSync(resultsFile, "utf8")), titles);
  return titles;
}

function collectTitles(value: unknown, titles: string[]): void {
  if (Array.isArray(value)) {
    for (const each of value) collectTitles(each, titles);
  } else if (isRecord(value)) {
    const title = value.fullName;
    if (typeof title === "string" && value.status !== "todo") titles.push(title);
    for (const each of Object.values(value)) if (typeof each === "object") collectTitles(each, titles);
  }
}

const TEST_FILES = ["packages/*/test/**/*.test.ts", "apps/*/test/**/*.test.ts", "infra/*/test/**/*.test.ts"];

/** What the test files of the checkout call their tests, read without running any of them. */
export function readTitlesOfWorkspace(): string[] {
  return TEST_FILES.flatMap((pattern) => globSync(pattern, { cwd: checkout })).flatMap((file) =>
    readTitles(join(checkout, file)),
  );
}

/**
 * Titles of groups, tests and scenes in one file. Where a title is made of values (a row of a table, the element that a
 * loop is at), each text in that table is given for itself: what a report says is put together of them.
 */
export function readTitles(path: string): string[] {
  const source = new SourceTexts(path);
  const titles: string[] = [];
  source.tokens.forEach((token, index) => {
    if (token.kind !== "word" || !TITLED.has(token.text) || isMark(source.tokens[index - 1], ".")) return;
    const call = findTitle(source.tokens, index + 1);
    if (call === undefined) return;
    titles.push(textIn(call.title));
    const names = [...call.title, ...call.table].filter((each) => each.kind === "word").map((each) => each.text);
    titles.push(...textsIn(call.table), ...source.textsOf(names));
  });
  return titles;
}

const TITLED = new Set(["describe", "it", "test", "scenario"]);
/** Modifiers that take a table. */
const TABLED = new Set(["each", "for"]);
const OPENING = new Set(["(", "[", "{"]);
const CLOSING = new Set([")", "]", "}"]);

interface TitledCall {
  readonly title: readonly Token[];
  readonly table: readonly Token[];
}

/** The call behind `it`, `it.each(table)`, `describe.skipIf(condition)` and the like; `index` is behind the name. */
function findTitle(tokens: readonly Token[], index: number): TitledCall | undefined {
  const table: Token[] = [];
  let at = index;
  while (isMark(tokens[at], ".")) {
    const modifier = tokens[at + 1];
    at = behindTypes(tokens, at + 2);
    const isFollowedByTitle = isMark(tokens[at], "(") && isMark(tokens[endOfBrackets(tokens, at)], "(");
    if (!isFollowedByTitle) continue;
    const end = endOfBrackets(tokens, at);
    if (modifier !== undefined && TABLED.has(modifier.text)) table.push(...tokens.slice(at + 1, end - 1));
    at = end;
  }
  if (!isMark(tokens[at], "(")) return undefined;
  return { title: tokens.slice(at + 1, endOfArgument(tokens, at + 1)), table };
}

/** Behind the type arguments of a call, where there are some. */
function behindTypes(tokens: readonly Token[], start: number): number {
  let depth = 0;
  for (let at = start; at < tokens.length; at++) {
    if (isMark(tokens[at], "<")) depth += 1;
    else if (isMark(tokens[at], ">")) depth -= 1;
    if (depth === 0) return at === start ? start : at + 1;
  }
  return start;
}

/** The position behind the bracket that closes the one at `start`. */
function endOfBrackets(tokens: readonly Token[], start: number): number {
  let depth = 0;
  for (let at = start; at < tokens.length; at++) {
    depth += depthChange(tokens[at]);
    if (depth === 0) return at + 1;
  }
  return tokens.length;
}

/** The position of the comma or bracket that ends the argument which begins at `start`. */
function endOfArgument(tokens: readonly Token[], start: number): number {
  let depth = 0;
  for (let at = start; at < tokens.length; at++) {
    const token = tokens[at];
    if (depth === 0 && (isMark(token, ",") || isMark(token, ")"))) return at;
    depth += depthChange(token);
  }
  return tokens.length;
}

function depthChange(token: Token | undefined): number {
  if (token?.kind !== "punctuation") return 0;
  if (OPENING.has(token.text)) return 1;
  return CLOSING.has(token.text) ? -1 : 0;
}

function isMark(token: Token | undefined, text: string): boolean {
  return token?.kind === "punctuation" && token.text === text;
}

function isWord(token: Token | undefined, text: string): boolean {
  return token?.kind === "word" && token.text === text;
}

function textsIn(tokens: readonly Token[]): string[] {
  return tokens.filter(({ kind }) => kind === "string" || kind === "template").map(({ text }) => text);
}

/** Of one expression: the parts of a template are one text. */
function textIn(tokens: readonly Token[]): string {
  return textsIn(tokens).join("");
}

/** The texts behind the names of one file. */
class SourceTexts {
  readonly tokens: readonly Token[];
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    this.tokens = readTokens(readFileSync(path, "utf8")).filter(({ kind }) => kind !== "comment");
  }

  /** Every text in what these names stand for, directly or by other names. */
  textsOf(names: readonly string[]): string[] {
    const texts: string[] = [];
    const seen = new Set<string>();
    const waiting = [...names];
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      if (seen.has(name)) continue;
      seen.add(name);
      for (const value of this.#valuesOf(name)) {
        texts.push(...textsIn(value));
        waiting.push(...value.filter(({ kind }) => kind === "word").map(({ text }) => text));
      }
      texts.push(...this.#importedTexts(name));
    }
    return texts;
  }

  /** What is assigned to a constant of this name, or what a loop takes it from. */
  *#valuesOf(name: string): Generator<readonly Token[]> {
    const { tokens } = this;
    for (let at = 0; at < tokens.length; at++) {
      if (!isWord(tokens[at], "const")) continue;
      const behind = this.#endOfPattern(at + 1);
      const isNamed = tokens.slice(at + 1, behind).some((token) => isWord(token, name));
      if (!isNamed) continue;
      if (isWord(tokens[behind], "of")) yield tokens.slice(behind + 1, endOfArgument(tokens, behind + 1));
      const assignment = this.#assignmentAt(behind);
      if (assignment !== undefined && !this.#isFunction(assignment)) {
        yield tokens.slice(assignment, this.#endOfStatement(assignment));
      }
    }
  }

  #endOfPattern(start: number): number {
    return isMark(this.tokens[start], "[") || isMark(this.tokens[start], "{")
      ? endOfBrackets(this.tokens, start)
      : start + 1;
  }

  /** Behind the `=` of a declaration, which a type may stand before. */
  #assignmentAt(start: number): number | undefined {
    let depth = 0;
    for (let at = start; at < this.tokens.length; at++) {
      const token = this.tokens[at];
      if (depth === 0 && isMark(token, "=")) return at + 1;
      depth += depthChange(token);
      if (depth < 0 || isMark(token, ";") || isWord(token, "const") || isWord(token, "of")) return undefined;
    }
    return undefined;
  }

  /** Its texts are what it does, not what it is. */
  #isFunction(start: number): boolean {
    const { tokens } = this;
    const first = isWord(tokens[start], "async") ? start + 1 : start;
    if (isWord(tokens[first], "function")) return true;
    if (!isMark(tokens[first], "(")) return isMark(tokens[first + 1], "=>");
    const behind = tokens[endOfBrackets(tokens, first)];
    return isMark(behind, "=>") || isMark(behind, ":");
  }

  #endOfStatement(start: number): number {
    let depth = 0;
    for (let at = start; at < this.tokens.length; at++) {
      if (depth === 0 && isMark(this.tokens[at], ";")) return at;
      depth += depthChange(this.tokens[at]);
    }
    return this.tokens.length;
  }

  /** Of a name that comes from a file beside the tests: that of the same name there. */
  #importedTexts(name: string): string[] {
    const { tokens } = this;
    for (let at = 0; at < tokens.length; at++) {
      if (!isWord(tokens[at], "import")) continue;
      const end = tokens.findIndex((token, index) => index > at && isMark(token, ";"));
      const clause = tokens.slice(at, end < 0 ? tokens.length : end);
      const specifier = clause.at(-1)?.text ?? "";
      if (!specifier.startsWith(".") || !clause.some((token) => isWord(token, name))) continue;
      const path = join(dirname(this.#path), specifier);
      return existsSync(path) ? new SourceTexts(path).textsOf([name]) : [];
    }
    return [];
  }
}
