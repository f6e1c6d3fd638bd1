import { evaluate, type Figures, SIZE_CLASSES } from "@basalt/telemetry";
import type { MinuteKind, RowKind, SnmpObject, SnmpPlace, SnmpSource, SnmpSubject, SnmpSubtree } from "../contract.ts";
import type { Oid } from "../oid.ts";
import { ofHost } from "./sources.ts";
import { TRAFFIC_SUBTREES, TRAFFIC_TABLE, type TrafficRow } from "./trafficTable.ts";

/** One of the three subtrees that are alike (SNMP-146 to SNMP-148). */
interface CacheSubtree {
  readonly subject: SnmpSubject;
  readonly prefix: Oid;
  readonly rows: RowKind | undefined;
  readonly minutes: MinuteKind;
  readonly doc: string;
}

const SUBTREES: readonly CacheSubtree[] = [
  { subject: "host", prefix: [4, 1], rows: undefined, minutes: "vhosts", doc: "All virtual hosts together." },
  { subject: "vhost", prefix: [4, 3, 1], rows: "vhosts", minutes: "vhosts", doc: "One entry for each virtual host." },
  { subject: "view", prefix: [4, 11, 1], rows: "views", minutes: "views", doc: "One entry for each view." },
];

const KILOBYTE = 1024;
const MEGABYTE = 1024 ** 2;

const trafficValue = ({ counted, divisor = 1 }: TrafficRow, figures: Figures): number => {
  const value = Number(evaluate(counted.source, figures, undefined) ?? 0);
  return divisor === 1 ? value : Math.trunc(value / divisor);
};

const traffic = ({ subject, prefix, rows, minutes }: CacheSubtree): readonly SnmpObject[] =>
  TRAFFIC_TABLE.map((row) => ({
    suffix: [...prefix, 11, ...row.suffix],
    name: `cache.${subject}.traffic.${row.name}`,
    type: row.isSigned === true ? "integer" : "gauge",
    unit: row.unit,
    doc: row.doc,
    minutes,
    rows,
    source: row.counted.words,
    read: (from, at) => {
      const figures = from.figures(subject, at.row, at.minutes);
      return figures === undefined ? undefined : trafficValue(row, figures);
    },
  }));

/** `U1K` is `filesCountU1KB`. */
const sizeRows = SIZE_CLASSES.map((name, index) => ({
  number: 10 + index,
  name: `filesCount${name}B`,
  doc:
    index === SIZE_CLASSES.length - 1
      ? "Stored objects of 16 GB and more."
      : `Stored objects below ${name.slice(1)}B that are in no smaller class.`,
  index,
}));

const MEMORY = ofHost("Memory");

const contents = (subtree: CacheSubtree): readonly SnmpObject[] => {
  const { subject, prefix, rows } = subtree;
  const object = (
    number: number,
    name: string,
    unit: string,
    source: string,
    doc: string,
    read: SnmpObject["read"],
  ): SnmpObject => ({
    suffix: [...prefix, 10, number],
    name: `cache.${subject}.contents.${name}`,
    type: "gauge",
    unit,
    doc,
    minutes: undefined,
    rows,
    source,
    read,
  });
  const files = (from: SnmpSource, { row }: SnmpPlace) => from.facts(subject, row)?.files;
  return [
    object(1, "memory", "KB", MEMORY.words, "Content in the memory tiers.", (from, { row }) => {
      const figures = from.figures(subject, row, 0);
      if (figures === undefined) return undefined;
      return Math.trunc(Number(evaluate(MEMORY.source, figures, undefined) ?? 0) / KILOBYTE);
    }),
    object(2, "filesTotalCount", "count", "index", "Stored objects.", (from, at) => files(from, at)?.objects),
    object(3, "filesTotalSize", "MB", "index", "Bodies of stored objects.", (from, at) => {
      const bytes = files(from, at)?.bytes;
      return bytes === undefined ? undefined : Math.trunc(bytes / MEGABYTE);
    }),
    ...sizeRows.map(({ number, name, doc, index }) =>
      object(number, name, "count", "index", doc, (from, at) => {
        from.countSizes();
        return files(from, at)?.bySize[index];
      }),
    ),
  ];
};

const identity = ({ subject, prefix, rows }: CacheSubtree): readonly SnmpObject[] => {
  const object = (
    number: number,
    name: string,
    type: SnmpObject["type"],
    unit: string,
    doc: string,
    read: SnmpObject["read"],
  ): SnmpObject => ({
    suffix: [...prefix, number],
    name: `cache.${subject}.${name}`,
    ...{ type, unit, doc, minutes: undefined, rows, source: "configuration and primary", read },
  });
  const facts = (from: SnmpSource, { row }: SnmpPlace) => from.facts(subject, row);
  return [
    object(2, "name", "string", "", "Its name.", (from, at) => facts(from, at)?.name),
    object(3, "status", "string", "", "Healthy, Inactive or Emergency.", (from, at) => facts(from, at)?.state),
    object(4, "uptime", "gauge", "s", "Since it is served.", (from, at) => facts(from, at)?.uptimeSeconds),
  ];
};

const number = (
  suffix: Oid,
  name: string,
  unit: string,
  doc: string,
  read: (from: SnmpSource) => number,
): SnmpObject => ({
  suffix,
  name: `cache.${name}`,
  ...{ type: "gauge", unit, doc, minutes: undefined, rows: undefined, source: "configuration", read },
});

/** SNMP-139 to SNMP-384. */
export const CACHE_OBJECTS: readonly SnmpObject[] = [
  number([4, 2], "vhostCount", "count", "Virtual hosts.", (from) => from.rowsOf("vhosts").count),
  number([4, 4], "vhostIndexMax", "", "Highest index of a virtual host.", (from) => from.rowsOf("vhosts").highest),
  number([4, 10], "viewCount", "count", "Views.", (from) => from.rowsOf("views").count),
  number([4, 12], "viewIndexMax", "", "Highest index of a view.", (from) => from.rowsOf("views").highest),
  ...SUBTREES.flatMap((subtree) => [...identity(subtree), ...contents(subtree), ...traffic(subtree)]),
];

export const CACHE_SUBTREES: readonly SnmpSubtree[] = [
  { suffix: [4], name: "cache", doc: "Cache service." },
  ...SUBTREES.flatMap(({ subject, prefix, doc }): readonly SnmpSubtree[] => [
    { suffix: prefix, name: `cache.${subject}`, doc },
    { suffix: [...prefix, 10], name: `cache.${subject}.contents`, doc: "What is stored." },
    { suffix: [...prefix, 11], name: `cache.${subject}.traffic`, doc: "What was counted." },
    ...TRAFFIC_SUBTREES.map((each) => ({
      suffix: [...prefix, 11, ...each.suffix],
      name: `cache.${subject}.traffic.${each.name}`,
      doc: each.doc,
    })),
  ]),
];
