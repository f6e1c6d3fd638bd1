import type { LogSubscription, SubscribedLog } from "../contract.ts";
import type { XmlElement } from "../xml/xmlElement.ts";
import { logPatternText } from "./metricFilterOptions.ts";
import { type ListOption, listOption } from "./option.ts";
import { integer, oneOf, plainText, type ValueType } from "./valueTypes.ts";

/** More would read the same lines too often. */
export const MOST_SUBSCRIPTIONS = 10;

/** Also the name of the folder of its spool. */
const subscriptionName: ValueType<string> = {
  name: "name",
  allowed: "letters, digits and _ -, at most 64",
  emptyIsValue: false,
  parse: (text) =>
    /^[A-Za-z0-9_-]{1,64}$/.test(text)
      ? { ok: true, value: text }
      : { ok: false, message: `${JSON.stringify(text)} cannot be a name.` },
  format: (value) => value,
};

const endpointUrl: ValueType<string> = {
  name: "URL",
  allowed: "a URL that begins with http:// or https://, without a user name",
  emptyIsValue: false,
  parse: (text) => {
    const url = /^https?:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
    return url !== undefined && url.username === "" && url.password === ""
      ? { ok: true, value: text }
      : { ok: false, message: `${JSON.stringify(text)} is no such URL.` };
  },
  format: (value) => value,
};

const DEFAULT_EVENTS = 500;
const DEFAULT_SECONDS = 5;
const DEFAULT_MEGABYTES = 64;
const events = integer({ min: 1, max: 10_000 }, "events");
const seconds = integer({ min: 1, max: 900 }, "seconds");
const megabytes = integer({ min: 1, max: 10_000 }, "MB");

/** Values that cannot be read are reported by their types; they are not used then. */
const numberOr = (element: XmlElement, name: string, type: ValueType<number>, absent: number): number => {
  const text = element.attributes.get(name);
  const outcome = text === undefined ? undefined : type.parse(text);
  return outcome?.ok === true ? outcome.value : absent;
};

/** Receivers may be let in by what stands in the query: reports of a reload do not show it. */
const withoutQuery = (url: string): string => url.replace(/\?.*$/s, "?…");

interface SubscriptionPlace {
  readonly at: string;
  readonly doc: string;
  /** As written, and as it is named elsewhere; the first is that without the attribute. */
  readonly logs: readonly (readonly [written: string, log: SubscribedLog])[];
}

const subscriptions = ({ at, doc, logs }: SubscriptionPlace): ListOption<LogSubscription> => {
  const logName = oneOf(...logs.map(([written]) => written));
  const [[firstWritten, firstLog] = ["Access", "access"] as const] = logs;
  return listOption<LogSubscription>(at, {
    text: logPatternText,
    attributes: [
      { name: "Name", type: subscriptionName, defaultNote: "required", doc: "Name of the subscription, unique here." },
      {
        name: "Log",
        type: logName,
        defaultNote: `\`${firstWritten}\``,
        doc: "Whose lines it takes; its file must be ON.",
      },
      { name: "Url", type: endpointUrl, defaultNote: "required", doc: "Receiver, which gets a POST for each batch." },
      { name: "Owner", type: plainText, defaultNote: "`basalt`", doc: "What receivers get as `owner`." },
      { name: "Events", type: events, defaultNote: `\`${DEFAULT_EVENTS}\``, doc: "Events of one call." },
      {
        name: "Seconds",
        type: seconds,
        defaultNote: `\`${DEFAULT_SECONDS}\``,
        doc: "How long an event waits for others to go with it.",
      },
      {
        name: "SpoolMegabytes",
        type: megabytes,
        defaultNote: `\`${DEFAULT_MEGABYTES}\``,
        doc: "Disk space for events that the receiver has not taken; beyond it the oldest are dropped.",
      },
    ],
    default: [],
    doc,
    spec: "AWS-86, AWS-87",
    read: (element) => {
      const { text, attributes } = element;
      const log = logName.parse(attributes.get("Log") ?? firstWritten);
      return {
        name: attributes.get("Name") ?? "",
        log: (log.ok ? logs.find(([written]) => written === log.value)?.[1] : undefined) ?? firstLog,
        pattern: text,
        url: attributes.get("Url") ?? "",
        owner: attributes.get("Owner") ?? "basalt",
        events: numberOr(element, "Events", events, DEFAULT_EVENTS),
        seconds: numberOr(element, "Seconds", seconds, DEFAULT_SECONDS),
        spoolMegabytes: numberOr(element, "SpoolMegabytes", megabytes, DEFAULT_MEGABYTES),
      };
    },
    format: ({ name, log, pattern, url, ...rest }) =>
      `${name} (${log}): ${pattern} -> ${withoutQuery(url)} as ${rest.owner}, ${rest.events} events or ${rest.seconds} s, ${rest.spoolMegabytes} MB`,
  });
};

/** Relative to `<Log>`. */
export const VHOST_SUBSCRIPTIONS = subscriptions({
  at: "Subscription",
  doc: "Lines of a log that match a pattern are sent to an HTTP receiver. Not in the guide.",
  logs: [
    ["Access", "access"],
    ["AccessExtra", "accessextra"],
    ["Origin", "origin"],
    ["Monitoring", "monitoring"],
    ["Dns", "dns"],
    ["FileSystem", "filesystem"],
    ["Detail", "detail"],
    ["Trace", "trace"],
  ],
});

/** Relative to `<Server>`. */
export const SERVER_SUBSCRIPTIONS = subscriptions({
  at: "Cache/Subscription",
  doc: "The same for logs of the whole server. Not in the guide.",
  logs: [
    ["OriginError", "originerror"],
    ["Deny", "deny"],
  ],
});
