import type { LogMetricFilter } from "../contract.ts";
import { compileLogPattern } from "../logPattern/logPattern.ts";
import { listOption } from "./option.ts";
import { oneOf, type ValueType } from "./valueTypes.ts";

/** More would cost each request too much. */
export const MOST_METRIC_FILTERS = 50;

/** Of `<MetricFilter>` and `<Subscription>`. */
export const logPatternText: ValueType<string> = {
  name: "pattern",
  allowed: "words, [fields by position] or { $.fields of JSON }; empty for every line",
  emptyIsValue: true,
  parse: (text) => {
    const outcome = compileLogPattern(text);
    return outcome.ok ? { ok: true, value: text } : { ok: false, message: `The pattern ${outcome.reason}.` };
  },
  format: (value) => value,
};

const label: ValueType<string> = {
  name: "name",
  allowed: "letters, digits and _ . : / -, at most 100",
  emptyIsValue: false,
  parse: (text) =>
    /^[A-Za-z0-9_.:/-]{1,100}$/.test(text)
      ? { ok: true, value: text }
      : { ok: false, message: `${JSON.stringify(text)} cannot be a name.` },
  format: (value) => value,
};

const NUMBER = /^\d{1,15}(?:\.\d{1,9})?$/;

const value: ValueType<string> = {
  name: "value",
  allowed:
    "a number that is not negative, $ and the name of a field of the pattern, or a selector such as $.bytes_sent",
  emptyIsValue: false,
  parse: (text) =>
    NUMBER.test(text) || /^\$[^\s]+$/.test(text)
      ? { ok: true, value: text }
      : { ok: false, message: `${JSON.stringify(text)} is no such value.` },
  format: (text) => text,
};

const amount: ValueType<string> = {
  name: "number",
  allowed: "a number that is not negative",
  emptyIsValue: false,
  parse: (text) =>
    NUMBER.test(text)
      ? { ok: true, value: text }
      : { ok: false, message: `${JSON.stringify(text)} is no such number.` },
  format: (text) => text,
};

const logName = oneOf("Access", "AccessExtra");

/** Relative to `<Log>`. */
export const METRIC_FILTERS = listOption<LogMetricFilter>("MetricFilter", {
  text: logPatternText,
  attributes: [
    { name: "Name", type: label, defaultNote: "required", doc: "Name of the filter, unique in its `<Log>`." },
    { name: "Log", type: logName, defaultNote: "`Access`", doc: "Whose lines it reads." },
    { name: "Namespace", type: label, defaultNote: "`basalt`", doc: "Label `namespace` of the metric." },
    { name: "Metric", type: label, defaultNote: "the name of the filter", doc: "Label `metric` of the metric." },
    { name: "Value", type: value, defaultNote: "`1`", doc: "What a line that matches adds." },
    {
      name: "Default",
      type: amount,
      defaultNote: "none",
      doc: "What a minute with lines adds in which none matched; with one, the series is there from the beginning.",
    },
  ],
  default: [],
  doc: "Lines of an access log that match a pattern are counted, or a field of them is summed up, for Prometheus.",
  spec: "AWS-79 to AWS-84",
  read: ({ text, attributes }) => {
    const name = attributes.get("Name") ?? "";
    const log = logName.parse(attributes.get("Log") ?? "Access");
    const none = attributes.get("Default");
    return {
      name,
      log: log.ok && log.value === "AccessExtra" ? "accessextra" : "access",
      pattern: text,
      namespace: attributes.get("Namespace") ?? "basalt",
      metric: attributes.get("Metric") ?? name,
      value: attributes.get("Value") ?? "1",
      defaultValue: none === undefined || !NUMBER.test(none) ? undefined : Number(none),
    };
  },
  format: ({ name, log, pattern: text, namespace, metric, value: adds, defaultValue }) =>
    `${name} (${log}): ${text} -> ${namespace}/${metric} ${adds}${defaultValue === undefined ? "" : ` or ${defaultValue}`}`,
});
