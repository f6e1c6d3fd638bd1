import type { SnmpSettings } from "@basalt/config";
import type { SnmpObject } from "./contract.ts";
import { compareOids, formatOid, type Oid, parseOid } from "./oid.ts";
import { MIB_OBJECTS, MIB_SUBTREES } from "./tree/mibTree.ts";

export const MIB_MODULE = "BASALT-MIB";

const ROOT_NAME = "edge";
/** Of the tree: the module says so when its objects change. */
const REVISION = "202611220000Z";

const ENTERPRISES: Oid = [1, 3, 6, 1, 4, 1];
const INTERNET: Oid = [1, 3, 6, 1];

const capitalize = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);

/** `TCP_HIT` is `TcpHit`, `reqCount` is `ReqCount`. */
const camelOf = (part: string): string =>
  part
    .split(/[^A-Za-z0-9]+/)
    .map((word) => capitalize(/^[A-Z]+$/.test(word) ? word.toLowerCase() : word))
    .join("");

/** Descriptor of a node (RFC 2578, 3.1), by the name that the guide gives it: at most 64 letters and digits. */
export const descriptorOf = (name: string): string => {
  const parts = name.split(".").filter((part, index) => part !== "cache" || index > 0);
  const own = parts.filter((part, index) => parts[index + 1]?.startsWith(part) !== true);
  return ROOT_NAME + own.map(camelOf).join("");
};

/** A node that only holds others; the guide names no table. */
interface Node {
  readonly suffix: Oid;
  readonly descriptor: string;
  readonly doc: string;
}

const isSame = (left: Oid, right: Oid): boolean => compareOids(left, right) === 0;

const TABLES: readonly { readonly suffix: Oid; readonly indexes: readonly string[] }[] = [
  { suffix: [2, 18], indexes: ["edgeDiskIndex"] },
  { suffix: [2, 19], indexes: ["edgeDiskMinutes", "edgeDiskIndex"] },
];

const isTableEntry = (suffix: Oid): boolean => TABLES.some((table) => isSame([...table.suffix, 1], suffix));

const NODES: readonly Node[] = [
  { suffix: [4, 3], descriptor: "edgeVhosts", doc: "Virtual hosts." },
  { suffix: [4, 11], descriptor: "edgeViews", doc: "Views." },
  ...MIB_SUBTREES.filter(({ suffix, name }) => name !== "cache" && !isTableEntry(suffix)).map(
    ({ suffix, name, doc }) => ({ suffix, descriptor: descriptorOf(name), doc }),
  ),
  { suffix: [4], descriptor: "edgeCache", doc: "Cache service." },
].toSorted((left, right) => compareOids(left.suffix, right.suffix));

const quoted = (text: string): string => `"${text.replaceAll('"', "'")}"`;

const parentOf = (suffix: Oid): string => {
  const parent = suffix.slice(0, -1);
  if (parent.length === 0) return ROOT_NAME;
  const entry = TABLES.findIndex((table) => isSame([...table.suffix, 1], parent));
  if (entry >= 0) return entry === 0 ? "edgeDiskInfoEntry" : "edgeDiskPerfEntry";
  return NODES.find((node) => isSame(node.suffix, parent))?.descriptor ?? ROOT_NAME;
};

const placeOf = (suffix: Oid): string => `{ ${parentOf(suffix)} ${suffix.at(-1) ?? 0} }`;

const SYNTAX = { string: "OCTET STRING", gauge: "Gauge32", integer: "Integer32" } as const;

const ROW_WORDS = {
  configurations: "number of the configuration, 1 for that in service",
  disks: "number of the disk",
  vhosts: "index of the virtual host",
  views: "index of the view",
} as const;

/** What stands behind the OID of an object, in words. */
export const instanceOf = ({ minutes, rows }: SnmpObject): string => {
  if (minutes === undefined && rows === undefined) return "";
  const parts = [
    ...(minutes === undefined ? [] : ["minutes (0 to 60, 0 for the last second)"]),
    ...(rows === undefined ? [] : [ROW_WORDS[rows]]),
  ];
  return `Behind it: ${parts.join(", then ")}.`;
};

const objectType = (
  descriptor: string,
  clauses: { readonly syntax: string; readonly units?: string; readonly access?: string; readonly extra?: string },
  description: string,
  place: string,
): string => {
  const units = clauses.units === undefined || clauses.units === "" ? "" : `    UNITS       ${quoted(clauses.units)}\n`;
  const extra = clauses.extra === undefined ? "" : `    ${clauses.extra}\n`;
  return `${descriptor} OBJECT-TYPE
    SYNTAX      ${clauses.syntax}
${units}    MAX-ACCESS  ${clauses.access ?? "read-only"}
    STATUS      current
    DESCRIPTION ${quoted(description)}
${extra}    ::= ${place}
`;
};

const renderObject = (object: SnmpObject): string => {
  const isColumn = isTableEntry(object.suffix.slice(0, -1));
  return objectType(
    descriptorOf(object.name),
    { syntax: SYNTAX[object.type], units: object.unit },
    [object.doc, isColumn ? "" : instanceOf(object)].filter((part) => part !== "").join(" "),
    placeOf(object.suffix),
  );
};

const renderNode = ({ suffix, descriptor, doc }: Node): string =>
  `-- ${doc}\n${descriptor} OBJECT IDENTIFIER ::= ${placeOf(suffix)}\n`;

/** The two that are tables as SMIv2 has them. */
const renderTable = (name: "DiskInfo" | "DiskPerf", index: number, doc: string): string => {
  const table = TABLES[index];
  if (table === undefined) return "";
  const entry: Oid = [...table.suffix, 1];
  const columns = MIB_OBJECTS.filter(({ suffix }) => isSame(suffix.slice(0, -1), entry));
  const own = table.indexes[0] ?? "";
  const members = [
    `    ${own} Unsigned32`,
    ...columns.map((column) => `    ${descriptorOf(column.name)} ${SYNTAX[column.type]}`),
  ];
  return [
    objectType(
      `edge${name}Table`,
      { syntax: `SEQUENCE OF Edge${name}Entry`, access: "not-accessible" },
      doc,
      placeOf(table.suffix),
    ),
    objectType(
      `edge${name}Entry`,
      { syntax: `Edge${name}Entry`, access: "not-accessible", extra: `INDEX { ${table.indexes.join(", ")} }` },
      doc,
      `{ edge${name}Table 1 }`,
    ),
    `Edge${name}Entry ::= SEQUENCE {\n${members.join(",\n")}\n}\n`,
    objectType(
      own,
      { syntax: index === 0 ? "Unsigned32 (1..4294967295)" : "Unsigned32 (0..60)", access: "not-accessible" },
      index === 0 ? "Number of the disk." : "Minutes; 0 for the last second.",
      `{ edge${name}Entry 1 }`,
    ),
  ].join("\n");
};

const rootPlace = (root: Oid): { readonly parent: string; readonly numbers: Oid } =>
  isSame(root.slice(0, ENTERPRISES.length), ENTERPRISES)
    ? { parent: "enterprises", numbers: root.slice(ENTERPRISES.length) }
    : { parent: "internet", numbers: root.slice(INTERNET.length) };

/** SNMP-07: the tree in SMIv2 (RFC 2578), with the root and the maker of this instance. */
export const renderMib = ({
  root: rootText,
  manufacture,
  software,
}: Pick<SnmpSettings, "root" | "manufacture" | "software">): string => {
  const root = parseOid(rootText);
  const { parent, numbers } = rootPlace(root);
  const maker = manufacture === "" ? "Basalt" : manufacture;
  const nodes = NODES.map(renderNode).join("\n");
  const objects = MIB_OBJECTS.map(renderObject).join("\n");
  return `${MIB_MODULE} DEFINITIONS ::= BEGIN

-- The tree of the SNMP agent, root ${formatOid(root)}. Generated: changes are lost at the next start.

IMPORTS
    MODULE-IDENTITY, OBJECT-TYPE, Gauge32, Integer32, Unsigned32, ${parent}
        FROM SNMPv2-SMI;

${ROOT_NAME} MODULE-IDENTITY
    LAST-UPDATED ${quoted(REVISION)}
    ORGANIZATION ${quoted(maker)}
    CONTACT-INFO ${quoted(maker)}
    DESCRIPTION  ${quoted(`Statistics and state of ${software === "" ? "Basalt" : software}.`)}
    REVISION     ${quoted(REVISION)}
    DESCRIPTION  "First revision."
    ::= { ${parent} ${numbers.join(" ")} }

${nodes}
${renderTable("DiskInfo", 0, "Configured disks.")}
${renderTable("DiskPerf", 1, "What the device of each disk did within the minutes.")}
${objects}
END
`;
};
