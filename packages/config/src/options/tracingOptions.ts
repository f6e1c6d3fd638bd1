import { isIPv6 } from "node:net";
import type { TracingRule, TracingSettings } from "../tracingSettings.ts";
import { listOption, type OptionTable, option } from "./option.ts";
import { integer, oneOf, onOff, originPath, type ValueType } from "./valueTypes.ts";

const MOST_PER_SECOND = 100_000;
const COLLECTOR_PORT = 2000;

const perSecond = integer({ min: 0, max: MOST_PER_SECOND });

const percent: ValueType<number> = {
  name: "percentage",
  allowed: "a number from 0 to 100 with at most three decimals (%)",
  emptyIsValue: false,
  parse: (text) => {
    const value = /^\d{1,3}(?:\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
    return value <= 100 ? { ok: true, value } : { ok: false, message: `${JSON.stringify(text)} is no such number.` };
  },
  format: String,
};

/** Letters, digits, dots and dashes, or an IPv6 address in brackets. */
const ADDRESS = /^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::(\d{1,5}))?$/;

const completeAddress = (text: string): string | undefined => {
  const [, host, port = String(COLLECTOR_PORT)] = ADDRESS.exec(text) ?? [];
  if (host === undefined || (host.startsWith("[") && !isIPv6(host.slice(1, -1)))) return undefined;
  return Number(port) >= 1 && Number(port) <= 65_535 ? `${host}:${Number(port)}` : undefined;
};

const udpAddress: ValueType<string> = {
  name: "address",
  allowed: `{host} or {host}:{port}, port ${COLLECTOR_PORT} unless written; an IPv6 address stands in brackets`,
  emptyIsValue: false,
  parse: (text) => {
    const value = completeAddress(text);
    return value === undefined ? { ok: false, message: `${JSON.stringify(text)} is no address.` } : { ok: true, value };
  },
  format: (value) => value,
};

const isHttpUrl = (text: string): boolean => {
  if (!/^https?:\/\/[\x21-\x7e]{1,2000}$/i.test(text) || !URL.canParse(text)) return false;
  const { username, password, hash } = new URL(text);
  return username === "" && password === "" && hash === "";
};

const exportUrl: ValueType<string> = {
  name: "URL",
  allowed: "an http:// or https:// URL without user and fragment, or empty for none",
  emptyIsValue: true,
  parse: (text) =>
    text === "" || isHttpUrl(text)
      ? { ok: true, value: text }
      : { ok: false, message: `${JSON.stringify(text.slice(0, 100))} is no such URL.` },
  format: (value) => value,
};

const pathPattern: ValueType<string> = {
  ...originPath,
  name: "path",
  allowed: "a path that begins with / or *; * stands for any run of characters",
  parse: (text) =>
    /^[/*][\x21-\x7e]*$/.test(text)
      ? { ok: true, value: text }
      : { ok: false, message: `${JSON.stringify(text)} is no such path.` },
};

const DEFAULTS = { perSecond: 1, ratePercent: 5 } as const;

const numberOr = (type: ValueType<number>, text: string | undefined, absent: number): number => {
  const outcome = text === undefined ? undefined : type.parse(text);
  return outcome?.ok ? outcome.value : absent;
};

/** Places are relative to `<Options>` of `<VHostDefault>` or `<Vhost>`. */
export const TRACING_OPTIONS: OptionTable<TracingSettings> = {
  status: option("Tracing@Status", oneOf("Active", "Inactive"), "Inactive", {
    doc: "Whether requests have traces: their fields are handed on to origins, and those that are sampled are recorded. Not in the guide.",
    spec: "AWS-99",
  }),
  header: option("Tracing@Header", oneOf("amzn", "w3c", "both"), "both", {
    doc: "Fields of a trace: `X-Amzn-Trace-Id`, `traceparent` with `tracestate`, or all of them; traceparent is read first.",
    spec: "AWS-94, AWS-95",
  }),
  fromClients: option("Tracing@FromClients", onOff, true, {
    doc: "Whether a trace that a client has begun goes on here, by its decision about sampling. OFF begins a trace for each request.",
    spec: "AWS-94, AWS-99",
  }),
  perSecond: option<number>("Tracing@PerSecond", perSecond, DEFAULTS.perSecond, {
    doc: "Requests sampled in each second, all workers together.",
    spec: "AWS-99",
  }),
  ratePercent: option<number>("Tracing@Rate", percent, DEFAULTS.ratePercent, {
    doc: "Share of the other requests that is sampled too.",
    spec: "AWS-99",
  }),
  rules: listOption<TracingRule>("Tracing/Rule", {
    text: pathPattern,
    attributes: [
      { name: "PerSecond", type: perSecond, defaultNote: "`0`", doc: "As that of `<Tracing>`, for these paths alone." },
      { name: "Rate", type: percent, defaultNote: "`0`", doc: "As that of `<Tracing>`." },
    ],
    default: [],
    doc: "Sampling of the paths that match; the first rule that matches decides.",
    spec: "AWS-99",
    read: ({ text, attributes }) => ({
      path: text,
      perSecond: numberOr(perSecond, attributes.get("PerSecond"), 0),
      ratePercent: numberOr(percent, attributes.get("Rate"), 0),
    }),
    format: (rule) => `${rule.path} (PerSecond ${rule.perSecond}, Rate ${rule.ratePercent})`,
  }),
  collector: {
    enabled: option("Tracing/Collector", onOff, false, {
      doc: "Whether segment documents go to a local collector by UDP.",
      spec: "AWS-98",
    }),
    address: option<string>("Tracing/Collector@Dest", udpAddress, `127.0.0.1:${COLLECTOR_PORT}`, {
      doc: "Its address.",
      spec: "AWS-98",
    }),
  },
  otlp: option("Tracing/Otlp", exportUrl, "", {
    doc: "URL that spans are posted to by OTLP, such as `http://127.0.0.1:4318/v1/traces`.",
    defaultNote: "none",
    spec: "issue 7",
  }),
};
