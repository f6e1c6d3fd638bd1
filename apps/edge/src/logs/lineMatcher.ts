import { compileLogPattern, compileSelector, type LogPattern, splitColumns } from "@basalt/config";
import type { MatchLine } from "@basalt/telemetry/subscription";

const NO_FIELDS: Readonly<Record<string, string>> = {};

/** Reading a record must not fail for a line that is none. */
const readRecord = (line: string): unknown => {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
};

const textOf = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? ""));

const matcherOf = (pattern: LogPattern): MatchLine => {
  switch (pattern.kind) {
    case "terms":
      return (line) => (pattern.matches(line) ? NO_FIELDS : undefined);
    case "columns": {
      const readers = pattern.names.flatMap((name) => {
        const read = pattern.reader(name);
        return read === undefined ? [] : [{ name, read }];
      });
      return (line) => {
        const columns = splitColumns(line);
        if (!pattern.matches(columns)) return undefined;
        return Object.fromEntries(readers.map(({ name, read }) => [name, read(columns)]));
      };
    }
    case "record": {
      const readers = pattern.selectors.flatMap((selector) => {
        const read = compileSelector(selector);
        return read === undefined ? [] : [{ selector, read }];
      });
      return (line) => {
        const record = readRecord(line);
        if (record === undefined || !pattern.matches(record)) return undefined;
        const values = readers.map(({ selector, read }) => ({ selector, value: read(record) }));
        const present = values.filter(({ value }) => value !== undefined);
        return Object.fromEntries(present.map(({ selector, value }) => [selector, textOf(value)]));
      };
    }
  }
};

/** The fields that a pattern names, of a line that matches (AWS-86). Nothing matches what is no pattern. */
export const lineMatcher = (pattern: string): MatchLine => {
  const outcome = compileLogPattern(pattern);
  return outcome.ok ? matcherOf(outcome.pattern) : () => undefined;
};
