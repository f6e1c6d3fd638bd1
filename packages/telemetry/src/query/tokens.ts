import { QueryError } from "./contract.ts";

export interface Token {
  readonly kind: "word" | "quotedName" | "text" | "number" | "duration" | "expression" | "symbol" | "end";
  /** What is meant, without quotes; of a duration its milliseconds. */
  readonly text: string;
  /** Of its first character, counted from 1. */
  readonly position: number;
  /** Behind its last character, counted from 0. */
  readonly end: number;
}

const MOST_CHARACTERS = 10_000;
const MOST_TOKENS = 2_000;
const MOST_EXPRESSION_CHARACTERS = 256;

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const BLANKS = /(?:\s|#[^\n]*(?:\n|$))+/y;
const DURATION = /(\d{1,9})(ms|s|m|h|d|w)(?![A-Za-z0-9_.])/y;
const NUMBER = /(?:\d{1,15}(?:\.\d{1,15})?|\.\d{1,15})(?:[eE][+-]?\d{1,3})?(?![A-Za-z0-9_.])/y;
/** Names of logs such as `cs(User-Agent)` and `sc-status`, and `@message`: a minus between names has blanks around it. */
const WORD = /@?[A-Za-z_](?:[A-Za-z0-9_]|[-.](?=[A-Za-z0-9_]))*/y;
const HEADER_WORD = /(?:cs|sc|rs|s)\([A-Za-z][A-Za-z0-9-]{0,63}\)/y;
const SYMBOL = /!=|<=|>=|==|=~|&&|\|\||[=<>+\-*/%(),|![\]]/y;

const match = (expression: RegExp, text: string, at: number): RegExpExecArray | undefined => {
  expression.lastIndex = at;
  return expression.exec(text) ?? undefined;
};

/** From behind the opening quote; the position behind the closing one, and what stands between. */
const readQuoted = (text: string, start: number, quote: string): { readonly value: string; readonly end: number } => {
  let value = "";
  for (let at = start + 1; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === quote) return { value, end: at + 1 };
    if (character === "\\" && at + 1 < text.length) {
      at++;
      const escaped = text.charAt(at);
      value += escaped === "n" ? "\n" : escaped === "t" ? "\t" : escaped;
    } else value += character;
  }
  throw new QueryError(`the ${quote} is not closed`, start + 1);
};

const readExpression = (text: string, start: number): Token => {
  let at = start + 1;
  for (let isInList = false; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === "\\") at++;
    else if (character === "[") isInList = true;
    else if (character === "]") isInList = false;
    else if (character === "/" && !isInList) break;
  }
  if (at >= text.length) throw new QueryError("the / is not closed", start + 1);
  if (at - start > MOST_EXPRESSION_CHARACTERS) {
    throw new QueryError(`an expression has at most ${MOST_EXPRESSION_CHARACTERS} characters`, start + 1);
  }
  return { kind: "expression", text: text.slice(start + 1, at), position: start + 1, end: at + 1 };
};

const readToken = (text: string, at: number, isExpressionExpected: boolean): Token => {
  const position = at + 1;
  const character = text.charAt(at);
  if (character === '"' || character === "'" || character === "`") {
    const { value, end } = readQuoted(text, at, character);
    return { kind: character === "`" ? "quotedName" : "text", text: value, position, end };
  }
  if (character === "/" && isExpressionExpected) return readExpression(text, at);
  const duration = match(DURATION, text, at);
  if (duration !== undefined) {
    const [whole, count, unit = ""] = duration;
    return { kind: "duration", text: String(Number(count) * (UNIT_MS[unit] ?? 0)), position, end: at + whole.length };
  }
  const number = match(NUMBER, text, at)?.[0];
  if (number !== undefined) return { kind: "number", text: number, position, end: at + number.length };
  const header = match(HEADER_WORD, text, at)?.[0];
  if (header !== undefined) return { kind: "quotedName", text: header, position, end: at + header.length };
  const word = match(WORD, text, at)?.[0];
  if (word !== undefined) return { kind: "word", text: word, position, end: at + word.length };
  const symbol = match(SYMBOL, text, at)?.[0];
  if (symbol === undefined) throw new QueryError(`${JSON.stringify(character)} cannot stand here`, position);
  return { kind: "symbol", text: symbol, position, end: at + symbol.length };
};

/** The words of a query; `#` begins a comment. */
export const readTokens = (text: string): readonly Token[] => {
  if (text.length > MOST_CHARACTERS) throw new QueryError(`a query has at most ${MOST_CHARACTERS} characters`, 1);
  const tokens: Token[] = [];
  for (let at = 0; ; ) {
    at += match(BLANKS, text, at)?.[0].length ?? 0;
    if (at >= text.length) break;
    const last = tokens.at(-1);
    const isExpressionExpected = (last?.kind === "word" && last.text.toLowerCase() === "like") || last?.text === "=~";
    const token = readToken(text, at, isExpressionExpected);
    tokens.push(token);
    at = token.end;
    if (tokens.length > MOST_TOKENS) throw new QueryError("the query has too many words", token.position);
  }
  tokens.push({ kind: "end", text: "", position: text.length + 1, end: text.length });
  return tokens;
};
