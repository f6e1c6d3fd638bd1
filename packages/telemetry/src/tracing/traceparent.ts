export interface Traceparent {
  /** 32 hexadecimal digits, lower case. */
  readonly traceId: string;
  /** 16 of them. */
  readonly parentId: string;
  readonly isSampled: boolean;
  /** The caller says that the right half of the trace id is random (Trace Context Level 2, 2.2.5.2). */
  readonly isRandom: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const SAMPLED = 1;
const RANDOM = 2;

/** W3C Trace Context 3.2. Undefined for what is to be treated as absent; later versions are read as far as known. */
export const parseTraceparent = (value: string | undefined): Traceparent | undefined => {
  if (value === undefined) return undefined;
  const [, version, traceId, parentId, flagText, more] = TRACEPARENT.exec(value.trim()) ?? [];
  if (version === undefined || traceId === undefined || parentId === undefined || flagText === undefined) {
    return undefined;
  }
  if (version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined;
  const flags = Number.parseInt(flagText, 16);
  return { traceId, parentId, isSampled: (flags & SAMPLED) !== 0, isRandom: (flags & RANDOM) !== 0 };
};

export const formatTraceparent = ({ traceId, parentId, isSampled, isRandom }: Traceparent): string => {
  const flags = (isSampled ? SAMPLED : 0) | (isRandom ? RANDOM : 0);
  return `00-${traceId}-${parentId}-0${flags}`;
};

const MOST_MEMBERS = 32;
const MOST_CHARACTERS = 4096;
const MEMBER =
  /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** The list as it is handed on (3.3); empty when it is none, which is no reason to begin another trace. */
export const readTracestate = (value: string): string => {
  if (value.length > MOST_CHARACTERS) return "";
  const members = value
    .split(",")
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ""))
    .filter((member) => member !== "");
  const keys = new Set(members.map((member) => member.slice(0, member.indexOf("="))));
  const isSound =
    members.length <= MOST_MEMBERS && keys.size === members.length && members.every((member) => MEMBER.test(member));
  return isSound ? members.join(",") : "";
};
