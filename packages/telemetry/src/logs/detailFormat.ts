import type { ClientTransaction, RecordedHeads } from "../clientTransaction.ts";
import { asBytes, readableText } from "./escape.ts";

/** Bytes of the fields of one head; what comes behind them is left out. */
export const MOST_FIELD_BYTES = 32 * 1024;

const HIDDEN = "***";

/** Fields whose values let others in (AWS-91). */
export const SECRET_FIELDS: readonly string[] = [
  "authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
  "x-amz-security-token",
  "x-api-key",
  "x-auth-token",
  "x-csrf-token",
  "x-xsrf-token",
];

type Field = readonly [name: string, value: string];

interface DetailedHead {
  readonly line: string;
  readonly fields: readonly Field[];
  /** There was more. */
  readonly truncated?: true;
}

/** A name before the first equals sign says which cookie it was. */
const maskedCookies = (value: string, separator: RegExp): string =>
  value
    .split(separator)
    .map((pair) => (pair.includes("=") ? `${pair.slice(0, pair.indexOf("="))}=${HIDDEN}` : HIDDEN))
    .join("; ");

/** What may stand behind a cookie that is set: anything else may be another cookie, as where lines were joined by commas. */
const COOKIE_ATTRIBUTE =
  /^\s*(?:(?:secure|httponly|partitioned)\s*|expires=[^=]*|(?:max-age|domain|path|samesite|priority)=[^,=]*)$/i;

const maskedValue = (name: string, value: string): string => {
  switch (name) {
    case "authorization":
    case "proxy-authorization": {
      const [scheme] = /^[A-Za-z][A-Za-z0-9-]{0,20}(?= )/.exec(value) ?? [];
      return scheme === undefined ? HIDDEN : `${scheme} ${HIDDEN}`;
    }
    case "cookie":
      return maskedCookies(value, /;\s*/);
    case "set-cookie": {
      const [pair = "", ...attributes] = value.split(";");
      const shown = attributes.map((attribute) => (COOKIE_ATTRIBUTE.test(attribute) ? attribute : ` ${HIDDEN}`));
      return [maskedCookies(pair, /;/), ...shown].join(";");
    }
    default:
      return HIDDEN;
  }
};

const detailedHead = (
  line: string,
  flat: Iterable<Field>,
  secrets: ReadonlySet<string>,
  isCut: boolean,
): DetailedHead => {
  const fields: Field[] = [];
  let room = MOST_FIELD_BYTES;
  let truncated = isCut;
  for (const [name, value] of flat) {
    room -= name.length + value.length;
    if (room < 0) {
      truncated = true;
      break;
    }
    const key = name.toLowerCase();
    fields.push([readableText(name), secrets.has(key) ? maskedValue(key, value) : readableText(value)]);
  }
  return { line: readableText(line), fields, ...(truncated ? { truncated: true } : {}) };
};

function* pairsOf(flat: readonly string[]): Generator<Field> {
  for (let at = 0; at + 1 < flat.length; at += 2) yield [flat[at] ?? "", flat[at + 1] ?? ""];
}

const pairOf = (line: string): Field => {
  const colon = line.indexOf(":");
  return colon < 0 ? [line, ""] : [line.slice(0, colon), line.slice(colon + 1).trim()];
};

const responseOf = ({ response }: RecordedHeads, secrets: ReadonlySet<string>): DetailedHead | null => {
  if (response === undefined) return null;
  const [line = "", ...lines] = response.text.split("\r\n");
  // Of a head that was cut the last line may be a part of one.
  const whole = response.isWhole ? lines : lines.slice(0, -1);
  return detailedHead(line, whole.map(pairOf), secrets, !response.isWhole);
};

/** JSON leaves these as they are, which readers take for the end of a line and terminals for commands. */
const ODD_CONTROL = /[\u007f-\u009f\u2028\u2029]/g;

const escapedControl = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** Names of fields in lower case whose values are hidden, beside those that are hidden in any case. */
export const secretFields = (more: readonly string[]): ReadonlySet<string> =>
  new Set([...SECRET_FIELDS, ...more.map((name) => name.toLowerCase())]);

/**
 * The whole heads of a request and its response as one JSON object in bytes of UTF-8 (AWS-91). `response` is null where
 * the client left before there was one.
 */
export const detailLine = (
  transaction: ClientTransaction,
  heads: RecordedHeads,
  secrets: ReadonlySet<string>,
  atMs: number,
): string => {
  const { method, target, httpVersion, status, result, elapsedMs, trace } = transaction;
  const record = {
    time: new Date(atMs).toISOString(),
    vhost: transaction.vhostName,
    session_id: transaction.sessionText,
    trace_id: trace?.idText,
    client_ip: transaction.clientIp,
    client_port: transaction.clientPort,
    scheme: transaction.protocol,
    request: detailedHead(`${method} ${target} HTTP/${httpVersion}`, pairsOf(heads.requestFields()), secrets, false),
    response: responseOf(heads, secrets),
    status,
    cache_result: result,
    body_bytes_received: transaction.requestBodyBytes,
    body_bytes_sent: transaction.bodyBytesSent,
    time_taken_ms: Math.round(elapsedMs * 1000) / 1000,
    is_complete: transaction.isComplete,
  };
  return asBytes(JSON.stringify(record).replace(ODD_CONTROL, escapedControl));
};
