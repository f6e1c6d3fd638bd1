import type { ConfigChangeKind } from "../../configuration/contract.ts";
import type { SnmpConfiguration, SnmpObject, SnmpSource, SnmpSubtree } from "../contract.ts";

/** SNMP-62, CFG-82. */
const KIND_NUMBERS: Readonly<Record<ConfigChangeKind, number>> = { loaded: 1, modified: 2, uploaded: 3, restored: 4 };

const scalar = (
  number: number,
  name: string,
  source: string,
  doc: string,
  read: (from: SnmpSource) => number | string,
): SnmpObject => ({
  suffix: [1, number],
  name: `meta.${name}`,
  type: name === "uptime" ? "gauge" : "string",
  unit: name === "uptime" ? "s" : "",
  ...{ doc, minutes: undefined, rows: undefined, source, read },
});

const configuration = (
  number: number,
  name: string,
  type: SnmpObject["type"],
  unit: string,
  doc: string,
  read: (entry: SnmpConfiguration) => number | string,
): SnmpObject => ({
  suffix: [1, 10, number],
  name: `meta.conf.${name}`,
  ...{ type, unit, doc, minutes: undefined, rows: "configurations", source: "configuration history" },
  read: (from, { row }) => {
    const entry = from.configurations[row - 1];
    return entry === undefined ? undefined : read(entry);
  },
});

/** SNMP-52 to SNMP-66. */
export const META_OBJECTS: readonly SnmpObject[] = [
  scalar(1, "manufacture", "configuration", "Maker.", ({ settings }) => settings.manufacture),
  scalar(2, "software", "configuration", "Product.", ({ settings }) => settings.software),
  scalar(3, "version", "product", "Version of the product.", ({ version }) => version),
  scalar(4, "hostname", "configuration", "Name of the server.", ({ hostName }) => hostName),
  scalar(5, "state", "primary", "Healthy, Inactive or Emergency.", (from) => from.facts("host", 0)?.state ?? ""),
  scalar(6, "uptime", "primary", "Since the server was started.", ({ uptimeMs }) => Math.trunc(uptimeMs / 1000)),
  scalar(7, "admin", "configuration", "Administrator.", ({ admin }) => admin),
  configuration(1, "ID", "gauge", "", "Number of the configuration.", ({ id }) => id),
  configuration(2, "Time", "gauge", "Unix s", "When it came into service.", ({ atSeconds }) => atSeconds),
  configuration(
    3,
    "Type",
    "gauge",
    "enum",
    "Why: 0 unknown, 1 start, 2 reload, 3 upload, 4 restore.",
    ({ kind }) => KIND_NUMBERS[kind],
  ),
  configuration(4, "Size", "gauge", "bytes", "Size of its archive.", ({ sizeBytes }) => sizeBytes),
  configuration(5, "Hash", "string", "", "Hash of its files.", ({ hash }) => hash),
  configuration(6, "Path", "string", "", "Where its archive is.", ({ path }) => path),
  configuration(7, "Ver", "string", "", "Version of the product then.", ({ productVersion }) => productVersion),
];

export const META_SUBTREES: readonly SnmpSubtree[] = [
  { suffix: [1], name: "meta", doc: "The server itself." },
  { suffix: [1, 10], name: "meta.Conf", doc: "Configurations that were in service." },
];
