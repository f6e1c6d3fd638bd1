import { BerReader, MalformedMessage } from "./berReader.ts";
import { element, elements, integer, oid } from "./berWriter.ts";
import { SNMP_LIMITS } from "./limits.ts";
import type { Oid } from "./oid.ts";

const TAG = {
  integer: 0x02,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  sequence: 0x30,
  gauge32: 0x42,
  timeTicks: 0x43,
  noSuchObject: 0x80,
  noSuchInstance: 0x81,
  endOfMibView: 0x82,
  response: 0xa2,
} as const;

const REQUEST_TAGS = { 160: "get", 161: "getNext", 163: "set", 165: "getBulk" } as const;

/** What the agent answers with; numbers beyond the type are cut to its limit (SNMP-36). */
export type SnmpValue =
  | { readonly type: "string"; readonly value: string }
  /** Gauge32. */
  | { readonly type: "gauge"; readonly value: number }
  /** INTEGER of 32 bits. */
  | { readonly type: "integer"; readonly value: number }
  /** TimeTicks, which begin anew at 2^32. */
  | { readonly type: "ticks"; readonly value: number }
  | { readonly type: "oid"; readonly value: Oid };

/** What SNMPv2c says in place of a value. */
export type SnmpException = "noSuchObject" | "noSuchInstance" | "endOfMibView";

export interface SnmpVariable {
  readonly oid: Oid;
  readonly value: SnmpValue | SnmpException;
}

interface RequestBase {
  readonly version: "v1" | "v2c";
  readonly community: Buffer;
  readonly requestId: number;
  readonly oids: readonly Oid[];
  /** The list of variables as it came, for answers that repeat it. */
  readonly variables: Uint8Array;
}

export type SnmpRequest =
  | (RequestBase & { readonly kind: "get" | "getNext" | "set" })
  | (RequestBase & { readonly kind: "getBulk"; readonly nonRepeaters: number; readonly maxRepetitions: number });

/** RFC 3416, 3: those that this agent has to say. */
export const ERROR_STATUS = { noError: 0, tooBig: 1, noSuchName: 2, genErr: 5, notWritable: 17 } as const;

export type ErrorStatus = keyof typeof ERROR_STATUS;

export type DecodedMessage =
  | { readonly kind: "request"; readonly request: SnmpRequest }
  /** Another version than 1 and 2c. */
  | { readonly kind: "version" }
  | { readonly kind: "malformed" };

const readOids = (list: BerReader): Oid[] => {
  const oids: Oid[] = [];
  while (!list.isAtEnd) {
    const variable = list.expect(TAG.sequence);
    oids.push(variable.oid(TAG.oid));
    variable.next();
    if (!variable.isAtEnd) throw new MalformedMessage("more than a name and a value");
  }
  return oids;
};

const readVersion = (version: number): "v1" | "v2c" | undefined => {
  if (version === 0) return "v1";
  return version === 1 ? "v2c" : undefined;
};

const readRequest = (message: BerReader, version: "v1" | "v2c"): SnmpRequest => {
  const community = Buffer.from(message.expect(TAG.octetString).bytes);
  if (community.length > SNMP_LIMITS.communityBytes) throw new MalformedMessage("a community of too many bytes");
  const { tag, content } = message.next();
  if (!message.isAtEnd) throw new MalformedMessage("more than one operation");
  const kind = Object.entries(REQUEST_TAGS).find(([known]) => Number(known) === tag)?.[1];
  if (kind === undefined || (kind === "getBulk" && version === "v1")) throw new MalformedMessage("no such operation");
  const requestId = content.integer(TAG.integer);
  const first = content.integer(TAG.integer);
  const second = content.integer(TAG.integer);
  const list = content.expect(TAG.sequence);
  if (!content.isAtEnd) throw new MalformedMessage("more than a list of variables");
  const base = { version, community, requestId, variables: list.bytes, oids: readOids(list) };
  if (kind !== "getBulk") return { ...base, kind };
  return { ...base, kind, nonRepeaters: Math.max(0, first), maxRepetitions: Math.max(0, second) };
};

/** Never throws, whatever the bytes are. */
export const decodeMessage = (bytes: Uint8Array): DecodedMessage => {
  try {
    const datagram = new BerReader(bytes);
    const message = datagram.expect(TAG.sequence);
    const version = readVersion(message.integer(TAG.integer));
    if (version === undefined) return { kind: "version" };
    if (!datagram.isAtEnd) return { kind: "malformed" };
    return { kind: "request", request: readRequest(message, version) };
  } catch (cause) {
    if (cause instanceof MalformedMessage) return { kind: "malformed" };
    throw cause;
  }
};

const cut = (value: number, least: number, most: number): number =>
  Number.isNaN(value) ? 0 : Math.min(most, Math.max(least, Math.trunc(value)));

const LARGEST_UNSIGNED = 2 ** 32 - 1;

const encodeText = (text: string): Buffer => {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length <= SNMP_LIMITS.stringBytes) return bytes;
  // The bytes of a character that the cut goes through are left out.
  let end: number = SNMP_LIMITS.stringBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
};

const encodeValue = (value: SnmpVariable["value"]): Buffer => {
  if (typeof value === "string") return element(TAG[value], Buffer.alloc(0));
  switch (value.type) {
    case "string":
      return element(TAG.octetString, encodeText(value.value));
    case "gauge":
      return integer(TAG.gauge32, cut(value.value, 0, LARGEST_UNSIGNED));
    case "integer":
      return integer(TAG.integer, cut(value.value, -(2 ** 31), 2 ** 31 - 1));
    case "ticks":
      return integer(TAG.timeTicks, cut(value.value, 0, Number.MAX_SAFE_INTEGER) % 2 ** 32);
    case "oid":
      return oid(TAG.oid, value.value);
  }
};

/** A variable as it stands in an answer. */
export const encodeVariable = ({ oid: name, value }: SnmpVariable): Buffer =>
  elements(TAG.sequence, [oid(TAG.oid, name), encodeValue(value)]);

export const encodeAnswer = (
  { version, community, requestId }: Pick<SnmpRequest, "version" | "community" | "requestId">,
  error: { readonly status: ErrorStatus; readonly index: number },
  variables: Uint8Array,
): Buffer =>
  elements(TAG.sequence, [
    integer(TAG.integer, version === "v1" ? 0 : 1),
    element(TAG.octetString, community),
    elements(TAG.response, [
      integer(TAG.integer, requestId),
      integer(TAG.integer, ERROR_STATUS[error.status]),
      integer(TAG.integer, error.index),
      element(TAG.sequence, variables),
    ]),
  ]);
