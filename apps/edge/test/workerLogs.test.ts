import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EdgeConfig, parseConfig } from "@basalt/config";
import type { OriginTransaction } from "@basalt/origin";
import { type ClientTransaction, LineMemo } from "@basalt/telemetry";
import { FileTransaction } from "@basalt/telemetry/logs";
import { AdjustableClock } from "@basalt/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WorkerLogs } from "../src/logs/workerLogs.ts";

let home: string;
let logs: WorkerLogs;

const configOf = (log: string): EdgeConfig => {
  const sources = new Map([
    ["server.xml", "<Server/>"],
    ["vhosts.xml", `<Vhosts><Vhost Name="a.test"><Origin><Address>10.0.0.1</Address></Origin>${log}</Vhost></Vhosts>`],
  ]);
  const outcome = parseConfig(sources, { home, generation: 1, cores: 1, hostName: "edge" });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return outcome.config;
};

/** What a worker does in small steps. */
const finish = (preparing: Generator<void, () => void>): void => {
  for (let step = preparing.next(); ; step = preparing.next()) {
    if (step.done !== true) continue;
    step.value();
    return;
  }
};

const configure = (log: string): void =>
  finish(logs.prepare(configOf(`<Log>${log}</Log>`), { home, notices: [], traced: [] }));

const filesOf = async (prefix: string, host = "a.test"): Promise<readonly string[]> => {
  await logs.flush();
  const folder = join(home, "log", host);
  const names = await readdir(folder).catch(() => []);
  return Promise.all(
    names.filter((name) => name.startsWith(prefix)).map((name) => readFile(join(folder, name), "utf8")),
  );
};

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "basalt-logs-"));
  const nothing = (): void => {};
  logs = new WorkerLogs({
    clock: new AdjustableClock(),
    tellWritten: nothing,
    tellReleased: nothing,
    tellTraced: nothing,
    warn: nothing,
    onDropped: nothing,
  });
});
afterEach(async () => {
  await logs.close();
  await rm(home, { recursive: true });
});

describe("the file system log of a host", () => {
  const use = (path: string): void => {
    const parts = { monotonicMs: () => 0, nextSession: () => 9n, log: logs.logFileAccess };
    const file = FileTransaction.ofFile(parts, "a.test", path);
    file.read(12);
    file.end({ status: "normal", result: "TCP_MISS", kind: "FILE" });
  };

  it("LOG-09 LOG-148 LOG-149 gets a line for each use, behind the names of its columns", async () => {
    configure('<FileSystem Type="size" Unit="5">ON</FileSystem>');
    use("/a");
    use("/b c");
    const [text = "", ...others] = await filesOf("filesystem_");
    expect(others).toEqual([]);
    const [header, ...lines] = text.trim().split("\n");
    expect(header).toContain("#Fields: date time cs-method cs-path");
    expect(lines.map((line) => line.split(" ").slice(2).join(" "))).toEqual([
      "READ /a 200 12 0 0 TCP_MISS FILE 9",
      "READ /b+c 200 12 0 0 TCP_MISS FILE 9",
    ]);
  });

  it("LOG-25 LOG-148 has no file when it is off", async () => {
    configure("<FileSystem>OFF</FileSystem>");
    use("/a");
    expect(await filesOf("filesystem_")).toEqual([]);
  });
});

describe("what a host logs of its transactions", () => {
  const SENT = { text: "HTTP/1.1 200 OK\r\nSet-Cookie: id=secret", isWhole: true };

  const transaction = (status: number, changes: Partial<ClientTransaction> = {}): ClientTransaction => ({
    vhostName: "a.test",
    sessionText: "7",
    method: "GET",
    target: `/${status}`,
    host: "a.test",
    protocol: "http",
    httpVersion: "1.1",
    clientIp: "61.50.7.9",
    clientPort: 40_000,
    serverIp: "220.134.10.5",
    serverPort: 80,
    fields: { get: () => undefined },
    requestHeadBytes: 100,
    requestBodyBytes: 0,
    status,
    headBytesSent: 50,
    bodyBytesSent: 9,
    contentLength: 9,
    contentCoding: undefined,
    result: "TCP_HIT",
    bypassKind: "none",
    isComplete: true,
    startedAtMs: Date.now(),
    elapsedMs: 5,
    firstByteMs: 2,
    tls: undefined,
    trace: undefined,
    memo: new LineMemo(),
    ...changes,
  });

  const originTransaction = (startedAtMs: number): OriginTransaction => ({
    vhost: "a.test",
    server: "10.0.0.1",
    serverIp: "10.0.0.1",
    serverPort: 80,
    domain: "10.0.0.1",
    purpose: "cache",
    method: "GET",
    target: "/200",
    host: "a.test",
    requestField: () => undefined,
    responseField: () => undefined,
    status: 200,
    requestHeadBytes: 100,
    requestBodyBytes: 0,
    responseHeadBytes: 100,
    responseBodyBytes: 10,
    startedAtMs,
    dnsMs: 0,
    connectMs: 1,
    sendMs: 1,
    firstByteMs: 1,
    completeMs: 1,
    isReused: false,
    connectionNumber: 1,
    transactionNumber: 1,
    localIp: "10.0.0.2",
    ended: "complete",
    sessionId: 7n,
    cause: undefined,
  });

  const targetsIn = (texts: readonly string[]): readonly (string | undefined)[] =>
    texts
      .flatMap((text) => text.trim().split("\n"))
      .filter((line) => !line.startsWith("#"))
      .map((line) => line.split(" ")[4]);

  it.each([
    ["", ["/200", "/404", "/500"]],
    [' Level="WARNING"', ["/404", "/500"]],
    [' Level="error"', ["/500"]],
  ])("AWS-91 with <Log%s> the access log has %j", async (level, targets) => {
    finish(logs.prepare(configOf(`<Log${level}/>`), { home, notices: [], traced: [] }));
    for (const status of [200, 404, 500]) logs.logAccess(transaction(status));
    expect(targetsIn(await filesOf("access_"))).toEqual(targets);
  });

  it("AWS-91 LOG-48 the level of a host says nothing of requests of no host", async () => {
    finish(logs.prepare(configOf('<Log Level="ERROR"/>'), { home, notices: [], traced: [] }));
    logs.logAccess(transaction(404, { vhostName: undefined }));
    expect(targetsIn(await filesOf("access_", "unknown"))).toEqual(["/404"]);
  });

  it("AWS-91 AWS-79 metric filters count lines below the level too", () => {
    finish(
      logs.prepare(
        configOf('<Log Level="ERROR"><MetricFilter Name="f" Namespace="n" Metric="m">/404</MetricFilter></Log>'),
        { home, notices: [], traced: [] },
      ),
    );
    for (const status of [200, 404, 404]) logs.logAccess(transaction(status));
    expect(logs.takeMetrics()).toEqual([{ vhost: "a.test", filter: "f", lines: 3, matches: 2, sum: 2 }]);
  });

  it("AWS-04 AWS-16 tells each of two logs of the origin server, and the next request of neither", async () => {
    configure('<Access Form="elb">ON</Access><AccessExtra Form="alb">ON</AccessExtra>');
    const startedAtMs = Date.now();
    logs.logOrigin(originTransaction(startedAtMs));
    logs.logAccess(transaction(200, { startedAtMs }));
    logs.logAccess(transaction(200, { startedAtMs }));
    const linesOf = async (prefix: string) => (await filesOf(prefix)).join("").trim().split("\n");
    expect((await linesOf("access_")).map((line) => line.split(" ")[3])).toEqual(["10.0.0.1:80", "-"]);
    expect((await linesOf("accessextra_")).map((line) => line.split(" ")[4])).toEqual(["10.0.0.1:80", "-"]);
  });

  it("AWS-91 has the heads in a file of its own where <Detail> is on, and no secret in it", async () => {
    configure('<Detail Mask="X-Token">ON</Detail>');
    const heads = { requestFields: () => ["Host", "a.test", "X-Token", "hush", "Cookie", "id=secret"], response: SENT };
    logs.logAccess(transaction(200, { heads }));
    logs.logAccess(transaction(404));
    const [text = "", ...others] = await filesOf("detail_");
    expect(others).toEqual([]);
    expect(text).not.toMatch(/hush|secret/);
    expect(JSON.parse(text)).toMatchObject({
      vhost: "a.test",
      session_id: "7",
      request: {
        line: "GET /200 HTTP/1.1",
        fields: [
          ["Host", "a.test"],
          ["X-Token", "***"],
          ["Cookie", "id=***"],
        ],
      },
      response: { line: "HTTP/1.1 200 OK", fields: [["Set-Cookie", "id=***"]] },
    });
  });
});
