import type { StatsOptions, StatsView } from "../contract.ts";
import { findChildren } from "../xml/xmlElement.ts";
import { listOption, type OptionTable, option } from "./option.ts";
import { integer, onOff, plainText, type ValueType } from "./valueTypes.ts";

/** Places are relative to `<Stats>` of `<VHostDefault>` or `<Vhost>`. */
export const STATS_OPTIONS: OptionTable<StatsOptions> = {
  dirDepth: option("DirDepth", integer({ min: 0, max: 100 }), 0, {
    doc: "Depth of folders by which client traffic is counted; 0: all of it under `/`.",
    spec: "STAT-11",
  }),
  dirDepthAccum: option("DirDepthAccum", onOff, false, {
    doc: "Whether the figures of a folder include those of the folders in it.",
    spec: "STAT-12",
  }),
  httpsTraffic: option("HttpsTraffic", onOff, false, {
    doc: "Whether HTTPS counts in the HTTP figures too.",
    spec: "STAT-13",
  }),
  clientLocal: option("ClientLocal", onOff, false, {
    doc: "Whether clients on loopback addresses are counted. Prometheus counts them in any case.",
    spec: "STAT-14",
  }),
  detailedMetrics: option("DetailedMetrics", onOff, true, {
    doc:
      "Whether the host has series of its own in Prometheus and a history of its metrics; else it counts in those of " +
      "the others and in sums alone. Not in the guide.",
    spec: "AWS-91",
  }),
  originLocal: option("OriginLocal", onOff, false, {
    doc: "Whether origin servers on loopback addresses are counted. Prometheus counts them in any case.",
    spec: "STAT-15",
  }),
};

const viewName: ValueType<string> = {
  name: "name",
  allowed: "a name without control characters, of at most 253 characters",
  emptyIsValue: false,
  parse: (text) =>
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    text.length <= 253 && !/[\x00-\x1f\x7f]/.test(text)
      ? { ok: true, value: text }
      : { ok: false, message: `${JSON.stringify(text)} cannot be a name.` },
  format: (value) => value,
};

/** Relative to `<Vhosts>`. */
export const VIEW_OPTION = listOption<StatsView>("View", {
  text: undefined,
  attributes: [{ name: "Name", type: viewName, defaultNote: "empty", doc: "Its name in the statistics." }],
  children: [
    { name: "Vhost", type: plainText, doc: "A member; one that does not exist adds nothing.", isRepeated: true },
  ],
  default: [],
  doc: "Virtual hosts whose statistics are also given together.",
  spec: "STAT-87 to STAT-91",
  read: (element) => ({
    name: element.attributes.get("Name") ?? "",
    vhosts: [...new Set(findChildren(element, "Vhost").map(({ text }) => text))],
  }),
  format: ({ name, vhosts }) => `${name}: ${vhosts.join(", ")}`,
});
