import type { ClientRewrite, HealthChecker, ListenAddress, PortBypass, StatsView, SubPath } from "../contract.ts";
import { formatListen, parseListen } from "../syntax/listenAddress.ts";
import type { LinkCondition } from "../vhostLinkContract.ts";
import { listOption, type OptionTable, option } from "./option.ts";
import { addressOption, attributeOr, HEALTH_CHECKER_OPTION, readText, type SharedAddress } from "./originElements.ts";
import { VIEW_OPTION } from "./statsOptions.ts";
import { CLIENT_REWRITE_OPTION, SUB_PATH_OPTION } from "./techniqueOptions.ts";
import { integer, oneOf, plainText, tcpPort, type ValueType } from "./valueTypes.ts";
import { VHOST_LINK_OPTIONS } from "./vhostLinkOptions.ts";

/** What `<Vhost>` itself says, beside its option blocks. */
export interface VhostHead {
  readonly name: string;
  readonly status: VhostStatus;
  readonly snmpIndex: number;
  readonly aliases: readonly string[];
  readonly listen: readonly (ListenAddress | "OFF")[];
  readonly addresses: readonly SharedAddress[];
  readonly standby: readonly SharedAddress[];
  readonly healthCheckers: readonly HealthChecker[];
  readonly portBypass: readonly PortBypass[];
  readonly subStatus: "Active" | "Inactive";
  readonly subPaths: readonly SubPath[];
  /** Empty: none. */
  readonly linkTarget: string;
  readonly linkCondition: LinkCondition;
}

/** `facade:` is followed by the name of the host that serves (VHT-21). */
export type VhostStatus = "Active" | "Inactive" | `facade:${string}`;

const quote = (text: string): string => JSON.stringify(text);

/** The name is also the name of a folder below `svc/`, so nothing that could leave that folder is taken. */
const vhostName: ValueType<string> = {
  name: "name",
  allowed: "a unique name of at most 253 characters without white space, *, / or \\",
  emptyIsValue: true,
  parse: (text) => {
    if (text === "") return { ok: false, message: "The name is empty." };
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    const isSound = text.length <= 253 && !/[\s\x00-\x1f\x7f*/\\]/.test(text) && text !== "." && text !== "..";
    return isSound ? { ok: true, value: text } : { ok: false, message: `${quote(text)} cannot be a name.` };
  },
  format: (value) => value,
};

const FACADE = /^facade:(\S+)$/i;

/** Name of the host that serves for a facade; undefined for all others. */
export const facadeTargetOf = (status: string): string | undefined => FACADE.exec(status)?.[1];

const vhostStatus: ValueType<VhostStatus> = {
  name: "word",
  allowed: "Active, Inactive or facade:{virtual host}",
  emptyIsValue: false,
  parse: (text) => {
    const word = text.toLowerCase();
    if (word === "active") return { ok: true, value: "Active" };
    if (word === "inactive") return { ok: true, value: "Inactive" };
    const target = facadeTargetOf(text);
    if (target !== undefined) return { ok: true, value: `facade:${target}` };
    return { ok: false, message: `${quote(text)} is not a status.` };
  },
  format: (value) => value,
};

const snmpIndex = integer({ min: 1, max: 2_147_483_647 });

const alias: ValueType<string> = {
  name: "name",
  allowed: "a host name, or * followed by the end of one",
  emptyIsValue: false,
  parse: (text) =>
    /^\*?[^\s*/\\:]*$/.test(text) && text !== ""
      ? { ok: true, value: text }
      : { ok: false, message: `${quote(text)} cannot be an alias.` },
  format: (value) => value,
};

const listen: ValueType<ListenAddress | "OFF"> = {
  name: "address",
  allowed: "{IP}:{port}, *:{port} or OFF",
  emptyIsValue: false,
  parse: (text) => {
    const value = parseListen(text);
    return value === undefined ? { ok: false, message: `${quote(text)} is no listen address.` } : { ok: true, value };
  },
  format: formatListen,
};

export const formatPortBypass = ({ port, originPort }: PortBypass): string =>
  port === originPort ? String(port) : `${port} -> ${originPort}`;

const repeated = <T>(
  at: string,
  type: ValueType<T>,
  row: { readonly default: readonly T[]; readonly spec: string; readonly doc: string; readonly defaultNote?: string },
) =>
  listOption<T>(at, { ...row, text: type, attributes: [], read: readText(type), format: (item) => type.format(item) });

const portBypass = listOption<PortBypass>("PortBypass", {
  text: tcpPort,
  attributes: [{ name: "Dest", type: tcpPort, defaultNote: "the same port", doc: "Port on the origin." }],
  default: [],
  doc: "TCP port whose connections are relayed to the origin as they are; each port once, and never one that is listened on.",
  spec: "BYP-21 to BYP-23",
  read: (element) => {
    const port = readText(tcpPort)(element);
    return { port, originPort: attributeOr(element, "Dest", tcpPort, port) };
  },
  format: formatPortBypass,
});

/** Places are relative to `<Vhost>`. */
export const VHOST_HEAD: OptionTable<VhostHead> = {
  name: option("@Name", vhostName, "", {
    doc: "Name of the virtual host; names are told apart without regard to case.",
    defaultNote: "required",
    spec: "CFG-54",
  }),
  status: option("@Status", vhostStatus, "Active", {
    doc: "`Inactive` hosts are not served, their content is kept. `facade:` with the name of another host: that one serves, with its options, origin and content; the facade has names, ports, statistics of clients and access log of its own.",
    spec: "CFG-55, VHT-21",
  }),
  snmpIndex: option<number>("@StaticIndex", snmpIndex, 0, {
    doc: "Index of the host in SNMP; without it a host gets the lowest free one and keeps it.",
    defaultNote: "the lowest free index",
    spec: "SNMP-24, SNMP-25",
  }),
  aliases: repeated("Alias", alias, { default: [], doc: "Further name of the host.", spec: "CFG-57" }),
  listen: repeated<ListenAddress | "OFF">("Listen", listen, {
    default: [{ address: undefined, port: 80 }],
    doc: "Service address; `*` is every address of `<Cache><Listen>`, `OFF` opens none.",
    spec: "CFG-60",
  }),
  addresses: addressOption("Origin/Address", {
    defaultNote: "required",
    doc: "Origin server; port 80 unless written, a path goes in front of every request's. `https://` in front (not in the guide) asks over TLS, at port 443 unless written.",
    spec: "CFG-11, CFG-13, AWS-33",
  }),
  standby: addressOption("Origin/Address2", {
    doc: "Origin server that takes the place of a failed one.",
    spec: "CFG-14",
  }),
  healthCheckers: HEALTH_CHECKER_OPTION,
  portBypass,
  subStatus: option("Sub@Status", oneOf("Active", "Inactive"), "Active", {
    doc: "`Inactive`: the paths in it do not count.",
    spec: "VHT-31",
  }),
  subPaths: SUB_PATH_OPTION,
  ...VHOST_LINK_OPTIONS,
};

/** What `<Vhosts>` itself says. */
export interface VhostsHead {
  readonly defaultVhost: string;
  readonly views: readonly StatsView[];
  readonly urlRewrites: readonly ClientRewrite[];
}

/** Places are relative to `<Vhosts>`. */
export const VHOSTS_HEAD: OptionTable<VhostsHead> = {
  defaultVhost: option("Default", plainText, "", {
    doc: "Virtual host for requests that match none; the exact name of a `<Vhost>`.",
    defaultNote: "none: such requests are answered 404",
    spec: "CFG-59",
  }),
  views: VIEW_OPTION,
  urlRewrites: CLIENT_REWRITE_OPTION,
};
