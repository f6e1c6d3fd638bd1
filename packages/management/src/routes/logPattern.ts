import { type ColumnsPattern, compileLogPattern, type LogPattern, splitColumns } from "@basalt/config";
import { fail, succeed } from "../answer.ts";
import { parametersOf } from "../query.ts";
import type { Route } from "../route.ts";

const METHOD = "logpattern";

/** Matches that are shown; all are counted. */
const MOST_SHOWN = 1_000;

/** Reading a record must not fail for a line that is none. */
const readRecord = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
};

const isMatch = (pattern: LogPattern, line: string): boolean => {
  switch (pattern.kind) {
    case "terms":
      return pattern.matches(line);
    case "columns":
      return pattern.matches(splitColumns(line));
    case "record":
      return pattern.matches(readRecord(line));
  }
};

const fieldsOf = (pattern: ColumnsPattern, line: string): Record<string, string> => {
  const columns = splitColumns(line);
  return Object.fromEntries(pattern.names.map((name) => [name, pattern.reader(name)?.(columns) ?? ""]));
};

/** AWS-85. */
export const LOG_PATTERN_ROUTES: readonly Route[] = [
  {
    path: "/monitoring/logpattern",
    methods: ["GET", "POST"],
    role: "User",
    channel: "any",
    doc: "Tries the pattern of a metric filter: pattern={pattern}, lines={sample lines}",
    parameters: [
      { name: "pattern", doc: "As in `<MetricFilter>`; empty for every line." },
      { name: "lines", doc: "Lines of a log, each ended by a line feed.", isRequired: true },
    ],
    answers: { 400: "The pattern is none; the message says why." },
    handle: (call) => {
      const parameters = parametersOf(call);
      const outcome = compileLogPattern(parameters.get("pattern") ?? "");
      if (!outcome.ok) return fail(METHOD, 400, `The pattern ${outcome.reason}.`);
      const { pattern } = outcome;
      const lines = (parameters.get("lines") ?? "").split(/\r?\n/);
      if (lines.at(-1) === "") lines.pop();
      const found = lines
        .map((text, index) => ({ line: index + 1, text }))
        .filter(({ text }) => isMatch(pattern, text));
      const shown = found
        .slice(0, MOST_SHOWN)
        .map((match) => (pattern.kind === "columns" ? { ...match, fields: fieldsOf(pattern, match.text) } : match));
      return succeed(METHOD, {
        summary: `Found ${found.length} matches out of ${lines.length} event(s)`,
        matches: found.length,
        events: lines.length,
        found: shown,
      });
    },
  },
];
