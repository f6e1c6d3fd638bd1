export interface AmznTraceId {
  /** As received; undefined where there is none, or one that is no trace id. */
  readonly root: string | undefined;
  /** 16 hexadecimal digits, lower case. */
  readonly parentId: string | undefined;
  /** Undefined: the decision is left to whoever reads it. */
  readonly isSampled: boolean | undefined;
  /** Other keys with their values, as they are handed on: `Self=…;Lineage=…`. */
  readonly others: string;
}

const NOTHING: AmznTraceId = { root: undefined, parentId: undefined, isSampled: undefined, others: "" };

const MOST_CHARACTERS = 2048;
/** What may be handed on for others. */
const MOST_OTHERS = 512;

const ROOT = /^1-[0-9a-f]{8}-[0-9a-f]{24}$/i;
const PARENT = /^[0-9a-f]{16}$/i;
const OTHER = /^[A-Za-z0-9_.-]{1,64}=[\x21-\x2b\x2d-\x3a\x3c-\x7e]{0,256}$/;

const isZero = (digits: string): boolean => /^[0-]+$/.test(digits);

/** AWS-94. Never fails: what cannot be read counts as not sent; of keys that stand twice the first counts. */
export const parseAmznTraceId = (value: string | undefined): AmznTraceId => {
  if (value === undefined || value.length > MOST_CHARACTERS) return NOTHING;
  let root: string | undefined;
  let parentId: string | undefined;
  let isSampled: boolean | undefined;
  const others: string[] = [];
  let othersLength = 0;
  for (const part of value.split(";")) {
    const pair = part.trim();
    const equals = pair.indexOf("=");
    const text = pair.slice(equals + 1);
    switch (pair.slice(0, Math.max(0, equals)).toLowerCase()) {
      case "root":
        if (ROOT.test(text) && !isZero(text.slice(2))) root ??= text;
        break;
      case "parent":
        if (PARENT.test(text) && !isZero(text)) parentId ??= text.toLowerCase();
        break;
      case "sampled":
        if (text === "1" || text === "0") isSampled ??= text === "1";
        break;
      default:
        if (!OTHER.test(pair) || othersLength + pair.length > MOST_OTHERS) break;
        othersLength += pair.length + 1;
        others.push(pair);
    }
  }
  return { root, parentId, isSampled, others: others.join(";") };
};

/** The 32 digits of a Root. */
export const traceIdOf = (root: string): string => root.slice(2).replace("-", "").toLowerCase();

export const formatAmznTraceId = (root: string, segmentId: string, isSampled: boolean, others: string): string =>
  `Root=${root};Parent=${segmentId};Sampled=${isSampled ? 1 : 0}${others === "" ? "" : `;${others}`}`;
