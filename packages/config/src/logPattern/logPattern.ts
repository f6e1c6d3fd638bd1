import { parseColumns } from "./columns.ts";
import { parseRecord } from "./record.ts";
import { parseTerms } from "./terms.ts";

/** Fields of a line whose fields are separated by blanks. */
export interface LogColumns {
  readonly count: number;
  at(index: number): string;
  /** That field and all behind it, as one text (AWS-83). */
  from(index: number): string;
}

export interface TermsPattern {
  readonly kind: "terms";
  matches(text: string): boolean;
}

export interface ColumnsPattern {
  readonly kind: "columns";
  /** Of the fields that have one, in their order. */
  readonly names: readonly string[];
  matches(columns: LogColumns): boolean;
  /** Reads the field of that name from a line that matches; undefined when the pattern does not name it. */
  reader(name: string): ((columns: LogColumns) => string) | undefined;
}

export interface RecordPattern {
  readonly kind: "record";
  /** The selectors that it compares, in their order. */
  readonly selectors: readonly string[];
  /** `record`: a line of JSON, read. */
  matches(record: unknown): boolean;
}

/** Which lines of a log a filter is about (AWS-80); case counts, and there are no regular expressions. */
export type LogPattern = TermsPattern | ColumnsPattern | RecordPattern;

export type LogPatternOutcome =
  | { readonly ok: true; readonly pattern: LogPattern }
  | { readonly ok: false; readonly reason: string };

const MOST_CHARACTERS = 1024;

/** `[…]` fields by position, `{…}` fields of JSON, anything else words; linear in pattern and line. */
export const compileLogPattern = (text: string): LogPatternOutcome => {
  const trimmed = text.trim();
  if (trimmed.length > MOST_CHARACTERS) return { ok: false, reason: `is longer than ${MOST_CHARACTERS} characters` };
  if (trimmed.startsWith("[")) return parseColumns(trimmed);
  if (trimmed.startsWith("{")) return parseRecord(trimmed);
  return parseTerms(trimmed);
};
