import { isIPv4, isIPv6 } from "node:net";
import { compilePattern } from "../linearPattern/linearPattern.ts";
import { parseIpPattern } from "../syntax/ipPattern.ts";
import { isDomainName, parsePort } from "../syntax/originAddress.ts";
import { suggest } from "../syntax/suggest.ts";
import { parseTimeExpression } from "../syntax/timeExpression.ts";

/** `note` tells of a value that was taken, but not as written. */
export type ParseOutcome<T> =
  | { readonly ok: true; readonly value: T; readonly note?: string }
  | { readonly ok: false; readonly message: string };

/** What an XML schema can say of a value; it may let through more than `parse` takes, never less. */
export type ValueShape =
  | { readonly kind: "integer"; readonly min: number; readonly max: number }
  /** Without regard to case. */
  | { readonly kind: "words"; readonly words: readonly string[] }
  /** Anchored at both ends; in the common ground of XML schemas and JavaScript. */
  | { readonly kind: "pattern"; readonly pattern: string };

/** How one kind of value is written, read and shown. */
export interface ValueType<T> {
  /** Word of the reference page: `integer`, `seconds`, … */
  readonly name: string;
  /** What is accepted, as it completes "Allowed: …". */
  readonly allowed: string;
  /** True when an empty text is a value; otherwise it means 'not written'. */
  readonly emptyIsValue: boolean;
  /** Undefined: any text. */
  readonly shape?: ValueShape;
  parse(text: string): ParseOutcome<T>;
  format(value: T): string;
}

interface Range {
  readonly min: number;
  readonly max: number;
}

const accept = <T>(value: T): ParseOutcome<T> => ({ ok: true, value });
const refuse = (text: string, reason: string): ParseOutcome<never> => ({
  ok: false,
  message: `${JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)} ${reason}${/[.?]$/.test(reason) ? "" : "."}`,
});

const checkRange = (text: string, value: number, { min, max }: Range): ParseOutcome<number> => {
  if (value < min) return refuse(text, `is below ${min}`);
  if (value > max) return refuse(text, `is above ${max}`);
  return accept(value);
};

const describeRange = ({ min, max }: Range): string =>
  max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `${min} to ${max}`;

export const integer = (range: Range, unit = ""): ValueType<number> => ({
  name: unit === "" ? "integer" : unit,
  allowed: `an integer, ${describeRange(range)}${unit === "" ? "" : ` (${unit})`}`,
  emptyIsValue: false,
  shape: { kind: "integer", ...range },
  parse: (text) =>
    /^\d{1,15}$/.test(text) ? checkRange(text, Number(text), range) : refuse(text, "is not a whole number"),
  format: String,
});

/** Above `cut` a value counts as `cut`, with a warning, instead of being refused. */
export const integerCutAt = (range: Range, unit = ""): ValueType<number> => {
  const inner = integer({ min: range.min, max: Number.MAX_SAFE_INTEGER }, unit);
  return {
    ...inner,
    allowed: `an integer, ${describeRange(range)}${unit === "" ? "" : ` (${unit})`}; more is cut to ${range.max}`,
    parse: (text) => {
      const outcome = inner.parse(text);
      if (!outcome.ok || outcome.value <= range.max) return outcome;
      return { ok: true, value: range.max, note: `${text} is cut to ${range.max}.` };
    },
  };
};

/** Seconds, as a number or a time expression (OPT-58). */
export const duration = (range: Range): ValueType<number> => ({
  name: "seconds",
  allowed: `seconds or a time expression such as "30min", ${describeRange(range)} seconds`,
  emptyIsValue: false,
  shape: { kind: "pattern", pattern: "([0-9]{1,15}\\s*[A-Za-z]+\\s*)*([0-9]{1,15})?" },
  parse: (text) => {
    const value = parseTimeExpression(text);
    return value === undefined ? refuse(text, "is not a time expression") : checkRange(text, value, range);
  },
  format: String,
});

const BYTES_PER_GIGABYTE = 1024 ** 3;

export const gigabytes: ValueType<number | undefined> = {
  name: "GB",
  allowed: "a whole number of gigabytes, 1 to 1000000",
  emptyIsValue: false,
  shape: { kind: "integer", min: 1, max: 1_000_000 },
  parse: (text) => {
    const outcome = integer({ min: 1, max: 1_000_000 }).parse(text);
    return outcome.ok ? accept(outcome.value * BYTES_PER_GIGABYTE) : outcome;
  },
  format: (value) => (value === undefined ? "none" : String(value / BYTES_PER_GIGABYTE)),
};

const BYTES_PER_MEGABYTE = 1024 ** 2;

/** A number of megabytes, in bytes. */
export const megabytes = (range: Range): ValueType<number> => ({
  name: "MB",
  allowed: `a whole number of megabytes, ${describeRange(range)}`,
  emptyIsValue: false,
  shape: { kind: "integer", ...range },
  parse: (text) => {
    const outcome = integer(range).parse(text);
    return outcome.ok ? accept(outcome.value * BYTES_PER_MEGABYTE) : outcome;
  },
  format: (value) => String(value / BYTES_PER_MEGABYTE),
});

/** `HH:MM`, in minutes after midnight. */
export const timeOfDay: ValueType<number> = {
  name: "time of day",
  allowed: "HH:MM, 00:00 to 23:59, local time",
  emptyIsValue: false,
  shape: { kind: "pattern", pattern: "([01][0-9]|2[0-3]):[0-5][0-9]" },
  parse: (text) => {
    const [, hours, minutes] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
    if (hours === undefined || minutes === undefined) return refuse(text, "is not a time of day");
    return accept(Number(hours) * 60 + Number(minutes));
  },
  format: (value) => {
    const hours = String(Math.floor(value / 60)).padStart(2, "0");
    return `${hours}:${String(value % 60).padStart(2, "0")}`;
  },
};

export const onOff: ValueType<boolean> = {
  name: "ON/OFF",
  allowed: "ON or OFF",
  emptyIsValue: false,
  shape: { kind: "words", words: ["ON", "OFF"] },
  parse: (text) => {
    const word = text.toUpperCase();
    return word === "ON" || word === "OFF" ? accept(word === "ON") : refuse(text, "is neither ON nor OFF");
  },
  format: (value) => (value ? "ON" : "OFF"),
};

const joinWords = (words: readonly string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;

/** One of the words, compared without regard to case. */
export const oneOf = <const Word extends string>(...words: readonly Word[]): ValueType<Word> => ({
  name: "word",
  allowed: joinWords(words),
  emptyIsValue: false,
  shape: { kind: "words", words },
  parse: (text) => {
    const folded = text.toLowerCase();
    const found = words.find((word) => word.toLowerCase() === folded);
    if (found !== undefined) return accept(found);
    const near = suggest(text, words);
    return refuse(text, `is not one of the words${near === undefined ? "" : `. Did you mean ${near}?`}`);
  },
  format: (value) => value,
});

/** A comma list without repetition. */
const commaList = <Item>(item: ValueType<Item>, allowed: string): ValueType<readonly Item[]> => ({
  name: "list",
  allowed,
  emptyIsValue: false,
  parse: (text) => {
    const values: Item[] = [];
    for (const field of text.split(",")) {
      const outcome = item.parse(field.trim());
      if (!outcome.ok) return outcome;
      if (values.includes(outcome.value)) return refuse(field.trim(), "stands twice in the list");
      values.push(outcome.value);
    }
    return accept(values);
  },
  format: (values) => values.map((value) => item.format(value)).join(", "),
});

export const listOf = <const Word extends string>(...words: readonly Word[]): ValueType<readonly Word[]> =>
  commaList(oneOf(...words), `a comma list of ${words.join(", ")}`);

const statusCode = integer({ min: 100, max: 599 });

export const httpStatus: ValueType<number> = { ...integer({ min: 200, max: 599 }), name: "status" };

export const zeroOrHttpStatus: ValueType<number> = {
  name: "status",
  allowed: "0 or an HTTP status, 200 to 599",
  emptyIsValue: false,
  parse: (text) => (text === "0" ? accept(0) : httpStatus.parse(text)),
  format: String,
};

const statusCodes = commaList(statusCode, "0 (any status) or a comma list of HTTP status codes");

/** `0` (any) reads as the empty list. */
export const statusList: ValueType<readonly number[]> = {
  ...statusCodes,
  parse: (text) => (text === "0" ? accept([]) : statusCodes.parse(text)),
  format: (values) => (values.length === 0 ? "0" : values.join(", ")),
};

const fieldName: ValueType<string> = {
  name: "name",
  allowed: "a field name",
  emptyIsValue: false,
  parse: (text) =>
    /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text) ? accept(text.toLowerCase()) : refuse(text, "is not a field name"),
  format: (value) => value,
};

const fieldNames = commaList(fieldName, "a comma list of field names, * for all, or empty for none");

/** Field names in lower case; a `*` anywhere makes it `*` alone. */
export const fieldNameList: ValueType<readonly string[]> = {
  ...fieldNames,
  emptyIsValue: true,
  parse: (text) => {
    if (text === "") return accept([]);
    const outcome = fieldNames.parse(text);
    return outcome.ok && outcome.value.includes("*") ? accept(["*"]) : outcome;
  },
};

const namedFields = commaList(fieldName, "a comma list of field names, or empty for none");

/** Field names in lower case. */
export const plainFieldNameList: ValueType<readonly string[]> = {
  ...namedFields,
  emptyIsValue: true,
  parse: (text) => (text === "" ? accept([]) : namedFields.parse(text)),
};

/** Text that can go into an HTTP field value: visible ASCII and blanks, so that no line can be injected. */
export const fieldText: ValueType<string> = {
  name: "text",
  allowed: "printable ASCII on one line, or empty",
  emptyIsValue: true,
  parse: (text) => (/^[\x20-\x7e]*$/.test(text) ? accept(text) : refuse(text, "holds other characters")),
  format: (value) => value,
};

export const plainText: ValueType<string> = {
  name: "text",
  allowed: "text on one line",
  emptyIsValue: false,
  parse: (text) =>
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    /[\x00-\x1f\x7f]/.test(text) ? refuse(text, "holds control characters") : accept(text),
  format: (value) => value,
};

export const folderPath: ValueType<string> = {
  name: "path",
  allowed: "a folder, absolute or relative to the home folder",
  emptyIsValue: false,
  parse: (text) => (text === "" ? refuse(text, "names no folder") : plainText.parse(text)),
  format: (value) => value,
};

export const originPath: ValueType<string> = {
  name: "URI",
  allowed: "a path with optional query string that begins with / and holds no blank",
  emptyIsValue: false,
  parse: (text) => (/^\/[\x21-\x7e]*$/.test(text) ? accept(text) : refuse(text, "is not such a path")),
  format: (value) => value,
};

export const ipAddress: ValueType<string> = {
  name: "IP address",
  allowed: "an IP address",
  emptyIsValue: false,
  parse: (text) => (isIPv4(text) || isIPv6(text) ? accept(text) : refuse(text, "is not an IP address")),
  format: (value) => value,
};

const BYTES_PER_KILOBYTE = 1024;

/** One end of a `min-max` range in KB (CMP-05), in bytes. Both ends are written in one attribute. */
export const kilobyteRange = (end: "min" | "max"): ValueType<number> => ({
  name: "KB range",
  allowed: "two whole numbers of KB, the smaller first, such as 2-2048",
  emptyIsValue: false,
  parse: (text) => {
    const [, low, high] = /^(\d{1,9})\s*-\s*(\d{1,9})$/.exec(text) ?? [];
    if (low === undefined || high === undefined || Number(low) > Number(high)) return refuse(text, "is not a range");
    return accept(Number(end === "min" ? low : high) * BYTES_PER_KILOBYTE);
  },
  format: (value) => `${value / BYTES_PER_KILOBYTE}`,
});

export const tcpPort: ValueType<number> = {
  name: "port",
  allowed: "a port, 1 to 65535",
  emptyIsValue: false,
  shape: { kind: "integer", min: 1, max: 65_535 },
  parse: (text) => {
    const port = parsePort(text);
    return port === undefined ? refuse(text, "is not a port") : accept(port);
  },
  format: String,
};

export const filePath: ValueType<string> = {
  name: "path",
  allowed: "a file, absolute or relative to the home folder, or empty",
  emptyIsValue: true,
  parse: (text) => (text === "" ? accept("") : plainText.parse(text)),
  format: (value) => value,
};

/** `ip` or `ip:port`; an IPv6 address with a port stands in brackets. */
export const nameServer: ValueType<string> = {
  name: "address",
  allowed: "{IP} or {IP}:{port}; an IPv6 address with a port stands in brackets",
  emptyIsValue: false,
  parse: (text) => {
    if (isIPv4(text) || isIPv6(text)) return accept(text);
    const [, bracketed, plain, portText = ""] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d+)$/.exec(text) ?? [];
    const isAddress = bracketed === undefined ? isIPv4(plain ?? "") : isIPv6(bracketed);
    if (!isAddress || parsePort(portText) === undefined) return refuse(text, "is not the address of a name server");
    return accept(text);
  },
  format: (value) => value,
};

/** A regular expression that `compilePattern` takes. */
export const regularExpression: ValueType<string> = {
  name: "expression",
  allowed: "a regular expression without back references, look around, atomic groups and possessive quantifiers",
  emptyIsValue: false,
  parse: (text) => {
    const outcome = compilePattern(text);
    return outcome.ok ? accept(text) : refuse(text, outcome.reason);
  },
  format: (value) => value,
};

/** What takes the place of a URL; `#0` to `#9` stand for parts of it. */
export const urlTemplate: ValueType<string> = {
  name: "URL",
  allowed: "a path with optional query string, which may hold #0 to #9 and no blank",
  emptyIsValue: false,
  parse: (text) => (/^[\x21-\x7e]+$/.test(text) ? accept(text) : refuse(text, "is not such a path")),
  format: (value) => value,
};

const isIpv6Network = (text: string): boolean => {
  const [address = "", bits, ...rest] = text.split("/");
  return (
    isIPv6(address) && rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= 128))
  );
};

const isHostPattern = (text: string): boolean =>
  isDomainName(text.startsWith("*.") ? text.slice(2) : text.replace(/^\*/, ""));

const hostOrNetwork: ValueType<string> = {
  name: "host",
  allowed: "a host name (* in front stands for any beginning), an IP address or a network",
  emptyIsValue: false,
  parse: (text) => {
    const folded = text.toLowerCase();
    const isKnown = parseIpPattern(text) !== undefined || isIpv6Network(text) || isHostPattern(text);
    return isKnown ? accept(folded) : refuse(text, "is neither a host name nor a network");
  },
  format: (value) => value,
};

const hostsOrNetworks = commaList(
  hostOrNetwork,
  "a comma list of host names (* in front stands for any beginning), IP addresses and networks, or empty",
);

/** In lower case. */
export const hostsOrNetworksList: ValueType<readonly string[]> = {
  ...hostsOrNetworks,
  emptyIsValue: true,
  parse: (text) => (text === "" ? accept([]) : hostsOrNetworks.parse(text)),
};
