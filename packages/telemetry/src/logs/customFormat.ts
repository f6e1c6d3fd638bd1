import type { ClientTransaction } from "../clientTransaction.ts";
import { customPieces } from "../customTokens.ts";
import { type AccessFormat, clientText, sentBytes, type Xff } from "./accessFormat.ts";
import { asBytes } from "./escape.ts";
import type { LineBuffer } from "./lineBuffer.ts";
import { dashedMoment } from "./moments.ts";
import { compileTimeFormat } from "./strftime.ts";

const QUOTE = 34;
const DASH = 45;

type Value = (transaction: ClientTransaction, atMs: number) => string | number | undefined;
type Writer = (line: LineBuffer, transaction: ClientTransaction, atMs: number) => void;

const pathOf = (target: string): string => {
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
};

const queryOf = (target: string): string => {
  const query = target.indexOf("?");
  return query < 0 ? "" : target.slice(query + 1);
};

const hostName = ({ host, vhostName }: ClientTransaction): string | undefined =>
  host?.replace(/:\d+$/, "") ?? vhostName;

const versionOf = ({ httpVersion }: ClientTransaction): string => `HTTP/${httpVersion}`;

/** LOG-83 to LOG-110, those without a name in braces. */
const plainValues = (xff: Xff): Readonly<Record<string, Value>> => ({
  a: (transaction) => clientText(transaction, xff),
  A: ({ serverIp }) => serverIp,
  b: ({ bodyBytesSent }) => bodyBytesSent,
  D: ({ elapsedMs }) => Math.round(elapsedMs),
  f: ({ target }) => pathOf(target).split("/").at(-1),
  h: hostName,
  H: ({ protocol }) => protocol.toUpperCase(),
  m: ({ method }) => method,
  P: ({ serverPort }) => serverPort,
  q: ({ target }) => queryOf(target),
  r: (transaction) => `${transaction.method} ${transaction.target} ${versionOf(transaction)}`,
  s: ({ status }) => status,
  t: (_, atMs) => dashedMoment(atMs),
  T: ({ elapsedMs }) => Math.floor(elapsedMs / 1000),
  U: ({ target }) => pathOf(target),
  u: ({ target }) => target,
  X: ({ isComplete }) => (isComplete ? "C" : "X"),
  I: ({ requestHeadBytes, requestBodyBytes }) => requestHeadBytes + requestBodyBytes,
  O: sentBytes,
  R: ({ firstByteMs }) => Math.round(firstByteMs),
  e: ({ sessionText }) => sessionText,
  S: ({ result }) => result,
  K: versionOf,
  y: ({ requestHeadBytes }) => requestHeadBytes,
  z: ({ headBytesSent }) => headBytesSent,
});

const cookieValue = (cookies: string | undefined, name: string): string | undefined => {
  for (const pair of (cookies ?? "").split(";")) {
    const equals = pair.indexOf("=");
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
};

/** Undefined: no such token. */
const namedValue = (letter: string, argument: string): Value | undefined => {
  switch (letter) {
    case "i": {
      const name = argument.toLowerCase();
      // The field of a trace as origins get it, so that the id is there where the client has sent none (AWS-101).
      return name === "" ? undefined : ({ fields, trace }) => trace?.fieldOf(name) ?? fields.get(name);
    }
    case "C":
    case "c": {
      const name = argument.replace(/=$/, "");
      return name === "" ? undefined : ({ fields }) => cookieValue(fields.get("cookie"), name);
    }
    case "t":
    case "T": {
      const format = compileTimeFormat(argument);
      return format === undefined ? undefined : (_, atMs) => asBytes(format(atMs));
    }
    default:
      return undefined;
  }
};

/** LOG-82: statuses for which the value is written; `!` in front: for which it is not. */
const statusCondition = (text: string): ((status: number) => boolean) | undefined => {
  if (text === "") return () => true;
  const isNegated = text.startsWith("!");
  const list = isNegated ? text.slice(1) : text;
  if (!/^\d{3}(,\d{3})*$/.test(list)) return undefined;
  const statuses = new Set(list.split(",").map(Number));
  return (status) => statuses.has(status) !== isNegated;
};

const writeLiteral = (text: string): Writer => {
  const bytes = new Uint8Array(Buffer.from(text, "utf8"));
  return (line) => line.bytes(bytes);
};

const writeValue = (value: Value, isFor: (status: number) => boolean, isQuoted: boolean): Writer => {
  const quote = isQuoted ? QUOTE : 0;
  return (line, transaction, atMs) => {
    const found = isFor(transaction.status) ? value(transaction, atMs) : undefined;
    if (typeof found === "number") line.number(found);
    else if (found === undefined || found === "") line.byte(DASH);
    else line.plain(found, quote);
  };
};

/** LOG-80 to LOG-112. Undefined when the format is invalid: the form `ston` is used then (LOG-81). */
export const compileCustomFormat = (format: string, xff: Xff): AccessFormat | undefined => {
  const pieces = customPieces(format);
  if (pieces === undefined) return undefined;
  const writers: Writer[] = [];
  const values = plainValues(xff);
  for (const piece of pieces) {
    if (piece.kind === "literal") {
      writers.push(writeLiteral(piece.text));
      continue;
    }
    const { letter, argument, condition, isQuoted } = piece;
    const isFor = statusCondition(condition);
    const value = argument === undefined ? values[letter] : namedValue(letter, argument);
    if (isFor === undefined || value === undefined) return undefined;
    writers.push(writeValue(value, isFor, isQuoted));
  }
  if (writers.length === 0) return undefined;
  return {
    header: () => "",
    write: (line, transaction, atMs) => {
      for (const write of writers) write(line, transaction, atMs);
    },
  };
};
