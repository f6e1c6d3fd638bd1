import { type LogQueryReport, parseQuery, QueryError } from "@basalt/telemetry/log-query";
import { type Answer, fail, PLAIN_TEXT, succeed } from "../answer.ts";
import { type LogQueryQuestion, QUERIED_LOGS } from "../logQuery.ts";
import { parametersOf } from "../query.ts";
import type { Call, Route, RouteContext } from "../route.ts";

const METHOD = "logquery";

const SERVER_LOGS: readonly string[] = ["info", "deny", "originerror"];
const RELATIVE = /^(\d{1,6})([smhd])$/;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DATE = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)?)?$/;

/** Undefined for what is none: a date (with `T`), seconds since 1970, or a length of time up to now. */
const readMoment = (text: string, nowMs: number): number | undefined => {
  const [, count, unit = ""] = RELATIVE.exec(text) ?? [];
  if (count !== undefined) return nowMs - Number(count) * (UNIT_MS[unit] ?? 0);
  if (/^\d{9,11}$/.test(text)) return Number(text) * 1000;
  // A date alone would be read as one of UTC.
  const isDay = text.length === "2026-03-01".length;
  const ms = DATE.test(text) ? Date.parse(isDay ? `${text}T00:00` : text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
};

class Refusal extends Error {}

const momentOf = (parameters: URLSearchParams, name: string): number | undefined => {
  const text = parameters.get(name);
  if (text === null || text === "") return undefined;
  const ms = readMoment(text, Date.now());
  if (ms === undefined) throw new Refusal(`The parameter ${name} must be a date, seconds since 1970, or such as 15m.`);
  return ms;
};

const checkQuery = (query: string): void => {
  try {
    parseQuery(query);
  } catch (cause) {
    if (cause instanceof QueryError)
      throw new Refusal(`At character ${cause.position} of the query: ${cause.message}.`);
    throw cause;
  }
};

const readQuestion = (parameters: URLSearchParams): LogQueryQuestion => {
  const log = QUERIED_LOGS.find((name) => name === (parameters.get("log") ?? "access").toLowerCase());
  if (log === undefined) throw new Refusal(`The parameter log must be one of ${QUERIED_LOGS.join(", ")}.`);
  const vhost = parameters.get("vhost") || undefined;
  if (vhost !== undefined && SERVER_LOGS.includes(log)) throw new Refusal(`The ${log} log is not that of one host.`);
  const query = parameters.get("query") ?? "";
  checkQuery(query);
  return { log, vhost, query, fromMs: momentOf(parameters, "from"), toMs: momentOf(parameters, "to") };
};

const cellText = (cell: string | number | boolean | null): string =>
  cell === null ? "" : String(cell).replace(/[\t\r\n]/g, " ");

/** Columns separated by tabs, and a last line with what was read. */
const tableOf = ({ columns, rows, recordsMatched, recordsScanned, bytesScanned, files }: LogQueryReport): string => {
  const lines = [columns.map(cellText), ...rows.map((row) => row.map(cellText))].map((cells) => cells.join("\t"));
  const summary = `# ${recordsMatched} of ${recordsScanned} lines matched, ${bytesScanned} bytes of ${files} files`;
  return `${lines.join("\n")}\n${summary}\n`;
};

const queryLogs = async (call: Call, { control }: RouteContext): Promise<Answer> => {
  const parameters = parametersOf(call);
  let question: LogQueryQuestion;
  try {
    question = readQuestion(parameters);
  } catch (cause) {
    if (cause instanceof Refusal) return fail(METHOD, 400, cause.message);
    throw cause;
  }
  const { vhost } = question;
  if (vhost !== undefined && !control.vhostNames().includes(vhost))
    return fail(METHOD, 404, "No virtual host has this name.");
  const outcome = await control.queryLogs(question);
  switch (outcome.kind) {
    case "busy":
      return { ...fail(METHOD, 503, "Other queries are under way."), headers: { "Retry-After": "5" } };
    case "tooMuch":
      return fail(METHOD, 504, `The query was given up: ${outcome.message}.`);
    case "answer": {
      const { report } = outcome;
      if (parameters.get("output") === "text") {
        return { kind: "text", httpStatus: 200, contentType: PLAIN_TEXT, text: tableOf(report) };
      }
      const { columns, rows, recordsMatched, recordsScanned, bytesScanned, files, unreadable } = report;
      const statistics = { recordsMatched, recordsScanned, bytesScanned, files };
      return succeed(METHOD, { columns, rows, statistics, unreadable });
    }
  }
};

/** AWS-88. */
export const LOG_QUERY_ROUTES: readonly Route[] = [
  {
    path: "/monitoring/logquery",
    methods: ["GET", "POST"],
    role: "User",
    channel: "any",
    doc: "Asks all files of a log: log={name}, vhost={name}, query={commands}, from={moment}, to={moment}",
    parameters: [
      { name: "log", doc: `One of ${QUERIED_LOGS.join(", ")}; \`access\` without it.` },
      { name: "vhost", doc: "Name of a virtual host; the logs of all without it." },
      {
        name: "query",
        doc: "Commands separated by `|`: fields, display, filter, parse, stats, sort, limit; the latest 1000 lines without it.",
      },
      { name: "from", doc: "Lines from this moment on: a date, seconds since 1970, or such as 15m ago." },
      { name: "to", doc: "Lines before this moment." },
      { name: "output", doc: "`text`: columns separated by tabs." },
    ],
    answers: {
      400: "The query or a parameter is unsound; the message says what, and where in the query.",
      404: "No virtual host has this name.",
      503: "Other queries are under way.",
      504: "The query takes too long, or too much memory.",
    },
    handle: queryLogs,
  },
];
