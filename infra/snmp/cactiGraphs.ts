/** What a number of the tree is multiplied by before it is drawn. */
export type Scale = "as it is" | "hundredths" | "kilobytes";

export interface Series {
  /** At most 19 letters, digits and underscores: the name in the round robin file. */
  readonly key: string;
  readonly label: string;
  /** Below the root of the tree, with all that stands behind the object. */
  readonly oid: string;
  readonly color: string;
  readonly isSigned?: boolean;
}

export interface CactiGraph {
  readonly name: string;
  readonly unit: string;
  readonly scale: Scale;
  /** Areas one on the other instead of lines. */
  readonly isStacked: boolean;
  readonly base: 1000 | 1024;
  readonly series: readonly Series[];
}

const COLORS = [
  ...["2E7D32", "1565C0", "EF6C00", "C62828", "6A1B9A", "00838F"],
  ...["9E9D24", "4E342E", "AD1457", "37474F", "F9A825"],
] as const;

type Row = readonly [key: string, label: string, oid: string, isSigned?: boolean];

const graph = (
  name: string,
  unit: string,
  rows: readonly Row[],
  how: { readonly scale?: Scale; readonly isStacked?: boolean; readonly base?: 1024 } = {},
): CactiGraph => ({
  name,
  unit,
  scale: how.scale ?? "as it is",
  isStacked: how.isStacked ?? false,
  base: how.base ?? 1000,
  series: rows.map(([key, label, oid, isSigned = false], index) => ({
    ...{ key, label, oid, isSigned },
    color: COLORS[index % COLORS.length] ?? COLORS[0],
  })),
});

const RESULTS = [
  ...["HIT", "IMS_HIT", "REFRESH_HIT", "REF_FAIL_HIT", "NEGATIVE_HIT", "MISS"],
  ...["REFRESH_MISS", "CLIENT_REF_MISS", "DENIED", "ERROR", "REDIRECT_HIT"],
] as const;

const CLASSES = ["2xx", "3xx", "4xx", "5xx"] as const;

/** Cacti asks every five minutes: of what the service does, it draws the mean of them. */
const FIVE = 5;
const CLIENT = "4.1.11.11";
const ORIGIN = "4.1.11.10";

const traffic = (side: "client" | "origin", at: string): readonly CactiGraph[] => {
  const title = side === "client" ? "Client" : "Origin";
  const http = `${at}.10`;
  return [
    graph(`${title}_Responses`, "responses/s", [
      [`${side}_responses`, "Responses", `${http}.10.${FIVE}`],
      [`${side}_completed`, "Completed", `${http}.11.${FIVE}`],
    ]),
    graph(
      `${title}_Responses(Detailed)`,
      "responses/s",
      CLASSES.map((name, index) => [`${side}_${name}`, name, `${http}.${(index + 2) * 10}.${FIVE}`]),
      { isStacked: true },
    ),
    graph(
      `${title}_ResponseTime`,
      "ms",
      [
        [`${side}_first_byte`, "First byte", `${http}.12.${FIVE}`],
        [`${side}_complete`, "Complete", `${http}.13.${FIVE}`],
      ],
      { scale: "hundredths" },
    ),
    graph(`${title}_Sessions`, "sessions", [
      [`${side}_sessions`, "All", `${at}.3.${FIVE}`],
      [`${side}_active`, "With traffic", `${at}.4.${FIVE}`],
    ]),
    graph(
      `${title}_Traffic`,
      "bytes/s",
      [
        [`${side}_inbound`, "Inbound", `${at}.1.${FIVE}`],
        [`${side}_outbound`, "Outbound", `${at}.2.${FIVE}`],
      ],
      { base: 1024 },
    ),
  ];
};

/** SNMP-388: five of the server, thirteen of its service. */
export const CACTI_GRAPHS: readonly CactiGraph[] = [
  graph(
    "Load Average",
    "processes",
    [
      ["load_1", "1 minute", "2.24.0"],
      ["load_5", "5 minutes", "2.25.0"],
      ["load_15", "15 minutes", "2.26.0"],
    ],
    { scale: "hundredths" },
  ),
  graph(
    "Memory",
    "bytes",
    [
      ["memory_total", "Total", "2.9.0"],
      ["memory_used", "Used", "2.10.0"],
      ["memory_free", "Free", "2.11.0"],
      ["memory_server", "Server", "2.12.0"],
    ],
    { scale: "kilobytes", base: 1024 },
  ),
  graph(
    "CPU",
    "percent",
    [
      ["cpu_kernel", "Kernel", "2.4.0"],
      ["cpu_user", "User", "2.6.0"],
      ["cpu_idle", "Idle", "2.8.0"],
    ],
    { scale: "hundredths", isStacked: true },
  ),
  graph("ServerSocket", "sockets", [
    ["socket_total", "Total", `3.10.${FIVE}`],
    ["socket_established", "Established", `3.11.${FIVE}`],
    ["socket_accepted", "Accepted", `3.12.${FIVE}`],
    ["socket_closed", "Closed", `3.13.${FIVE}`],
  ]),
  graph("TCP Socket", "sockets", [
    ["tcp_established", "Established", "2.40.0"],
    ["tcp_timewait", "TIME_WAIT", "2.41.0"],
    ["tcp_orphan", "Orphan", "2.42.0"],
    ["tcp_allocated", "Allocated", "2.43.0"],
  ]),
  graph(
    "Caching Response",
    "requests/s",
    RESULTS.map((name, index) => [name.toLowerCase(), `TCP_${name}`, `${CLIENT}.13.${index + 1}.${FIVE}`]),
    { isStacked: true },
  ),
  ...traffic("client", CLIENT),
  graph("Content Memory", "bytes", [["content_memory", "Content", "4.1.10.1.0"]], { scale: "kilobytes", base: 1024 }),
  graph(
    "Hit Ratio",
    "percent",
    [
      ["request_hit_ratio", "Requests", `4.1.11.2.${FIVE}`],
      ["byte_hit_ratio", "Bytes", `4.1.11.4.${FIVE}`, true],
    ],
    { scale: "hundredths" },
  ),
  ...traffic("origin", ORIGIN),
];
