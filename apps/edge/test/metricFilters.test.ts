import type { VhostSettings } from "@basalt/config";
import { parseConfig } from "@basalt/config";
import { type ClientTransaction, LineMemo } from "@basalt/telemetry";
import { compileAccessFormat, LineBuffer } from "@basalt/telemetry/logs";
import { describe, expect, it } from "vitest";
import { LogMetricCounters } from "../src/logs/metricFilters.ts";

const NOW = new Date(2012, 5, 27, 16, 52, 24).getTime();

const hostWith = (log: string): VhostSettings => {
  const sources = new Map([
    ["server.xml", "<Server/>"],
    [
      "vhosts.xml",
      `<Vhosts><Vhost Name="shop.test"><Origin><Address>10.0.0.1</Address></Origin><Log>${log}</Log></Vhost></Vhosts>`,
    ],
  ]);
  const outcome = parseConfig(sources, { home: "/h", generation: 1, cores: 1, hostName: "edge" });
  const [vhost] = outcome.ok ? outcome.config.vhosts : [];
  if (vhost === undefined) throw new Error(JSON.stringify(outcome));
  return vhost;
};

const transaction = (status: number, target: string, bodyBytesSent: number): ClientTransaction => ({
  vhostName: "shop.test",
  sessionText: "7",
  method: "GET",
  target,
  host: "shop.test",
  protocol: "http",
  httpVersion: "1.1",
  clientIp: "61.50.7.9",
  clientPort: 40_000,
  serverIp: "220.134.10.5",
  serverPort: 80,
  fields: { get: (name) => (name === "user-agent" ? "one two" : undefined) },
  requestHeadBytes: 100,
  requestBodyBytes: 0,
  status,
  headBytesSent: 50,
  bodyBytesSent,
  contentLength: bodyBytesSent,
  contentCoding: undefined,
  result: "TCP_HIT",
  bypassKind: "none",
  isComplete: true,
  startedAtMs: NOW - 5,
  elapsedMs: 5,
  firstByteMs: 2,
  tls: undefined,
  trace: undefined,
  memo: new LineMemo(),
});

const SOME = [transaction(200, "/a?b=c", 1_000), transaction(404, "/no", 50), transaction(404, "/gone", 150)];

/** What one filter counts over the same three requests, with the line written or not. */
const countsOf = (access: string, filter: string, isWritten: boolean) => {
  const vhost = hostWith(`<Access ${access}>ON</Access>${filter}`);
  const { form, xff } = vhost.logs.access;
  const format = compileAccessFormat({
    form,
    xff,
    customFormat: '%a "%r" %s %b',
    balancer: "lb",
    software: "x",
    backendOf: () => undefined,
    isTraced: false,
  });
  const counters = new LogMetricCounters();
  const filters = counters.filtersOf(vhost, "access", { form, xff, format });
  const line = new LineBuffer(Buffer.alloc(65_536));
  for (const one of SOME) {
    const start = line.length;
    if (isWritten) format.write(line, one, NOW);
    filters?.count(one, NOW, isWritten ? line : undefined, start);
  }
  const [counts] = counters.takeReport();
  expect(counters.takeReport()).toEqual([]);
  return [counts?.lines, counts?.matches, counts?.sum];
};

describe.each([true, false])("metric filters on lines that are written: %s", (isWritten) => {
  it.each([
    [
      "AWS-82 ston",
      "",
      "<MetricFilter Name='a'>[date, time, ..., result, encoding, session, length]</MetricFilter>",
      3,
      3,
    ],
    [
      "AWS-82 ston, by position",
      "",
      "<MetricFilter Name='a'>[d, t, sip, method=GET, stem, query, port, user, ip, agent, status=4*, ...]</MetricFilter>",
      2,
      2,
    ],
    [
      "AWS-79 AWS-83 ston, the sum of a field",
      "",
      "<MetricFilter Name='a' Value='$length'>[d, t, sip, m, stem!=/gone, ..., length]</MetricFilter>",
      2,
      1_050,
    ],
    ["AWS-81 ston, words", "", "<MetricFilter Name='a' Value='2'>404 -/gone</MetricFilter>", 1, 2],
    ["AWS-81 every line", "", "<MetricFilter Name='a'/>", 3, 3],
    [
      "AWS-84 json",
      'Form="json"',
      "<MetricFilter Name='a' Value='$.body_bytes_sent'>{ $.status = 404 &amp;&amp; $.tls NOT EXISTS }</MetricFilter>",
      2,
      200,
    ],
    ["AWS-81 json, words", 'Form="json"', `<MetricFilter Name='a'>"\\"status\\":404"</MetricFilter>`, 2, 2],
    [
      "AWS-82 apache",
      'Form="apache"',
      "<MetricFilter Name='a' Value='$bytes'>[host, ident, user, date, request=*/no*, status, bytes, ...]</MetricFilter>",
      1,
      50,
    ],
    [
      "AWS-82 AWS-83 custom",
      'Form="custom"',
      "<MetricFilter Name='a' Value='$bytes'>[ip, request, status=404, bytes]</MetricFilter>",
      2,
      200,
    ],
    ["AWS-84 JSON on lines that are none", "", "<MetricFilter Name='a'>{ $.status = 404 }</MetricFilter>", 0, 0],
    [
      "AWS-79 a field that is no number adds nothing",
      "",
      "<MetricFilter Name='a' Value='$stem'>[d, t, sip, m, stem, ...]</MetricFilter>",
      3,
      0,
    ],
  ])("%s", (_, access, filter, matches, sum) => {
    expect(countsOf(access, filter, isWritten)).toEqual([3, matches, sum]);
  });
});

describe("a log without filters", () => {
  it("costs nothing", () => {
    const vhost = hostWith("<MetricFilter Name='a' Log='AccessExtra'/>");
    const format = { write: () => {}, header: () => "" };
    const counters = new LogMetricCounters();
    expect(counters.filtersOf(vhost, "access", { form: "ston", xff: "ON", format })).toBeUndefined();
    expect(counters.filtersOf(vhost, "accessextra", { form: "ston", xff: "ON", format })).toBeDefined();
  });
});
