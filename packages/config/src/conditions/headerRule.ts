import type { HeaderRule } from "../contract.ts";
import { suggest } from "../syntax/suggest.ts";
import { findWrapperEnd } from "./fields.ts";

type Refusal = { readonly ok: false; readonly message: string };
type Outcome<T> = { readonly ok: true; readonly value: T } | Refusal;
type Direction = HeaderRule["direction"];
type Action = HeaderRule["action"];

/** What a line of headers.txt does, without its condition. */
export type HeaderChange = Omit<HeaderRule, "condition" | "line">;

const refuse = (message: string): Refusal => ({ ok: false, message });
const accept = <T>(value: T): Outcome<T> => ({ ok: true, value });

const DIRECTIONS: ReadonlyMap<string, Direction> = new Map([
  ["REQ", "request"],
  ["RES", "response"],
  ["ORGREQ", "originRequest"],
]);

const ACTIONS: readonly Action[] = ["set", "put", "append", "unset"];

/** Where a message ends and who its neighbours are: a rule on these would let one message be read as another. */
const FRAMING = [
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
] as const;

/** HTTP-44, HTTP-45, ORG-53, and what the server has acted on before, or writes after, the rules. */
const UNCHANGEABLE: Readonly<Record<Direction, ReadonlySet<string>>> = {
  request: new Set([...FRAMING, "expect", "host"]),
  response: new Set([...FRAMING, "content-range", "date"]),
  originRequest: new Set([...FRAMING, "expect", "range"]),
};

const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Visible characters of one byte, blanks and tabs: neither CR, LF nor NUL, nor what would become one of them. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

const readAction = (text: string): Outcome<Action> => {
  const word = text.toLowerCase();
  const action = ACTIONS.find((known) => known === word);
  if (action !== undefined) return accept(action);
  const near = suggest(word, ACTIONS);
  const hint = near === undefined ? "" : ` Did you mean ${near}?`;
  return refuse(`${JSON.stringify(text)} is none of ${ACTIONS.join(", ")}.${hint}`);
};

const readStatuses = (text: string, direction: Direction): Outcome<HeaderRule["statuses"]> => {
  if (text === "") return accept(undefined);
  if (direction !== "response") return refuse("Only $RES takes a status.");
  if (/^[2-5]xx$/i.test(text)) {
    const first = Number(text.charAt(0)) * 100;
    return accept({ first, last: first + 99 });
  }
  if (!/^[2-5]\d\d$/.test(text)) return refuse(`${JSON.stringify(text)} is neither a status nor one of 2xx to 5xx.`);
  return accept({ first: Number(text), last: Number(text) });
};

interface Target {
  readonly direction: Direction;
  readonly name: string;
  /** Undefined when there is no colon. */
  readonly value: string | undefined;
}

const readTarget = (text: string): Outcome<Target> => {
  const [, word = ""] = /^\$([A-Za-z]+)\[/.exec(text) ?? [];
  const direction = DIRECTIONS.get(word.toUpperCase());
  if (direction === undefined || findWrapperEnd(text, 0) !== text.length) {
    return refuse(`${JSON.stringify(text)} is none of $REQ[…], $RES[…] and $ORGREQ[…].`);
  }
  const inner = text.slice(word.length + 2, -1);
  const colon = inner.indexOf(":");
  const name = (colon < 0 ? inner : inner.slice(0, colon)).trim();
  if (!FIELD_NAME.test(name)) return refuse(`${JSON.stringify(name)} cannot be the name of a header field.`);
  const value = colon < 0 ? undefined : inner.slice(colon + 1).trim();
  if (value !== undefined && !FIELD_VALUE.test(value)) {
    return refuse(`The value of ${name} holds characters that a header field cannot carry.`);
  }
  return accept({ direction, name, value });
};

/** Why a field is out of reach of rules; undefined when it is not. */
const refuseField = ({ direction, name }: Target, action: Action): Refusal | undefined => {
  const lowerCaseName = name.toLowerCase();
  if (UNCHANGEABLE[direction].has(lowerCaseName)) return refuse(`${name} cannot be changed.`);
  // A request has one Host: the line may take the place of it, no more.
  if (lowerCaseName === "host" && action !== "set") return refuse("Host can only be set.");
  return undefined;
};

/** The fields of a line behind its condition (HTTP-44 to HTTP-50, ORG-53; OPEN 13 reading A of spec 04). */
export const readHeaderChange = (field: (index: number) => string): Outcome<HeaderChange> => {
  const target = readTarget(field(1));
  if (!target.ok) return target;
  const action = readAction(field(2));
  if (!action.ok) return action;
  const { direction, name, value = "" } = target.value;
  const refused = refuseField(target.value, action.value);
  if (refused !== undefined) return refused;
  if (action.value === "unset" && value !== "") return refuse("unset takes a name only.");
  if (direction !== "response" && value.includes("#CACHEHIT")) return refuse("Only $RES knows #CACHEHIT.");
  const statuses = readStatuses(field(3), direction);
  if (!statuses.ok) return statuses;
  return accept({ direction, action: action.value, name, value, statuses: statuses.value });
};
