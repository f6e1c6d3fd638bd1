import { portBypassEndSlot, VHOST_SLOT } from "@basalt/telemetry";
import type { CacheResult } from "@basalt/types";
import type { Oid } from "../oid.ts";
import { amount, amountOf, type Counted, levelOf, ofClients, ofFileSystem, ofHost, ratePerSecond } from "./sources.ts";

/** One object below `traffic`, as all three subtrees have it. */
export interface TrafficRow {
  /** Below `traffic`. */
  readonly suffix: Oid;
  readonly name: string;
  readonly unit: string;
  readonly doc: string;
  readonly isSigned?: boolean;
  /** What its value is divided by. */
  readonly divisor?: number;
  readonly counted: Counted;
}

export interface TrafficSubtree {
  readonly suffix: Oid;
  readonly name: string;
  readonly doc: string;
}

const BYTES = "bytes/s";
const SESSIONS = "count (avg)";
const PER_SECOND = "count/s";
const TOTAL = "count (total)";
const COUNT = "count";
const HUNDREDTHS = "0.01 ms";

const row = (suffix: Oid, name: string, unit: string, source: Counted, doc: string): TrafficRow => ({
  suffix,
  name,
  unit,
  doc,
  counted: source,
});

/** Percent, and behind it the same in hundredths (SNMP-37). */
const shares = (suffix: Oid, name: string, source: Counted, doc: string, isSigned = false): readonly TrafficRow[] => {
  const [last = 0, ...before] = [...suffix].reverse();
  const second = [...before.reverse(), last + 1];
  const sign = isSigned ? " (signed)" : "";
  return [
    { ...row(suffix, name, `%${sign}`, source, doc), isSigned, divisor: 100 },
    { ...row(second, `${name}_x100`, `0.01 %${sign}`, source, `${doc} In hundredths.`), isSigned },
  ];
};

const CLASSES = ["Total", "2xx", "3xx", "4xx", "5xx"] as const;

/** Six objects for each class of status. */
const responses = (
  at: Oid,
  name: string,
  of: (json: string) => Counted,
  prefix: string,
  words: { readonly sent: string; readonly time: string },
): readonly TrafficRow[] =>
  CLASSES.flatMap((status, index) => {
    const field = `${prefix}Response.Res${status}`;
    const kind = status === "Total" ? "all" : status;
    const own = (offset: number, word: string, unit: string, source: Counted, doc: string): TrafficRow =>
      row([...at, (index + 1) * 10 + offset], `${name}.res${status}${word}`, unit, source, `${doc} (${kind}).`);
    return [
      own(0, "Average", PER_SECOND, of(`${field}.Count`), words.sent),
      own(1, "CompleteAverage", PER_SECOND, of(`${field}.Completed`), "Completed transactions"),
      own(2, "TimeRes", HUNDREDTHS, of(`${field}.TimeRes`), words.time),
      own(3, "TimeComplete", HUNDREDTHS, of(`${field}.TimeComplete`), "Mean time to the end of a transaction"),
      own(4, "Count", TOTAL, of(`${field}.CountSum`), words.sent),
      own(5, "CompleteCount", TOTAL, of(`${field}.CompletedSum`), "Completed transactions"),
    ];
  });

/** In the order of their numbers, which is not that of the statistics. */
const RESULTS: readonly CacheResult[] = [
  ...(["TCP_HIT", "TCP_IMS_HIT", "TCP_REFRESH_HIT", "TCP_REF_FAIL_HIT", "TCP_NEGATIVE_HIT", "TCP_MISS"] as const),
  ...(["TCP_REFRESH_MISS", "TCP_CLIENT_REFRESH_MISS", "TCP_DENIED", "TCP_ERROR", "TCP_REDIRECT_HIT"] as const),
];

const results = (at: Oid, name: string, of: (json: string) => Counted, prefix: string): readonly TrafficRow[] => {
  const [last = 0, ...before] = [...at].reverse();
  const totals = [...before.reverse(), last + 1];
  const list = (place: Oid, word: string, unit: string, field: string): readonly TrafficRow[] =>
    RESULTS.map((result, index) =>
      row([...place, index + 1], `${name}${word}.${result}`, unit, of(`${prefix}${field}.${result}`), `${result}.`),
    );
  return [
    ...list(at, "requestHitAverage", PER_SECOND, "RequestHit"),
    ...list(totals, "requestHitCount", TOTAL, "RequestHitSum"),
  ];
};

const ORIGIN: readonly TrafficRow[] = [
  row(
    [10, 1],
    "origin.inbound",
    BYTES,
    ratePerSecond("HTTP and bypassed ports", VHOST_SLOT.originResponseBytes, VHOST_SLOT.portBypassOriginBytes),
    "Received from origins, by bypassed ports too.",
  ),
  row(
    [10, 2],
    "origin.outbound",
    BYTES,
    ratePerSecond("HTTP and bypassed ports", VHOST_SLOT.originRequestBytes, VHOST_SLOT.portBypassClientBytes),
    "Sent to origins, by bypassed ports too.",
  ),
  row(
    [10, 3],
    "origin.sessionAverage",
    SESSIONS,
    levelOf("HTTP and bypassed ports", VHOST_SLOT.originSessions, VHOST_SLOT.portBypassOpen),
    "Connections to origins, by bypassed ports too.",
  ),
  row([10, 4], "origin.activesessionAverage", SESSIONS, ofHost("Session.ActiveOrigin"), "Those that carried data."),
  row([10, 10, 1], "origin.http.inbound", BYTES, ofHost("OriginInbound"), "HTTP bytes of origins."),
  row([10, 10, 2], "origin.http.outbound", BYTES, ofHost("OriginOutbound"), "HTTP bytes to origins."),
  row([10, 10, 3], "origin.http.sessionAverage", SESSIONS, ofHost("Session.Origin"), "HTTP connections."),
  row(
    [10, 10, 4],
    "origin.http.reqHeaderSize",
    BYTES,
    ofHost("OriginTraffic.HttpReqHeaderSize"),
    "Heads of requests to origins.",
  ),
  row(
    [10, 10, 5],
    "origin.http.reqBodySize",
    BYTES,
    ofHost("OriginTraffic.HttpReqBodySize"),
    "Bodies of requests to origins.",
  ),
  row(
    [10, 10, 6],
    "origin.http.resHeaderSize",
    BYTES,
    ofHost("OriginTraffic.HttpResHeaderSize"),
    "Heads of responses of origins.",
  ),
  row(
    [10, 10, 7],
    "origin.http.resBodySize",
    BYTES,
    ofHost("OriginTraffic.HttpResBodySize"),
    "Bodies of responses of origins.",
  ),
  row(
    [10, 10, 8],
    "origin.http.reqAverage",
    PER_SECOND,
    ofHost("OriginTraffic.HttpReqCount"),
    "Requests sent to origins.",
  ),
  row([10, 10, 9], "origin.http.reqCount", TOTAL, ofHost("OriginTraffic.HttpReqCountSum"), "Requests sent to origins."),
  ...responses([10, 10], "origin.http", ofHost, "OriginTraffic.", {
    sent: "Responses of origins",
    time: "Mean time to the first byte of a response",
  }),
  ...(
    [
      [60, "connectTimeoutAverage", PER_SECOND, "Response.ConnectTimeout", "Servers that could not be connected."],
      [61, "receiveTimeoutAverage", PER_SECOND, "Response.ReceiveTimeout", "Transactions with too long a silence."],
      [62, "connectAverage", PER_SECOND, "Connect.Count", "Connections made."],
      [63, "dnsQueryTime", HUNDREDTHS, "Connect.AvgDNSQueryTime", "Mean time of a question to a name server."],
      [64, "connectTime", HUNDREDTHS, "Connect.AvgConnTime", "Mean time from SYN to SYN ACK."],
      [65, "connectTimeoutCount", TOTAL, "Response.ConnectTimeoutSum", "Servers that could not be connected."],
      [66, "receiveTimeoutCount", TOTAL, "Response.ReceiveTimeoutSum", "Transactions with too long a silence."],
      [68, "closeAverage", PER_SECOND, "Response.Close", "Connections that the origin closed in a transaction."],
      [69, "closeCount", TOTAL, "Response.CloseSum", "Connections that the origin closed in a transaction."],
    ] as const
  ).map(([number, name, unit, field, doc]) =>
    row([10, 10, number], `origin.http.${name}`, unit, ofHost(`OriginTraffic.${field}`), doc),
  ),
  row(
    [10, 10, 67],
    "origin.http.connectCount",
    TOTAL,
    amountOf(ofHost("OriginTraffic.Connect.Count")),
    "Connections made.",
  ),
];

const PORT_BYPASS = "bypassed ports";

const ORIGIN_PORT_BYPASS: readonly TrafficRow[] = (
  [
    [1, "inbound", BYTES, ratePerSecond(PORT_BYPASS, VHOST_SLOT.portBypassOriginBytes), "Received from origins."],
    [2, "outbound", BYTES, ratePerSecond(PORT_BYPASS, VHOST_SLOT.portBypassClientBytes), "Sent to origins."],
    [3, "sessionAverage", SESSIONS, levelOf(PORT_BYPASS, VHOST_SLOT.portBypassOpen), "Connections."],
    [4, "closedAverage", PER_SECOND, ratePerSecond(PORT_BYPASS, portBypassEndSlot("origin")), "Closed by the origin."],
    [
      5,
      "connectTimeoutAverage",
      PER_SECOND,
      ratePerSecond(PORT_BYPASS, VHOST_SLOT.portBypassFailures),
      "Without a connection to the origin.",
    ],
    [6, "closedCount", TOTAL, amount(PORT_BYPASS, portBypassEndSlot("origin")), "Closed by the origin."],
    [
      7,
      "connectTimeoutCount",
      TOTAL,
      amount(PORT_BYPASS, VHOST_SLOT.portBypassFailures),
      "Without a connection to the origin.",
    ],
  ] as const
).map(([number, name, unit, source, doc]) =>
  row([10, 11, number], `origin.portbypass.${name}`, unit, source, `Bypassed ports: ${doc}`),
);

const CLIENT: readonly TrafficRow[] = [
  row(
    [11, 1],
    "client.inbound",
    BYTES,
    ratePerSecond("HTTP and bypassed ports", VHOST_SLOT.clientRequestBytes, VHOST_SLOT.portBypassClientBytes),
    "Received from clients, by bypassed ports too.",
  ),
  row(
    [11, 2],
    "client.outbound",
    BYTES,
    ratePerSecond(
      "HTTP and bypassed ports",
      ...[VHOST_SLOT.clientResponseHeadBytes, VHOST_SLOT.clientResponseBodyBytes, VHOST_SLOT.portBypassOriginBytes],
    ),
    "Sent to clients, by bypassed ports too.",
  ),
  row(
    [11, 3],
    "client.sessionAverage",
    SESSIONS,
    levelOf("HTTP and bypassed ports", VHOST_SLOT.clientSessions, VHOST_SLOT.portBypassOpen),
    "Client connections, by bypassed ports too.",
  ),
  row([11, 4], "client.activesessionAverage", SESSIONS, ofHost("Session.ActiveClient"), "Those that carried data."),
  row([11, 10, 1], "client.http.inbound", BYTES, ofHost("ClientInbound"), "HTTP bytes of clients."),
  row([11, 10, 2], "client.http.outbound", BYTES, ofHost("ClientOutbound"), "HTTP bytes to clients."),
  row([11, 10, 3], "client.http.sessionAverage", SESSIONS, ofHost("Session.Client"), "HTTP connections."),
  row([11, 10, 4], "client.http.reqHeaderSize", BYTES, ofClients("HttpReqHeaderSize"), "Heads of requests."),
  row([11, 10, 5], "client.http.reqBodySize", BYTES, ofClients("HttpReqBodySize"), "Bodies of requests."),
  row([11, 10, 6], "client.http.resHeaderSize", BYTES, ofClients("HttpResHeaderSize"), "Heads of responses."),
  row([11, 10, 7], "client.http.resBodySize", BYTES, ofClients("HttpResBodySize"), "Bodies of responses."),
  row([11, 10, 8], "client.http.reqAverage", PER_SECOND, ofClients("HttpReqCount"), "Requests of clients."),
  row([11, 10, 9], "client.http.reqCount", TOTAL, ofClients("HttpReqCountSum"), "Requests of clients."),
  ...responses([11, 10], "client.http", ofClients, "", {
    sent: "Responses to clients",
    time: "Mean time to the first byte of a response",
  }),
  row([11, 10, 60], "client.http.reqDeniedAverage", PER_SECOND, ofHost("ClientHttpReqDenied"), "Denied requests."),
  row([11, 10, 61], "client.http.reqDeniedCount", TOTAL, ofHost("ClientHttpReqDeniedSum"), "Denied requests."),
];

const CLIENT_ENDS = [portBypassEndSlot("client"), portBypassEndSlot("idle")];

const CLIENT_PORT_BYPASS: readonly TrafficRow[] = (
  [
    [1, "inbound", BYTES, ratePerSecond(PORT_BYPASS, VHOST_SLOT.portBypassClientBytes), "Received from clients."],
    [2, "outbound", BYTES, ratePerSecond(PORT_BYPASS, VHOST_SLOT.portBypassOriginBytes), "Sent to clients."],
    [3, "sessionAverage", SESSIONS, levelOf(PORT_BYPASS, VHOST_SLOT.portBypassOpen), "Connections."],
    [4, "closedAverage", PER_SECOND, ratePerSecond(PORT_BYPASS, ...CLIENT_ENDS), "Closed by the client, or idle."],
    [5, "closedCount", TOTAL, amount(PORT_BYPASS, ...CLIENT_ENDS), "Closed by the client, or idle."],
  ] as const
).map(([number, name, unit, source, doc]) =>
  row([11, 11, number], `client.portbypass.${name}`, unit, source, `Bypassed ports: ${doc}`),
);

const FILE_SYSTEM: readonly TrafficRow[] = [
  ...shares(
    [20, 1],
    "filesystem.requestHitRatio",
    ofHost("FileSystem.RequestHitRatio"),
    "Accesses that found an object.",
  ),
  ...shares([20, 3], "filesystem.byteHitRatio", ofHost("FileSystem.ByteHitRatio"), "Byte hit ratio of accesses.", true),
  row([20, 5], "filesystem.outbound", BYTES, ofHost("FileSystem.Outbound"), "Read through mounted folders."),
  row([20, 6], "filesystem.session", SESSIONS, ofHost("FileSystem.Session"), "Calls on mounted folders that run."),
  ...results([20, 7], "filesystem.", ofFileSystem, "FileSystem."),
  ...(
    [
      [10, "getattr.filecount", COUNT, amountOf(ofFileSystem("FileSystem.GetAttr.FileCount")), "getattr: a file."],
      [11, "getattr.dircount", COUNT, amountOf(ofFileSystem("FileSystem.GetAttr.DirCount")), "getattr: a folder."],
      [12, "getattr.failcount", COUNT, amountOf(ofFileSystem("FileSystem.GetAttr.FailCount")), "getattr: failed."],
      [13, "getattr.timeres", HUNDREDTHS, ofFileSystem("FileSystem.GetAttr.TimeRes"), "Mean time of getattr."],
      [14, "open.count", COUNT, amountOf(ofFileSystem("FileSystem.Open.Count")), "Calls of open."],
      [15, "open.timeres", HUNDREDTHS, ofFileSystem("FileSystem.Open.TimeRes"), "Mean time of open."],
      [16, "read.count", COUNT, amountOf(ofFileSystem("FileSystem.Read.Count")), "Calls of read."],
      [17, "read.timeres", HUNDREDTHS, ofFileSystem("FileSystem.Read.TimeRes"), "Mean time of read."],
      [18, "read.buffersize", "bytes", amountOf(ofFileSystem("FileSystem.Read.BufferSize")), "Bytes asked of read."],
      [19, "read.bufferfilled", "bytes", amountOf(ofFileSystem("FileSystem.Read.BufferFilled")), "Bytes it gave."],
    ] as const
  ).map(([number, name, unit, source, doc]) => row([20, number], `filesystem.${name}`, unit, source, doc)),
];

const conversions = (at: number, name: string, field: string, what: string): readonly TrafficRow[] => [
  row([at, 1], `${name}.requests`, COUNT, amountOf(ofHost(`${field}.Requests`)), `${what}: requests.`),
  row([at, 2], `${name}.converted`, COUNT, amountOf(ofHost(`${field}.Converted`)), `${what}: successes.`),
  row([at, 3], `${name}.failed`, COUNT, amountOf(ofHost(`${field}.Failed`)), `${what}: failures.`),
  row([at, 4], `${name}.avgsrcsize`, "bytes", ofHost(`${field}.AvgSrcSize`), `${what}: mean size of sources.`),
  row([at, 5], `${name}.avgdestsize`, "bytes", ofHost(`${field}.AvgDestSize`), `${what}: mean size of results.`),
  row([at, 6], `${name}.avgtime`, "ms", ofHost(`${field}.AvgTime`), `${what}: mean time.`),
];

/** SNMP-183 to SNMP-384. */
export const TRAFFIC_TABLE: readonly TrafficRow[] = [
  ...shares([1], "requestHitRatio", ofHost("RequestHitRatio"), "Requests that found an object."),
  ...shares([3], "bytesHitRatio", ofHost("ByteHitRatio"), "What clients got beyond what origins sent.", true),
  ...ORIGIN,
  ...ORIGIN_PORT_BYPASS,
  ...CLIENT,
  ...CLIENT_PORT_BYPASS,
  row([11, 12, 2], "client.ssl.inbound", BYTES, ofClients("SSL.RecvSize"), "Received over HTTPS."),
  row([11, 12, 3], "client.ssl.outbound", BYTES, ofClients("SSL.SendSize"), "Sent over HTTPS."),
  ...results([11, 13], "client.", ofClients, ""),
  ...FILE_SYSTEM,
  ...conversions(21, "dims", "Dims", "Pictures"),
  ...conversions(22, "compression", "Compression", "Compression"),
];

export const TRAFFIC_SUBTREES: readonly TrafficSubtree[] = [
  { suffix: [10], name: "origin", doc: "Traffic with origins." },
  { suffix: [10, 10], name: "origin.http", doc: "HTTP with origins." },
  { suffix: [10, 11], name: "origin.portbypass", doc: "Bypassed ports, side of the origins." },
  { suffix: [11], name: "client", doc: "Traffic with clients." },
  { suffix: [11, 10], name: "client.http", doc: "HTTP with clients." },
  { suffix: [11, 11], name: "client.portbypass", doc: "Bypassed ports, side of the clients." },
  { suffix: [11, 12], name: "client.ssl", doc: "HTTPS with clients." },
  { suffix: [11, 13], name: "client.requestHitAverage", doc: "How requests were answered, per second." },
  { suffix: [11, 14], name: "client.requestHitCount", doc: "How requests were answered, in all." },
  { suffix: [20], name: "filesystem", doc: "Accesses through mounted folders." },
  { suffix: [20, 7], name: "filesystem.requestHitAverage", doc: "How accesses were answered, per second." },
  { suffix: [20, 8], name: "filesystem.requestHitCount", doc: "How accesses were answered, in all." },
  { suffix: [21], name: "dims", doc: "Conversion of pictures." },
  { suffix: [22], name: "compression", doc: "Compression." },
];
