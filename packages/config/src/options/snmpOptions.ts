import type { SnmpCommunity, SnmpSettings } from "../snmpContract.ts";
import { parseOidRange } from "../syntax/oidRange.ts";
import { findChildren, type XmlElement } from "../xml/xmlElement.ts";
import { addressExpression } from "./accessOptions.ts";
import { listOption, type OptionTable, option } from "./option.ts";
import { integer, ipAddress, oneOf, plainText, tcpPort, type ValueType } from "./valueTypes.ts";

/** Rows without a host cost a walk their time. */
const MOST_ROWS = 100_000;
/** A string of the protocol could be longer; one that is shown need not. */
const LONGEST_TEXT = 255;

const allowOrDeny = oneOf("Allow", "Deny");
const minutes = integer({ min: 0, max: 60 }, "minutes");
const rows = integer({ min: 0, max: MOST_ROWS });

const shortText: ValueType<string> = {
  ...plainText,
  allowed: `text on one line, at most ${LONGEST_TEXT} characters, or empty`,
  emptyIsValue: true,
  parse: (text) =>
    text.length > LONGEST_TEXT
      ? { ok: false, message: "The text is too long." }
      : text === ""
        ? { ok: true, value: "" }
        : plainText.parse(text),
};

const communityName: ValueType<string> = {
  ...shortText,
  allowed: `text on one line, at most ${LONGEST_TEXT} characters`,
  emptyIsValue: false,
};

const oidRange: ValueType<string> = {
  name: "OID",
  allowed: "numbers with dots between them, such as 1.3.6.1.4.1; the last may be a range, such as 1-61",
  emptyIsValue: false,
  parse: (text) =>
    parseOidRange(text) === undefined
      ? { ok: false, message: `${JSON.stringify(text)} is no such OID.` }
      : { ok: true, value: text },
  format: (value) => value,
};

/** Of every agent (SNMP-40), and the node that all makers share: no tree may lie across them. */
const SYSTEM_GROUP = "1.3.6.1.2.1.1.";
const ENTERPRISES = "1.3.6.1.4.1.";

const isTaken = (root: string): boolean =>
  root.startsWith(SYSTEM_GROUP) || SYSTEM_GROUP.startsWith(root) || root === ENTERPRISES;

/** Long enough to be somebody's own, short enough for the tree below it. */
const rootOid: ValueType<string> = {
  ...oidRange,
  allowed: "an OID below 1.3.6.1, of at most 64 numbers, apart from the system group of every agent",
  parse: (text) => {
    const range = parseOidRange(text);
    const isSound = range !== undefined && range.lastTo === range.lastFrom && range.parent.length < 64;
    return isSound && /^1\.3\.6\.1\.\d/.test(text) && !isTaken(`${[...range.parent, range.lastFrom].join(".")}.`)
      ? { ok: true, value: text }
      : { ok: false, message: `${JSON.stringify(text)} is no such OID.` };
  },
};

const bindAddress: ValueType<string> = {
  ...ipAddress,
  allowed: "an IP address, or * for all",
  parse: (text) => (text === "*" ? { ok: true, value: text } : ipAddress.parse(text)),
};

const readCommunity = (element: XmlElement): SnmpCommunity => {
  const access = allowOrDeny.parse(element.attributes.get("OID") ?? "Allow");
  return {
    name: element.attributes.get("Name") ?? "",
    access: access.ok ? access.value : "Allow",
    oids: findChildren(element, "OID").map(({ text }) => text),
  };
};

/** Places are relative to `<Server>`. */
export const SNMP_OPTIONS: OptionTable<SnmpSettings> = {
  status: option("Host/SNMP@Status", oneOf("Active", "Inactive"), "Inactive", {
    doc: "Whether the SNMP agent runs.",
    spec: "SNMP-03",
  }),
  port: option("Host/SNMP@Port", tcpPort, 161, { doc: "UDP port of the agent.", spec: "SNMP-03" }),
  address: option("Host/SNMP@Address", bindAddress, "*", {
    doc: "Local address of the agent. Not in the guide.",
    spec: "own attribute",
  }),
  allow: listOption<string>("Host/SNMP/Allow", {
    text: addressExpression,
    attributes: [],
    default: [],
    defaultNote: "none: nobody is answered",
    doc: "Addresses that may ask the agent; others get no answer at all.",
    spec: "SNMP-04, SNMP-05",
    read: (element) => element.text,
    format: (item) => item,
  }),
  vhostCount: option("Host/SNMP@VHostCount", rows, 0, {
    doc: "So many rows of virtual hosts there are in any case, empty where no host has the index; 0: those of hosts.",
    spec: "SNMP-10",
  }),
  vhostMinutes: option("Host/SNMP@VHostMin", minutes, 5, {
    doc: "Minutes over which a walk shows virtual hosts; 0: the last second.",
    spec: "SNMP-11",
  }),
  viewCount: option("Host/SNMP@ViewCount", rows, 0, { doc: "As `VHostCount`, for views.", spec: "SNMP-12" }),
  viewMinutes: option("Host/SNMP@ViewMin", minutes, 5, { doc: "As `VHostMin`, for views.", spec: "SNMP-13" }),
  globalMinutes: option("Host/SNMP@GlobalMin", minutes, 5, {
    doc: "Minutes over which a walk shows what all have in common.",
    spec: "SNMP-14",
  }),
  diskMinutes: option("Host/SNMP@DiskMin", minutes, 5, {
    doc: "Minutes over which a walk shows disks.",
    spec: "SNMP-15",
  }),
  configCount: option("Host/SNMP@ConfCount", integer({ min: 1, max: 100 }), 10, {
    doc: "Configurations that are listed, the one in service first.",
    spec: "SNMP-16",
  }),
  unregisteredCommunity: option("Host/SNMP@UnregisteredCommunity", allowOrDeny, "Allow", {
    doc: "Whether communities without a `<Community>` may read.",
    spec: "SNMP-42",
  }),
  communities: listOption<SnmpCommunity>("Host/SNMP/Community", {
    text: undefined,
    attributes: [
      { name: "Name", type: communityName, defaultNote: "required", doc: "Name of the community." },
      {
        name: "OID",
        type: allowOrDeny,
        defaultNote: "`Allow`",
        doc: "Allow: only the OIDs listed. Deny: all others.",
      },
    ],
    children: [
      {
        name: "OID",
        type: oidRange,
        doc: "A subtree; its last number may be a range such as `1-61`.",
        isRepeated: true,
      },
    ],
    default: [],
    doc: "A community and what it may read.",
    spec: "SNMP-43 to SNMP-45",
    read: readCommunity,
    format: ({ name, access, oids }) => `${name}: ${access} ${oids.length === 0 ? "none" : oids.join(" ")}`,
  }),
  root: option("Host/SNMP@Root", rootOid, "1.3.6.1.4.1.40001.1", {
    doc: "Where the tree begins. Not in the guide.",
    spec: "SNMP-41",
  }),
  manufacture: option("Host/SNMP@Manufacture", shortText, "Basalt", {
    doc: "Maker that the agent names. Not in the guide.",
    spec: "SNMP-41, SNMP-52",
  }),
  software: option("Host/SNMP@Software", shortText, "Basalt", {
    doc: "Product that the agent names. Not in the guide.",
    spec: "SNMP-41, SNMP-53",
  }),
  location: option("Host/SNMP@Location", shortText, "", {
    doc: "Where the server stands, for sysLocation. Not in the guide.",
    spec: "SNMP-40",
  }),
};
