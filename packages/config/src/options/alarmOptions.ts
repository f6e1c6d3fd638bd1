import { type AlarmSettings, METRIC_NAMES, METRIC_STATISTICS } from "../alarmContract.ts";
import type { XmlElement } from "../xml/xmlElement.ts";
import { listOption } from "./option.ts";
import { integer, oneOf, plainText, type ValueType } from "./valueTypes.ts";

const metric = oneOf(...METRIC_NAMES);
const statistic = oneOf(...METRIC_STATISTICS);
const comparison = oneOf("AtLeast", "Above", "AtMost", "Below");
const missing = oneOf("missing", "ignore", "breaching", "notBreaching");
const minutes = integer({ min: 1, max: 60 }, "minutes");
const periods = integer({ min: 1, max: 60 });

const NUMBER = /^\d{1,15}(?:\.\d{1,6})?$/;

const threshold: ValueType<number> = {
  name: "number",
  allowed: "a number that is not negative",
  emptyIsValue: false,
  parse: (text) =>
    NUMBER.test(text)
      ? { ok: true, value: Number(text) }
      : { ok: false, message: `${JSON.stringify(text)} is no such number.` },
  format: String,
};

const callUrl: ValueType<string> = {
  name: "URL",
  allowed: "a URL that begins with http:// or https://",
  emptyIsValue: false,
  parse: (text) =>
    /^https?:\/\//i.test(text) && URL.canParse(text)
      ? { ok: true, value: text }
      : { ok: false, message: `${JSON.stringify(text)} is no such URL.` },
  format: (value) => value,
};

/** Attributes that cannot be read are reported by their types; the value is not used then. */
const attributeOr = <T>(element: XmlElement, name: string, type: ValueType<T>, absent: T): T => {
  const text = element.attributes.get(name);
  const outcome = text === undefined ? undefined : type.parse(text);
  return outcome?.ok === true ? outcome.value : absent;
};

export const ALARM_OPTION = listOption<AlarmSettings>("Host/Alarm", {
  text: undefined,
  attributes: [
    { name: "Name", type: plainText, defaultNote: "required", doc: "Name of the alarm, unique." },
    {
      name: "Vhost",
      type: plainText,
      defaultNote: "all",
      doc: "Virtual host that is watched; all together without it.",
    },
    { name: "Metric", type: metric, defaultNote: "`Count`", doc: "As in `/monitoring/metricstatistics`." },
    {
      name: "Statistic",
      type: statistic,
      defaultNote: "`Sum`",
      doc: "What of the metric is compared. Percentiles are those of latencies, in milliseconds.",
    },
    { name: "Minutes", type: minutes, defaultNote: "`1`", doc: "Length of a period." },
    { name: "Periods", type: periods, defaultNote: "`1`", doc: "Periods in a row that must be beyond the threshold." },
    { name: "Comparison", type: comparison, defaultNote: "`AtLeast`", doc: "When a value is beyond the threshold." },
    { name: "Threshold", type: threshold, defaultNote: "required", doc: "What values are compared with." },
    {
      name: "Missing",
      type: missing,
      defaultNote: "`missing`",
      doc: "What a period without samples is: no data, nothing at all, beyond the threshold, or within it. Sums always have a value.",
    },
    { name: "Url", type: callUrl, defaultNote: "none", doc: "Gets a POST with the new state, as JSON." },
  ],
  default: [],
  doc: "Watches a metric: a change of state is a line of the info log and a call. Not in the guide.",
  spec: "AWS-75",
  read: (element) => ({
    name: element.attributes.get("Name") ?? "",
    vhost: element.attributes.get("Vhost") ?? "",
    metric: attributeOr(element, "Metric", metric, "Count"),
    statistic: attributeOr(element, "Statistic", statistic, "Sum"),
    periodMinutes: attributeOr(element, "Minutes", minutes, 1),
    periods: attributeOr(element, "Periods", periods, 1),
    comparison: attributeOr(element, "Comparison", comparison, "AtLeast"),
    threshold: attributeOr(element, "Threshold", threshold, 0),
    missing: attributeOr(element, "Missing", missing, "missing"),
    url: element.attributes.get("Url") ?? "",
  }),
  format: ({ name, vhost, metric: what, statistic: of, comparison: how, threshold: limit }) =>
    `${name}: ${vhost === "" ? "all" : vhost} ${what} ${of} ${how} ${limit}`,
});
