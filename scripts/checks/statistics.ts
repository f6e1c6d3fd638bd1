import { readdir, readFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseRecord, recordAt, recordsAt } from "../../infra/lib/json.ts";
import { parseMetrics, sumMetric } from "../../infra/lib/metrics.ts";
import { print } from "../../infra/lib/print.ts";
import { runCheck } from "./check.ts";

const HOST = "rig.example";
const CONNECTIONS = 32;
const REQUESTS_EACH = 250;
const OBJECTS = 40;
const OBJECT_BYTES = 5_000;
/** A minute is shown when it is over. */
const MINUTE_LIMIT_MS = 75_000;
const LOG_LIMIT_MS = 15_000;

/** What the client side has counted. */
interface Account {
  requests: number;
  sentBytes: number;
  receivedBytes: number;
  readonly statuses: Map<number, number>;
}

/** Every kind of request that the statistics tell apart; the n-th of a connection. */
const requestOf = (nth: number, port: number): string => {
  const path = `/bytes/${OBJECT_BYTES}/${nth % OBJECTS}`;
  const start = (method: string, target: string): string => `${method} ${target} HTTP/1.1\r\nHost: ${HOST}:${port}\r\n`;
  switch (nth % 5) {
    case 0:
      return `${start("GET", path)}Range: bytes=10-1009\r\n\r\n`;
    case 1:
      return `${start("HEAD", path)}\r\n`;
    case 2:
      return `${start("POST", path)}Content-Length: 11\r\n\r\nhello world`;
    default:
      return `${start("GET", path)}\r\n`;
  }
};

/** One connection that asks one thing after the other. */
const play = (port: number, account: Account): Promise<void> =>
  new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    let asked = 0;
    let isHead = false;
    const socket = createConnection({ port, host: "127.0.0.1", noDelay: true }, () => ask());
    const ask = (): void => {
      if (asked === REQUESTS_EACH) {
        socket.destroy();
        resolve();
        return;
      }
      const request = requestOf(asked++, port);
      isHead = request.startsWith("HEAD");
      account.requests += 1;
      account.sentBytes += request.length;
      socket.write(request);
    };
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      const headEnd = received.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      const head = received.toString("latin1", 0, headEnd);
      const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
      const size = headEnd + 4 + (isHead ? 0 : length);
      if (received.length < size) return;
      const status = Number(head.slice(9, 12));
      account.receivedBytes += size;
      account.statuses.set(status, (account.statuses.get(status) ?? 0) + 1);
      received = received.subarray(size);
      ask();
    });
  });

interface LogLine {
  readonly status: number;
  readonly result: string;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

const readAccessLog = async (folder: string): Promise<LogLine[]> => {
  const names = (await readdir(folder)).filter((name) => name.startsWith("access_"));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
  return texts
    .flatMap((text) => text.split("\n"))
    .filter((line) => line.startsWith("{"))
    .map((line) => {
      const record = parseRecord(line);
      return {
        status: Number(record.status),
        result: String(record.cache_result),
        receivedBytes: Number(record.bytes_received),
        sentBytes: Number(record.bytes_sent),
      };
    });
};

const sumOf = <Item>(items: readonly Item[], value: (item: Item) => number): number =>
  items.reduce((sum, item) => sum + value(item), 0);

const classOf = ({ statuses }: Account, first: number): number =>
  sumOf([...statuses], ([status, count]) => (Math.trunc(status / 100) === first ? count : 0));

const vhostXml = `<Stats><ClientLocal>ON</ClientLocal><OriginLocal>ON</OriginLocal></Stats>
    <Log><Access Form="json" Local="ON">ON</Access></Log>`;

await runCheck({ workers: 4, vhostXml: () => vhostXml }, async ({ edge, port, managerPort, expect }) => {
  const account: Account = { requests: 0, sentBytes: 0, receivedBytes: 0, statuses: new Map() };
  await Promise.all(Array.from({ length: CONNECTIONS }, () => play(port, account)));
  const ask = async (path: string): Promise<string> =>
    await (await fetch(`http://127.0.0.1:${managerPort}${path}`)).text();
  const agree = (what: string, counted: number, expected: number): void =>
    expect(counted === expected, `${what}: ${counted}, by the client's count ${expected}`);

  const samples = parseMetrics(await ask("/metrics"));
  const metric = (name: string, label?: string, value?: string): number =>
    sumMetric(samples, `basalt_${name}_total`, (labels) => label === undefined || labels[label] === value);
  agree("metrics: requests", metric("client_requests"), account.requests);
  agree("metrics: bytes received", metric("client_request_bytes"), account.sentBytes);
  const sentBytes = metric("client_response_head_bytes") + metric("client_response_body_bytes");
  agree("metrics: bytes sent", sentBytes, account.receivedBytes);
  for (const first of [2, 4, 5]) {
    agree(`metrics: ${first}xx`, metric("client_responses", "class", `${first}xx`), classOf(account, first));
  }

  let lines: LogLine[] = [];
  for (
    const limit = Date.now() + LOG_LIMIT_MS;
    Date.now() < limit && lines.length < account.requests;
    await delay(200)
  ) {
    lines = await readAccessLog(join(edge.home, "log", HOST));
  }
  agree("access log: lines", lines.length, account.requests);
  agree(
    "access log: bytes received",
    sumOf(lines, (line) => line.receivedBytes),
    account.sentBytes,
  );
  agree(
    "access log: bytes sent",
    sumOf(lines, (line) => line.sentBytes),
    account.receivedBytes,
  );
  const results = new Map<string, number>();
  for (const { result } of lines) results.set(result, (results.get(result) ?? 0) + 1);
  for (const [result, count] of results) {
    expect(
      metric("cache_results", "result", result) === count,
      `metrics and access log agree about ${result}: ${count}`,
    );
  }

  print("     waits for the minute to end");
  let host: Record<string, unknown> = {};
  for (const limit = Date.now() + MINUTE_LIMIT_MS; Date.now() < limit; await delay(500)) {
    host = recordAt(parseRecord(await ask("/monitoring/average?min=2")), "Host");
    if (Number(recordAt(host, "HttpCountSum").ClientReqCount) >= account.requests) break;
  }
  const sums = recordAt(host, "HttpCountSum");
  agree("JSON: requests", Number(sums.ClientReqCount), account.requests);
  agree("JSON: 2xx", Number(sums.ClientRes2xxCount), classOf(account, 2));
  const hits = recordAt(host, "HttpRequestHitSum");
  for (const [result, count] of results) agree(`JSON: ${result}`, Number(hits[result]), count);
  agree("JSON: requests to the origin", Number(sums.OriginReqCount), metric("origin_requests"));
  const bypassed = recordsAt(host, "VirtualHost")[0]?.ClientHttpReqBypassSum;
  agree("JSON: bypassed", Number(bypassed), metric("client_bypassed"));
  const xml = await ask("/monitoring/average.xml?min=2");
  const isSame = Object.entries({ ...sums, ...hits }).every(([name, value]) => xml.includes(` ${name}="${value}"`));
  expect(isSame, "XML: the totals of JSON");
});
