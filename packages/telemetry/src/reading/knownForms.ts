import { fieldsByPosition, type LineFields, type LineForm, positionsOf } from "./lineForm.ts";
import { parseApacheMoment, parseWrittenMoment } from "./lineMoment.ts";

/** Lines whose fields a `#Fields` line names; a field that is too many belongs to the last one. */
export const extendedForm = (names: readonly string[], isUtc: boolean): LineForm => {
  const positions = positionsOf(names);
  const hasMoment = names[0] === "date" && names[1] === "time";
  return {
    read: (line) => {
      if (line.startsWith("#")) return undefined;
      const values = line.split(" ");
      if (values.length > names.length) {
        const last = names.length - 1;
        values.splice(last, values.length, values.slice(last).join(" "));
      }
      return fieldsByPosition(positions, values, hasMoment ? parseWrittenMoment(line, isUtc) : undefined);
    },
  };
};

const APACHE_LINE =
  /^(\S+) (\S+) (\S+) \[([^\]]+)\] "((?:[^"\\]|\\.)*)" (\S+) (\S+)(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?$/;
const APACHE_NAMES = ["host", "ident", "authuser", "date", "request", "status", "bytes", "referer", "user-agent"];
const APACHE_POSITIONS = positionsOf(APACHE_NAMES);

export const apacheForm: LineForm = {
  read: (line) => {
    const found = APACHE_LINE.exec(line);
    return found === null
      ? undefined
      : fieldsByPosition(APACHE_POSITIONS, found.slice(1), parseApacheMoment(found[4] ?? ""));
  },
};

const ELB_NAMES = [
  ...["timestamp", "elb", "client", "backend", "request_processing_time", "backend_processing_time"],
  ...["response_processing_time", "elb_status_code", "backend_status_code", "received_bytes", "sent_bytes"],
  ...["request", "user_agent", "ssl_cipher", "ssl_protocol"],
];
const ALB_NAMES = [
  ...["type", "time", "elb", "client", "target", "request_processing_time", "target_processing_time"],
  ...["response_processing_time", "elb_status_code", "target_status_code", "received_bytes", "sent_bytes", "request"],
  ...["user_agent", "ssl_cipher", "ssl_protocol", "target_group_arn", "trace_id", "domain_name", "chosen_cert_arn"],
  ...["matched_rule_priority", "request_creation_time", "actions_executed", "redirect_url", "error_reason"],
  ...["target_list", "target_status_code_list", "classification", "classification_reason", "conn_trace_id"],
];
const PIECE = /"((?:[^"\\]|\\.)*)"|(\S+)/g;

/** What stands between blanks, or in quotes. */
const quotedPieces = (line: string): readonly string[] =>
  [...line.matchAll(PIECE)].map(([, quoted, bare]) => quoted?.replace(/\\(.)/g, "$1") ?? bare ?? "");

const balancerForm = (names: readonly string[], beginning: RegExp, momentAt: number): LineForm => {
  const positions = positionsOf(names);
  return {
    read: (line) => {
      if (!beginning.test(line)) return undefined;
      const values = quotedPieces(line);
      return fieldsByPosition(positions, values, parseWrittenMoment(values[momentAt] ?? ""));
    },
  };
};

const ISO = String.raw`\d{4}-\d\d-\d\dT[\d:.]+Z `;
/** AWS-02 to AWS-15. */
export const elbForm = balancerForm(ELB_NAMES, new RegExp(`^${ISO}\\S+ \\S+ \\S+ `), 0);
/** AWS-16. */
export const albForm = balancerForm(ALB_NAMES, new RegExp(`^(?:https?|h2|grpcs|wss?) ${ISO}`), 1);

const MOST_DEPTH = 8;

const scalar = (value: unknown): string | number | boolean | undefined => {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  return typeof value === "object" && value !== null ? JSON.stringify(value) : undefined;
};

const own = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;

const namesBelow = (value: unknown, prefix: string, depth: number, names: string[]): void => {
  if (typeof value !== "object" || value === null || Array.isArray(value) || depth === MOST_DEPTH) {
    names.push(prefix);
    return;
  }
  for (const [name, inner] of Object.entries(value))
    namesBelow(inner, prefix === "" ? name : `${prefix}.${name}`, depth + 1, names);
};

const momentOfRecord = (record: unknown): number | undefined => {
  for (const name of ["time", "Time", "timestamp", "start_time"]) {
    const value = own(record, name);
    if (typeof value === "string") return parseWrittenMoment(value);
    if (typeof value === "number") return value < 100_000_000_000 ? Math.floor(value * 1000) : value;
  }
  return undefined;
};

/** One object a line; `a.b` is the field b of the object a, and `a.0` the first item of a list. */
export const recordForm: LineForm = {
  read: (line): LineFields | undefined => {
    if (!line.startsWith("{")) return undefined;
    let record: unknown;
    try {
      record = JSON.parse(line);
    } catch {
      return undefined;
    }
    return {
      get names() {
        const names: string[] = [];
        namesBelow(record, "", 0, names);
        return names;
      },
      field: (name) => scalar(own(record, name) ?? name.split(".").reduce(own, record)),
      timestampMs: momentOfRecord(record),
    };
  },
};

/** What stands in front of the moment of a comment (LOG-40), and of a failure (LOG-114). */
const IN_FRONT = /^#?(?:\[[A-Z]+:\d\d\] )?\[?/;
const LEVEL = /\[([A-Z]+)\]/;

/** Lines that are text behind a moment, such as those of the info log. */
export const textForm: LineForm = {
  read: (line) => {
    const timestampMs = parseWrittenMoment(line.replace(IN_FRONT, ""));
    const level = LEVEL.exec(line.slice(0, 64))?.[1];
    return {
      names: level === undefined ? [] : ["level"],
      field: (name) => (name === "level" ? level : undefined),
      timestampMs,
    };
  },
};
