import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EdgeConfig, parseConfig } from "@basalt/config";
import { createInfoLog, type InfoLogFile } from "@basalt/telemetry";
import { AdjustableClock } from "@basalt/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HostLogs } from "../src/logs/hostLogs.ts";
import { LogTraces } from "../src/logs/logTraces.ts";
import { type TracedLines, TraceOutbox } from "../src/logs/traceOutbox.ts";

const SERVER = "<Server><Cache><OriginErrorLog>ON</OriginErrorLog></Cache></Server>";
const VHOSTS =
  '<Vhosts><Vhost Name="a.test"><Origin><Address>o.test</Address></Origin></Vhost><Vhost Name="b.test"><Origin><Address>o.test</Address></Origin><Log><Monitoring Form="xml">ON</Monitoring></Log></Vhost></Vhosts>';

let home: string;
let log: InfoLogFile;
let logs: HostLogs;
const told: string[][] = [];
const files: unknown[] = [];

const configOf = (vhosts: string, server = SERVER): EdgeConfig => {
  const sources = new Map([
    ["server.xml", server],
    ["vhosts.xml", vhosts],
  ]);
  const outcome = parseConfig(sources, { home, generation: 1, cores: 1, hostName: "edge" });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return outcome.config;
};

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "basalt-logs-"));
  told.length = 0;
  files.length = 0;
  const clock = new AdjustableClock();
  log = createInfoLog(join(home, "log", "info.log"), clock);
  logs = new HostLogs(
    {
      home,
      clock,
      log,
      workers: () => [],
      tellNotices: (notices) => files.push(...notices.map(({ log: id, closing }) => [id, closing !== undefined])),
      tellTraced: (traced) => told.push([...traced]),
      onDropped: () => {},
    },
    configOf(VHOSTS),
  );
});
afterEach(async () => {
  await logs.close();
  await log.close();
  await rm(home, { recursive: true });
});

/** What is in a log, without the moments of its lines. */
const linesOf = async (folder: string, prefix: string): Promise<readonly string[]> => {
  await logs.close();
  const names = (await readdir(join(home, "log", folder))).filter((name) => name.startsWith(prefix));
  const texts = await Promise.all(names.map((name) => readFile(join(home, "log", folder, name), "utf8")));
  return texts.join("").trim().split("\n");
};

describe("files of a reload", () => {
  it("LOG-26 LOG-29 are told to workers when these write lines of the new form", () => {
    logs.configure(configOf(VHOSTS.replace('Form="xml"', 'Form="json"')));
    expect(files).toEqual([]);
    logs.tellChanges();
    logs.tellChanges();
    expect(files).toEqual([["monitoring b.test", true]]);
  });
});

describe("lines of the primary", () => {
  it("LOG-49 LOG-50 A17 of spec 10: a line for each resolution, and one that says fail", async () => {
    const answer = [
      { ip: "1.1.1.1", ttlSeconds: 30 },
      { ip: "1.1.1.2", ttlSeconds: 20 },
    ];
    for (const isNews of [true, false]) {
      logs.noteOriginEvent({ kind: "resolved", vhost: "a.test", domain: "o.test", answer, isNews, durationMs: 9 });
    }
    logs.noteOriginEvent({
      kind: "unresolved",
      vhost: "a.test",
      domain: "o.test",
      reason: "silent",
      durationMs: 15_007,
    });
    expect((await linesOf("a.test", "dns")).map((line) => line.replace(/^\d\S+ \S+ /, ""))).toEqual([
      "#Fields: date time domain ttl ip-list ip-count time-taken result",
      "o.test 20 1.1.1.1,1.1.1.2 2 9 success",
      "o.test 20 1.1.1.1,1.1.1.2 2 9 success",
      "o.test 0 - 0 15007 fail",
    ]);
  });

  it("LOG-40 the list of servers follows an exclusion, and nothing else brings it", async () => {
    const vhost = "a.test";
    logs.noteOriginEvent({ kind: "servers", vhost, inService: ["o.test 1.1.1.1"] });
    logs.noteOriginEvent({ kind: "excluded", vhost, server: "o.test 1.1.1.1", source: "exchanges", reason: "x" });
    logs.noteOriginEvent({ kind: "servers", vhost, inService: ["o.test 1.1.1.2", "o.test 1.1.1.3"] });
    logs.noteOriginEvent({ kind: "servers", vhost, inService: [] });
    expect((await linesOf("", "originerror")).slice(1).map((line) => line.replace(/^#\S+ \S+ /, ""))).toEqual([
      "[a.test] 1.1.1.1 excluded from service",
      "[a.test] Origin server list: 1.1.1.2,1.1.1.3",
    ]);
  });

  it("LOG-146 LOG-147 A16 of spec 10: each window is one line of the host, in its form", async () => {
    const asked: (string | undefined)[] = [];
    for (let window = 0; window < 12; window++) {
      await logs.logMonitoring((formOf) => {
        asked.push(formOf("a.test"), formOf("b.test"), formOf("nobody.test"));
        return [["a.test", `{"Window":${window},"Name":"é"}`]];
      });
    }
    expect(asked.slice(0, 3)).toEqual(["json", "xml", undefined]);
    const records = (await linesOf("a.test", "monitoring")).map((line): unknown => JSON.parse(line));
    expect(records).toEqual(Array.from({ length: 12 }, (_, Window) => ({ Window, Name: "é" })));
  });

  it("LOG-31 LOG-146 the records of many hosts leave the process its turns, and are all there", async () => {
    let made = 0;
    const record = "x".repeat(100_000);
    const logging = logs.logMonitoring(function* () {
      for (; made < 500; made++) yield ["a.test", record];
    });
    expect(made).toBeLessThan(100);
    await logging;
    expect((await linesOf("a.test", "monitoring")).filter((line) => line === record).length).toBe(500);
  });

  it("LOG-36 refused clients are in the deny log", async () => {
    logs.noteDenied("3.3.3.3", "3.3.3.1-255");
    expect((await linesOf("", "deny"))[1]).toMatch(/ 3\.3\.3\.3 3\.3\.3\.1-255$/);
  });

  it("STAT-97 a trace of the info log brings its lines, until it is closed", async () => {
    const stream = logs.trace("info");
    if (stream === undefined) throw new Error("no trace");
    const heard: string[] = [];
    stream.on("data", (data: Buffer) => heard.push(String(data)));
    log.notice("heard");
    await new Promise((resolve) => setImmediate(resolve));
    stream.destroy();
    await new Promise((resolve) => stream.once("close", resolve));
    log.notice("not heard");
    expect(heard.join("")).toMatch(/\[NOTICE\] heard\n$/);
    expect(told).toEqual([["info"], []]);
  });
});

describe("the trace of syslog", () => {
  it("OPEN-S11 brings what is handed to syslog, of every log, and nothing else", async () => {
    const receiver = '<SysLog Priority="local3.info" Dest="127.0.0.1:9"/>';
    const server = `<Server><Cache><InfoLog SysLog="ON">ON${receiver}</InfoLog><DenyLog SysLog="ON">OFF${receiver}</DenyLog><OriginErrorLog>ON</OriginErrorLog></Cache></Server>`;
    logs.configure(configOf(VHOSTS, server));
    const stream = logs.trace("sys");
    if (stream === undefined) throw new Error("no trace");
    const heard: string[] = [];
    stream.on("data", (data: Buffer) => heard.push(String(data)));
    log.notice("of the server");
    logs.noteDenied("3.3.3.3", "3.3.3.1-255");
    logs.noteOriginEvent({ kind: "unresolved", vhost: "a.test", domain: "o.test", reason: "none", durationMs: 1 });
    await new Promise((resolve) => setImmediate(resolve));
    stream.destroy();
    await new Promise((resolve) => stream.once("close", resolve));
    log.notice("not heard");
    const lines = heard.join("").trim().split("\n");
    expect(lines.map((line) => line.replace(/^.* (STON\/\w+: )[\d.-]+ [\d:]+ /, "$1"))).toEqual([
      "STON/INFO: [NOTICE] of the server",
      "STON/DENY: 3.3.3.3 3.3.3.1-255",
    ]);
  });
});

describe("traces", () => {
  it("STAT-101 cost a slow reader lines, which it is told of, and are bounded in number", () => {
    const traces = new LogTraces(() => {});
    const slow = traces.open("access a");
    if (slow === undefined) throw new Error("no trace");
    const lines = Buffer.from(`${"x".repeat(99)}\n`.repeat(1_000));
    for (let index = 0; index < 30; index++) traces.offer({ log: "access a", lines, lost: 0 });
    traces.offer({ log: "access b", lines, lost: 0 });
    expect(slow.readableLength).toBeLessThanOrEqual(1024 * 1024);
    slow.read();
    traces.offer({ log: "access a", lines: Buffer.from("next\n"), lost: 7 });
    expect(String(slow.read())).toBe("# 20007 lines were lost\nnext\n");
    const others = Array.from({ length: 40 }, () => traces.open("access a"));
    expect(others.filter((stream) => stream !== undefined)).toHaveLength(31);
    traces.close();
  });

  it("STAT-101 leave a worker in pieces, whole lines only, the rest counted", async () => {
    const sent: TracedLines[] = [];
    const outbox = new TraceOutbox((lines) => sent.push(lines));
    const line = Buffer.alloc(1_000, "x");
    for (let index = 0; index < 300; index++) outbox.add("access a", line);
    await expect.poll(() => sent.length).toBe(1);
    const [piece] = sent;
    expect((piece?.lines.length ?? 0) / 1_001 + (piece?.lost ?? 0)).toBe(300);
    expect(piece?.lost).toBeGreaterThan(0);
  });
});
