import type { HostSeriesName, ServerSeriesName } from "./series.ts";

/** `#RRGGBB`. */
type Color = string;

export interface GraphLine<Name> {
  readonly label: string;
  readonly color: Color;
  readonly series: Name;
}

interface ResourceWords<Name> {
  readonly title: string;
  /** What the numbers are; short. */
  readonly unit: string;
  /** GRAPH-15: of the letters behind numbers. */
  readonly base: 1000 | 1024;
  readonly lines: readonly GraphLine<Name>[];
  /** A Main line, with a Peak where the type has one (GRAPH-12, GRAPH-13); else several alike (section 6). */
  readonly hasMain: boolean;
}

export type GraphResource =
  | ({ readonly scope: "server" } & ResourceWords<ServerSeriesName>)
  | ({ readonly scope: "vhosts" } & ResourceWords<HostSeriesName>);

/** GRAPH-12. */
const MAIN = "#00CC00";
const SUB = "#0000FF";
export const PEAK_COLOR: Color = "#FF00FF";

type Labelled<Name> = readonly [label: string, series: Name];

interface Form {
  readonly unit: string;
  readonly base?: 1000 | 1024;
}

const PERCENT: Form = { unit: "%" };
const BYTES: Form = { unit: "bytes", base: 1024 };
const BITS: Form = { unit: "bit/s" };
const MILLISECONDS: Form = { unit: "ms" };
const of = (unit: string): Form => ({ unit });

const mainLines = <Name>(main: Labelled<Name>, sub?: Labelled<Name>): readonly GraphLine<Name>[] => [
  { label: main[0], color: MAIN, series: main[1] },
  ...(sub === undefined ? [] : [{ label: sub[0], color: SUB, series: sub[1] }]),
];

const server = (
  title: string,
  { unit, base = 1000 }: Form,
  main: Labelled<ServerSeriesName>,
  sub?: Labelled<ServerSeriesName>,
): GraphResource => ({ scope: "server", title, unit, base, lines: mainLines(main, sub), hasMain: true });

const vhosts = (
  title: string,
  { unit, base = 1000 }: Form,
  main: Labelled<HostSeriesName>,
  sub?: Labelled<HostSeriesName>,
): GraphResource => ({ scope: "vhosts", title, unit, base, lines: mainLines(main, sub), hasMain: true });

type Colored<Name> = readonly [label: string, color: Color, series: Name];

const manyLines = <Name>(lines: readonly Colored<Name>[]): readonly GraphLine<Name>[] =>
  lines.map(([label, color, series]) => ({ label, color, series }));

const manyOfVhosts = (title: string, unit: string, lines: readonly Colored<HostSeriesName>[]): GraphResource => ({
  ...{ scope: "vhosts", title, unit, base: 1000, lines: manyLines(lines), hasMain: false },
});

/** GRAPH-54. */
const tcpSockets: GraphResource = {
  scope: "server",
  title: "TCP sockets",
  unit: "sockets, pages",
  base: 1000,
  hasMain: false,
  lines: manyLines([
    ["Established", "#00CC00", "tcpEstablished"],
    ["Timewait", "#FF8000", "tcpTimewait"],
    ["Orphan", "#FFCC00", "tcpOrphan"],
    ["Alloc", "#990099", "tcpAllocated"],
    ["Mem", "#CCFF00", "tcpMemoryPages"],
  ]),
};

/** GRAPH-55, with the borders of the size classes: 8 MB and 128 MB. */
const fileCount = manyOfVhosts("Number of contents", "files", [
  ["to 4KB", "#CC0000", "filesTo4KB"],
  ["to 16KB", "#FF3300", "filesTo16KB"],
  ["to 32KB", "#FF9900", "filesTo32KB"],
  ["to 64KB", "#CCCC00", "filesTo64KB"],
  ["to 128KB", "#669900", "filesTo128KB"],
  ["to 256KB", "#008000", "filesTo256KB"],
  ["to 1MB", "#00CC66", "filesTo1MB"],
  ["to 8MB", "#009999", "filesTo8MB"],
  ["to 128MB", "#0099CC", "filesTo128MB"],
  ["to 512MB", "#0033CC", "filesTo512MB"],
  ["to 1GB", "#0000FF", "filesTo1GB"],
  ["to 4GB", "#3333CC", "filesTo4GB"],
  ["from 4GB", "#9900FF", "filesFrom4GB"],
  ["Total", "#000000", "files"],
]);

/** GRAPH-57, and TCP_REDIRECT_HIT in a colour that was free. */
const cacheResults = manyOfVhosts("Cache results", "requests/s", [
  ["TCP_HIT", "#00CC00", "TCP_HIT"],
  ["TCP_IMS_HIT", "#228822", "TCP_IMS_HIT"],
  ["TCP_REFRESH_HIT", "#808000", "TCP_REFRESH_HIT"],
  ["TCP_REF_FAILHIT", "#00FFFF", "TCP_REF_FAIL_HIT"],
  ["TCP_NEGATIVE_HIT", "#0099CC", "TCP_NEGATIVE_HIT"],
  ["TCP_REDIRECT_HIT", "#9900FF", "TCP_REDIRECT_HIT"],
  ["TCP_MISS", "#FF0000", "TCP_MISS"],
  ["TCP_REFRESH_MISS", "#FF7E00", "TCP_REFRESH_MISS"],
  ["TCP_CLIENT_REFRESH_MISS", "#FFFF00", "TCP_CLIENT_REFRESH_MISS"],
  ["TCP_DENIED", "#696969", "clientDenied"],
  ["TCP_ERROR", "#000000", "TCP_ERROR"],
  ["Requests", "#0000FF", "clientRequests"],
]);

/** GRAPH-56. */
const byClass = (title: string, side: "client" | "origin"): GraphResource =>
  manyOfVhosts(title, "responses/s", [
    ["2xx", "#00CC00", `${side}2xx`],
    ["3xx", "#FFD700", `${side}3xx`],
    ["4xx", "#FF7E00", `${side}4xx`],
    ["5xx", "#FF0000", `${side}5xx`],
    ["Requests", "#0000FF", `${side}Requests`],
  ]);

const ownCpu = server("CPU of the server", PERCENT, ["kernel + user", "ownCpu"], ["kernel", "ownCpuKernel"]);

/** GRAPH-18 to GRAPH-31, by the name in the path. */
export const SERVER_GRAPHS: ReadonlyMap<string, GraphResource> = new Map([
  ["cpu", server("CPU", PERCENT, ["kernel + user", "cpu"], ["kernel", "cpuKernel"])],
  ["ston_media_server_cpu", ownCpu],
  ["stoncpu", ownCpu],
  ["mem", server("Memory", BYTES, ["in use", "usedMemory"], ["server", "ownMemory"])],
  ["iowait", server("I/O wait", PERCENT, ["I/O wait", "ioWait"])],
  ["loadavg", server("Load average, 1 minute", of("processes"), ["load", "loadAverage"])],
  [
    "ssockevent",
    server("Server socket events", of("events/s"), ["accepted", "clientsAccepted"], ["closed", "clientsClosed"]),
  ],
  [
    "ssockusage",
    server("Server sockets", of("sockets"), ["all", "clientConnections"], ["established", "clientConnections"]),
  ],
  [
    "csockevent",
    server("Client socket events", of("events/s"), ["connected", "originsConnected"], ["closed", "originsClosed"]),
  ],
  [
    "csockusage",
    server("Client sockets", of("sockets"), ["all", "originConnections"], ["established", "originConnections"]),
  ],
  ["acldenied", server("Blocked accesses", of("accesses/s"), ["blocked", "accessDenied"])],
  ["eq", server("Event queue", of("events"), ["waiting", "waitingEvents"])],
  ["wf2w", server("Files to be written", of("files"), ["waiting", "filesToWrite"])],
  ["urlrewrite", server("URL rewriting", of("URLs/s"), ["rewritten", "rewrittenUrls"])],
  ["tcpsocket", tcpSockets],
]);

const side = (name: "client" | "origin", title: string): readonly (readonly [string, GraphResource])[] => [
  [
    `${name}_http_session`,
    vhosts(`${title} sessions`, of("sessions"), ["all", `${name}Sessions`], ["in transfer", `${name}SessionsActive`]),
  ],
  [`${name}_traffic`, vhosts(`${title} traffic`, BITS, ["inbound", `${name}Inbound`], ["outbound", `${name}Outbound`])],
  [
    `${name}_http_res`,
    vhosts(`${title} responses`, of("responses/s"), ["responses", `${name}Responses`], ["requests", `${name}Requests`]),
  ],
  [`${name}_http_res_detail`, byClass(`${title} responses by class`, name)],
  [
    `${name}_http_res_complete`,
    vhosts(`${title} completed`, of("responses/s"), ["completed", `${name}Completed`], ["requests", `${name}Requests`]),
  ],
  [`${name}_http_res_time1`, vhosts(`${title} response time`, MILLISECONDS, ["response", `${name}FirstByte`])],
  [`${name}_http_res_time2`, vhosts(`${title} completion time`, MILLISECONDS, ["transaction", `${name}Complete`])],
];

/** GRAPH-32 to GRAPH-53. */
export const VHOST_GRAPHS: ReadonlyMap<string, GraphResource> = new Map([
  ["hitratio", vhosts("Hit ratio", PERCENT, ["requests", "requestHitRatio"], ["bytes", "byteHitRatio"])],
  ["filecount", fileCount],
  ["mem", vhosts("Content in memory", BYTES, ["content", "memoryBytes"])],
  ["wf2d", vhosts("Files to be deleted", of("files"), ["waiting", "filesToDelete"])],
  ["client_httpreq_bypass", vhosts("Client bypass", of("requests/s"), ["bypassed", "clientBypassed"])],
  ["client_httpreq_denied", vhosts("Denied requests", of("requests/s"), ["denied", "clientDenied"])],
  ...side("client", "Client"),
  ["client_http_res_hit", cacheResults],
  ["client_traffic_ssl", vhosts("TLS traffic", BITS, ["inbound", "tlsInbound"], ["outbound", "tlsOutbound"])],
  ...side("origin", "Origin"),
]);
