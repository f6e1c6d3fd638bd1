import { QueryError } from "./contract.ts";
import { readTokens, type Token } from "./tokens.ts";

/** The words of a query one after the other, for parsers. */
export class TokenReader {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = readTokens(text);
  }

  get next(): Token {
    return this.#tokens[this.#at] ?? END;
  }

  get behindNext(): Token {
    return this.#tokens[this.#at + 1] ?? END;
  }

  get isAtEnd(): boolean {
    return this.next.kind === "end";
  }

  take(): Token {
    const token = this.next;
    if (token.kind !== "end") this.#at++;
    return token;
  }

  isSymbol(text: string): boolean {
    return this.next.kind === "symbol" && this.next.text === text;
  }

  isWord(text: string): boolean {
    return this.next.kind === "word" && this.next.text.toLowerCase() === text;
  }

  takeSymbol(text: string): boolean {
    const isThere = this.isSymbol(text);
    if (isThere) this.#at++;
    return isThere;
  }

  takeWord(text: string): boolean {
    const isThere = this.isWord(text);
    if (isThere) this.#at++;
    return isThere;
  }

  expectSymbol(text: string): void {
    if (!this.takeSymbol(text)) this.refuse(`${text} is missing`);
  }

  /** What is written from a token up to where the reader stands. */
  writtenFrom(first: Token): string {
    const end = this.#tokens[this.#at - 1]?.end ?? first.end;
    return this.#text.slice(first.position - 1, end).trim();
  }

  /** Says what is missing where the reader stands. */
  refuse(message: string, at = this.next): never {
    const found = at.kind === "end" ? "the query ends" : `there is ${JSON.stringify(at.text)}`;
    throw new QueryError(`${message}: ${found}`, at.position);
  }
}

const END: Token = { kind: "end", text: "", position: 1, end: 0 };
