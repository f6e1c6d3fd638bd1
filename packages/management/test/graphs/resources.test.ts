import { describe, expect, it } from "vitest";
import { GRAPH_TYPES } from "../../src/graphs/graphTypes.ts";
import { parseGraphPath } from "../../src/graphs/question.ts";
import { PEAK_COLOR, SERVER_GRAPHS, VHOST_GRAPHS } from "../../src/graphs/resources.ts";

const HOUR = 3_600;
const DAY = 24 * HOUR;

/** Label, colour and series of each line. */
const linesOf = (graphs: typeof VHOST_GRAPHS, name: string): readonly string[] =>
  graphs.get(name)?.lines.map(({ label, color, series }) => `${label} ${color} ${series}`) ?? [];

const GREEN = "#00CC00";
const BLUE = "#0000FF";

describe("what graphs there are", () => {
  it.each([
    ["GRAPH-07", "dash", 205, 175, 300, 144, 12 * HOUR, false],
    ["GRAPH-08", "day", 580, 203, 300, 576, 2 * DAY, false],
    ["GRAPH-09", "week", 580, 203, 1_800, 672, 14 * DAY, true],
    ["GRAPH-10", "month", 580, 203, 2 * HOUR, 588, 49 * DAY, true],
    ["GRAPH-11", "year", 580, 203, DAY, 548, 548 * DAY, true],
  ] as const)("%s the type %s", (_, name, widthPx, heightPx, stepSeconds, points, seconds, hasPeak) => {
    const type = GRAPH_TYPES[name];
    expect(type).toMatchObject({ widthPx, heightPx, stepSeconds, points, hasPeak });
    expect(type.stepSeconds * type.points).toBe(seconds);
  });

  it.each([
    ["GRAPH-18", "cpu", ["kernel + user", "cpu"], ["kernel", "cpuKernel"]],
    ["GRAPH-19", "ston_media_server_cpu", ["kernel + user", "ownCpu"], ["kernel", "ownCpuKernel"]],
    ["GRAPH-19", "stoncpu", ["kernel + user", "ownCpu"], ["kernel", "ownCpuKernel"]],
    ["GRAPH-20", "mem", ["in use", "usedMemory"], ["server", "ownMemory"]],
    ["GRAPH-21", "iowait", ["I/O wait", "ioWait"], undefined],
    ["GRAPH-22", "loadavg", ["load", "loadAverage"], undefined],
    ["GRAPH-23", "ssockevent", ["accepted", "clientsAccepted"], ["closed", "clientsClosed"]],
    ["GRAPH-24", "ssockusage", ["all", "clientConnections"], ["established", "clientConnections"]],
    ["GRAPH-25", "csockevent", ["connected", "originsConnected"], ["closed", "originsClosed"]],
    ["GRAPH-26", "csockusage", ["all", "originConnections"], ["established", "originConnections"]],
    ["GRAPH-27", "acldenied", ["blocked", "accessDenied"], undefined],
    ["GRAPH-28", "eq", ["waiting", "waitingEvents"], undefined],
    ["GRAPH-29", "wf2w", ["waiting", "filesToWrite"], undefined],
    ["GRAPH-30", "urlrewrite", ["rewritten", "rewrittenUrls"], undefined],
  ] as const)("GRAPH-12 %s of the server: %s", (_, name, main, sub) => {
    const wanted = [`${main[0]} ${GREEN} ${main[1]}`, ...(sub === undefined ? [] : [`${sub[0]} ${BLUE} ${sub[1]}`])];
    expect(linesOf(SERVER_GRAPHS, name)).toEqual(wanted);
    expect(SERVER_GRAPHS.get(name)?.hasMain).toBe(true);
  });

  it.each([
    ["GRAPH-32", "hitratio", ["requests", "requestHitRatio"], ["bytes", "byteHitRatio"]],
    ["GRAPH-34", "mem", ["content", "memoryBytes"], undefined],
    ["GRAPH-35", "wf2d", ["waiting", "filesToDelete"], undefined],
    ["GRAPH-36", "client_httpreq_bypass", ["bypassed", "clientBypassed"], undefined],
    ["GRAPH-37", "client_httpreq_denied", ["denied", "clientDenied"], undefined],
    ["GRAPH-38", "client_http_session", ["all", "clientSessions"], ["in transfer", "clientSessionsActive"]],
    ["GRAPH-39", "client_traffic", ["inbound", "clientInbound"], ["outbound", "clientOutbound"]],
    ["GRAPH-40", "client_http_res", ["responses", "clientResponses"], ["requests", "clientRequests"]],
    ["GRAPH-42", "client_http_res_complete", ["completed", "clientCompleted"], ["requests", "clientRequests"]],
    ["GRAPH-43", "client_http_res_time1", ["response", "clientFirstByte"], undefined],
    ["GRAPH-44", "client_http_res_time2", ["transaction", "clientComplete"], undefined],
    ["GRAPH-46", "client_traffic_ssl", ["inbound", "tlsInbound"], ["outbound", "tlsOutbound"]],
    ["GRAPH-47", "origin_http_session", ["all", "originSessions"], ["in transfer", "originSessionsActive"]],
    ["GRAPH-48", "origin_traffic", ["inbound", "originInbound"], ["outbound", "originOutbound"]],
    ["GRAPH-49", "origin_http_res", ["responses", "originResponses"], ["requests", "originRequests"]],
    ["GRAPH-51", "origin_http_res_complete", ["completed", "originCompleted"], ["requests", "originRequests"]],
    ["GRAPH-52", "origin_http_res_time1", ["response", "originFirstByte"], undefined],
    ["GRAPH-53", "origin_http_res_time2", ["transaction", "originComplete"], undefined],
  ] as const)("GRAPH-12 %s of virtual hosts: %s", (_, name, main, sub) => {
    const wanted = [`${main[0]} ${GREEN} ${main[1]}`, ...(sub === undefined ? [] : [`${sub[0]} ${BLUE} ${sub[1]}`])];
    expect(linesOf(VHOST_GRAPHS, name)).toEqual(wanted);
    expect(VHOST_GRAPHS.get(name)?.hasMain).toBe(true);
  });

  it("GRAPH-31 GRAPH-54 five lines of TCP sockets", () => {
    expect(linesOf(SERVER_GRAPHS, "tcpsocket")).toEqual([
      "Established #00CC00 tcpEstablished",
      "Timewait #FF8000 tcpTimewait",
      "Orphan #FFCC00 tcpOrphan",
      "Alloc #990099 tcpAllocated",
      "Mem #CCFF00 tcpMemoryPages",
    ]);
  });

  it("GRAPH-33 GRAPH-55 fourteen lines of the number of contents, labelled by the size classes that there are", () => {
    expect(VHOST_GRAPHS.get("filecount")?.lines.map(({ label, color }) => `${label} ${color}`)).toEqual([
      ...["to 4KB #CC0000", "to 16KB #FF3300", "to 32KB #FF9900", "to 64KB #CCCC00", "to 128KB #669900"],
      ...["to 256KB #008000", "to 1MB #00CC66", "to 8MB #009999", "to 128MB #0099CC", "to 512MB #0033CC"],
      ...["to 1GB #0000FF", "to 4GB #3333CC", "from 4GB #9900FF", "Total #000000"],
    ]);
  });

  it.each(["client", "origin"])("GRAPH-41 GRAPH-50 GRAPH-56 responses by class: %s", (side) => {
    expect(linesOf(VHOST_GRAPHS, `${side}_http_res_detail`)).toEqual([
      `2xx #00CC00 ${side}2xx`,
      `3xx #FFD700 ${side}3xx`,
      `4xx #FF7E00 ${side}4xx`,
      `5xx #FF0000 ${side}5xx`,
      `Requests #0000FF ${side}Requests`,
    ]);
  });

  it("GRAPH-45 GRAPH-57 cache results, the redirects among them in a colour of their own", () => {
    const lines = VHOST_GRAPHS.get("client_http_res_hit")?.lines ?? [];
    expect(lines.map(({ label, color }) => `${label} ${color}`)).toEqual([
      ...["TCP_HIT #00CC00", "TCP_IMS_HIT #228822", "TCP_REFRESH_HIT #808000", "TCP_REF_FAILHIT #00FFFF"],
      ...["TCP_NEGATIVE_HIT #0099CC", "TCP_REDIRECT_HIT #9900FF", "TCP_MISS #FF0000", "TCP_REFRESH_MISS #FF7E00"],
      ...["TCP_CLIENT_REFRESH_MISS #FFFF00", "TCP_DENIED #696969", "TCP_ERROR #000000", "Requests #0000FF"],
    ]);
    expect(new Set(lines.map(({ color }) => color)).size).toBe(lines.length);
  });

  it("GRAPH-12 GRAPH-13 Peak is pink, and of graphs with a Main line alone", () => {
    expect(PEAK_COLOR).toBe("#FF00FF");
    const withoutMain = [...SERVER_GRAPHS, ...VHOST_GRAPHS].filter(([, { hasMain }]) => !hasMain).map(([name]) => name);
    expect(withoutMain).toEqual([
      ...["tcpsocket", "filecount", "client_http_res_detail", "client_http_res_hit", "origin_http_res_detail"],
    ]);
  });

  it("GRAPH-15 memory is in units of 1024, traffic in bits, ratios in percent", () => {
    expect(SERVER_GRAPHS.get("mem")).toMatchObject({ unit: "bytes", base: 1024 });
    expect(VHOST_GRAPHS.get("mem")).toMatchObject({ unit: "bytes", base: 1024 });
    expect(VHOST_GRAPHS.get("client_traffic")).toMatchObject({ unit: "bit/s", base: 1000 });
    expect(VHOST_GRAPHS.get("origin_traffic")).toMatchObject({ unit: "bit/s", base: 1000 });
    expect(VHOST_GRAPHS.get("hitratio")).toMatchObject({ unit: "%" });
  });
});

describe("paths of graphs", () => {
  it("GRAPH-01 GRAPH-02 14 of the server and 22 of virtual hosts, each of five types", () => {
    const types = Object.keys(GRAPH_TYPES);
    expect([SERVER_GRAPHS.size, VHOST_GRAPHS.size]).toEqual([14 + 1, 22]);
    for (const type of types) {
      for (const name of SERVER_GRAPHS.keys()) {
        const question = parseGraphPath(`/graph/${name}_${type}.png`, "site.com");
        expect(question).toEqual({ scope: "server", resource: name, type, vhost: undefined });
      }
      for (const name of VHOST_GRAPHS.keys()) {
        const question = parseGraphPath(`/graph/vhost/${name}_${type}.png`, "site.com");
        expect(question).toEqual({ scope: "vhosts", resource: name, type, vhost: "site.com" });
      }
    }
  });

  it.each([
    ...["/graph", "/graph/", "/graph/cpu.png", "/graph/cpu_day", "/graph/cpu_hour.png", "/graph/none_day.png"],
    ...["/graph/hitratio_day.png", "/graph/vhost/cpu_day.png", "/graph/cpu_day.gif", "/graph/CPU_day.png"],
    ...["/graph/vhost/", "/graph/../graph/cpu_day.png", "/graph/cpu_day.png/x", "/graph/constructor_day.png"],
    ...["/graph/cpu_constructor.png", "/graph/vhost/vhost/mem_day.png", "/graph/_day.png", "/graph/cpu_.png"],
    `/graph/${"x".repeat(5_000)}_day.png`,
  ])("GRAPH-06 there is no %s", (path) => {
    expect(parseGraphPath(path, undefined)).toBeUndefined();
  });
});
