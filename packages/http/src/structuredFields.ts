/** A value without its parameters (RFC 9651 3.3). Byte sequences, dates and display strings keep their text. */
export type BareItem =
  | { readonly kind: "integer"; readonly value: number }
  | { readonly kind: "decimal"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "token"; readonly value: string }
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "bytes" | "date" | "display"; readonly value: string };

export type StructuredParameters = ReadonlyMap<string, BareItem>;

export interface StructuredItem {
  readonly kind: "item";
  readonly value: BareItem;
  readonly parameters: StructuredParameters;
}

export interface InnerList {
  readonly kind: "list";
  readonly items: readonly StructuredItem[];
  readonly parameters: StructuredParameters;
}

export type StructuredDictionary = ReadonlyMap<string, StructuredItem | InnerList>;

const KEY = /[a-z*][a-z0-9_.*-]*/y;
const NUMBER = /-?(?:[0-9]{1,12}\.[0-9]{1,3}|[0-9]{1,15})(?![0-9.])/y;
const STRING = /"(?<text>(?:[ !#-[\]-~]|\\["\\])*)"/y;
const TOKEN = /[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*/y;
const BYTES = /:(?<text>[A-Za-z0-9+/=]*):/y;
const BOOLEAN = /\?[01]/y;
const DATE = /@-?[0-9]{1,15}(?![0-9.])/y;
const DISPLAY = /%"(?<text>(?:[ !#$&-~]|%[0-9a-f]{2})*)"/y;
const SPACES = / */y;
const OPTIONAL_WHITE_SPACE = /[ \t]*/y;

const TRUE: BareItem = { kind: "boolean", value: true };

/** Reads from left to right; every method gives undefined when the text is not what it reads. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  skip(pattern: RegExp): void {
    this.#match(pattern);
  }

  accept(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  key(): string | undefined {
    return this.#match(KEY)?.[0];
  }

  parameters(): Map<string, BareItem> | undefined {
    const parameters = new Map<string, BareItem>();
    while (this.accept(";")) {
      this.skip(SPACES);
      const key = this.key();
      if (key === undefined) return undefined;
      const value = this.accept("=") ? this.bareItem() : TRUE;
      if (value === undefined) return undefined;
      parameters.set(key, value);
    }
    return parameters;
  }

  item(): StructuredItem | undefined {
    const value = this.bareItem();
    const parameters = value === undefined ? undefined : this.parameters();
    return value === undefined || parameters === undefined ? undefined : { kind: "item", value, parameters };
  }

  /** The opening parenthesis has been read. */
  innerList(): InnerList | undefined {
    const items: StructuredItem[] = [];
    for (;;) {
      const isApart = this.#match(SPACES)?.[0] !== "";
      if (this.accept(")")) break;
      if (items.length > 0 && !isApart) return undefined;
      const item = this.item();
      if (item === undefined) return undefined;
      items.push(item);
    }
    const parameters = this.parameters();
    return parameters === undefined ? undefined : { kind: "list", items, parameters };
  }

  bareItem(): BareItem | undefined {
    const number = this.#match(NUMBER)?.[0];
    if (number !== undefined) return { kind: number.includes(".") ? "decimal" : "integer", value: Number(number) };
    const string = this.#match(STRING)?.groups?.text;
    if (string !== undefined) return { kind: "string", value: string.replace(/\\(.)/g, "$1") };
    const boolean = this.#match(BOOLEAN)?.[0];
    if (boolean !== undefined) return { kind: "boolean", value: boolean === "?1" };
    const bytes = this.#match(BYTES)?.groups?.text;
    if (bytes !== undefined) return { kind: "bytes", value: bytes };
    const date = this.#match(DATE)?.[0];
    if (date !== undefined) return { kind: "date", value: date.slice(1) };
    const display = this.#match(DISPLAY)?.groups?.text;
    if (display !== undefined) return { kind: "display", value: display };
    const token = this.#match(TOKEN)?.[0];
    return token === undefined ? undefined : { kind: "token", value: token };
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match;
  }
}

/**
 * A field that is a structured dictionary (RFC 9651 4.2.2); undefined when any of it is malformed, which makes the
 * whole field void. Of a key that is repeated the last member counts, in the place of the first.
 */
export const parseDictionary = (text: string): StructuredDictionary | undefined => {
  const reader = new Reader(text.replace(/^ +| +$/g, ""));
  const members = new Map<string, StructuredItem | InnerList>();
  while (!reader.isAtEnd) {
    const key = reader.key();
    const member = key === undefined ? undefined : readMember(reader);
    if (key === undefined || member === undefined) return undefined;
    members.set(key, member);
    reader.skip(OPTIONAL_WHITE_SPACE);
    if (reader.isAtEnd) break;
    if (!reader.accept(",")) return undefined;
    reader.skip(OPTIONAL_WHITE_SPACE);
    if (reader.isAtEnd) return undefined;
  }
  return members;
};

const readMember = (reader: Reader): StructuredItem | InnerList | undefined => {
  if (reader.accept("=")) return reader.accept("(") ? reader.innerList() : reader.item();
  const parameters = reader.parameters();
  return parameters === undefined ? undefined : { kind: "item", value: TRUE, parameters };
};

/** A structured string (RFC 9651 4.1.6); characters that it cannot hold are left out. */
export const formatStructuredString = (text: string): string =>
  `"${text.replace(/[^ -~]/g, "").replace(/["\\]/g, "\\$&")}"`;

/** A token where the text is one (RFC 9651 4.1.7), else a string. */
export const formatTokenOrString = (text: string): string =>
  /^[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*$/.test(text) ? text : formatStructuredString(text);
