import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { QueryLimitError } from "../../src/query/contract.ts";
import { QuantileSketch } from "../../src/query/quantileSketch.ts";
import { type LogQuestion, runLogQuery } from "../../src/query/runLogQuery.ts";

const HEADER = "#Fields: date time c-ip cs-method cs-uri-stem sc-status sc-bytes time-taken\n";
const line = (time: string, path: string, status: number, bytes: number, took: number): string =>
  `2026.03.01 ${time} 10.0.0.1 GET ${path} ${status} ${bytes} ${took}\n`;
const localMs = (time: string): number => new Date(`2026-03-01T${time}`).getTime();

let home: string;

/** A rotated and compressed file, a rotated one and the one in use of one host, and a log of JSON of another. */
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "query-"));
  const shop = join(home, "shop");
  const api = join(home, "api");
  await mkdir(shop);
  await mkdir(api);
  const first = HEADER + line("10:00:01", "/a", 200, 100, 10) + line("10:00:59", "/b", 404, 5, 20);
  const second = HEADER + line("10:01:10", "/a", 200, 100, 30) + line("10:01:20", "/a?x=1", 500, 7, 4000);
  await writeFile(join(shop, "access_20260301_1000.log.gz"), gzipSync(first));
  await writeFile(join(shop, "access_20260301_1001.log"), second);
  await writeFile(
    join(shop, "access_20260301_1002.log"),
    `${HEADER}${line("10:02:00", "/c", 200, 50, 1)}2026.03.01 10:02`,
  );
  await writeFile(join(shop, "origin_20260301_1000.log"), "not asked for\n");
  const records = [
    { time: "2026-03-01T10:00:00.500Z", path: "/j", status: 200, bytes_sent: 10, tls: { version: "TLSv1.3" } },
    { time: "2026-03-01T10:00:01.500Z", path: "/j", status: 503, bytes_sent: 30 },
  ];
  await writeFile(
    join(api, "access_20260301_1000.log"),
    records.map((record) => `${JSON.stringify(record)}\n`).join(""),
  );
});
afterAll(() => rm(home, { recursive: true, force: true }));

const ask = (query: string, more: Partial<LogQuestion> = {}) =>
  runLogQuery(
    {
      query,
      sources: [{ vhost: "shop", kind: "access", folder: join(home, "shop"), form: "ston" }],
      fromMs: undefined,
      toMs: undefined,
      limitMs: 30_000,
      ...more,
    },
    () => 0,
  );

const rowsOf = async (query: string, more?: Partial<LogQuestion>) => (await ask(query, more)).rows;

const API = [{ vhost: "api", kind: "access", folder: "", form: "json" }];

describe("a query over the files of a log", () => {
  it("AWS-88 reads rotated, compressed and growing files, and says how many lines matched and were scanned", async () => {
    const report = await ask('filter cs-uri-stem like "/a" | fields cs-uri-stem | sort @timestamp');
    expect(report).toMatchObject({
      columns: ["cs-uri-stem"],
      rows: [["/a"], ["/a"], ["/a?x=1"]],
      recordsMatched: 3,
      recordsScanned: 5,
      files: 3,
      unreadable: [],
    });
    expect(report.bytesScanned).toBeGreaterThan(300);
  });

  it("AWS-88 shows moment and line, the newest first, when nothing is chosen", async () => {
    const { columns, rows } = await ask("limit 2");
    expect(columns).toEqual(["@timestamp", "@message"]);
    expect(rows).toEqual([
      [new Date(localMs("10:02:00")).toISOString(), line("10:02:00", "/c", 200, 50, 1).trimEnd()],
      [new Date(localMs("10:01:20")).toISOString(), line("10:01:20", "/a?x=1", 500, 7, 4000).trimEnd()],
    ]);
  });

  it("AWS-88 counts by minute", async () => {
    const minute = (time: string): string => new Date(localMs(time)).toISOString();
    expect(await rowsOf("stats count(*) as hits, sum(sc-bytes) by bin(1m) as minute | sort minute")).toEqual([
      [minute("10:00:00"), 2, 105],
      [minute("10:01:00"), 2, 107],
      [minute("10:02:00"), 1, 50],
    ]);
  });

  it.each([
    ["stats count(*), sum(time-taken), avg(time-taken), min(time-taken), max(time-taken)", [5, 4061, 812.2, 1, 4000]],
    ["stats count_distinct(cs-uri-stem), latest(cs-uri-stem), earliest(sc-status)", [4, "/c", "200"]],
    ["filter sc-status >= 400 | stats count(*)", [2]],
    ["filter sc-status >= 400 and not (cs-uri-stem like '?') | stats count(*)", [1]],
    ["filter cs-uri-stem like /^.a$/ | stats count(*)", [2]],
    ["filter cs-uri-stem not like '/a' | stats count(*)", [2]],
    ["filter sc-status in [404, 500] or cs-uri-stem = '/c' | stats count(*)", [3]],
    ["filter ispresent(cs-username) | stats count(*)", [0]],
    ["parse @message '* *.*.*.* *' as a, b, c, d, e, f | filter f like 'GET' | stats count(f)", [5]],
    ["parse cs-uri-stem '?x=*' as x | filter x = 1 | stats count(*)", [1]],
    ["fields time-taken / 1000 as seconds | filter seconds > 1 | stats max(seconds)", [4]],
    ["fields strlen(cs-uri-stem) as n | stats max(n), min(-n)", [6, -6]],
    ["stats sum(nothing), avg(nothing), pct(nothing, 50)", [null, null, null]],
    ["filter @timestamp > 1 and 1 / 0 > 0 | stats count(*)", [0]],
  ])("AWS-88 %s", async (query, row) => {
    expect(await rowsOf(query)).toEqual([row]);
  });

  it("AWS-88 percentiles are right to one percent", async () => {
    const [[median, most] = []] = await rowsOf("stats pct(time-taken, 50), p100(time-taken)");
    expect(Number(median)).toBeCloseTo(20, 0);
    expect(Number(most)).toBeGreaterThan(3960);
    expect(Number(most)).toBeLessThan(4040);
  });

  it("AWS-88 groups by a field, sorted by what was counted", async () => {
    const query = "stats count(*) by sc-status | sort count(*) desc, sc-status asc";
    expect(await rowsOf(query)).toEqual([
      ["200", 3],
      ["404", 1],
      ["500", 1],
    ]);
  });

  it("AWS-88 reads lines of JSON, with the fields of their objects, and several hosts", async () => {
    const api = { sources: API.map((source) => ({ ...source, folder: join(home, "api") })) };
    expect(await rowsOf("filter status = 200 | fields tls.version, @vhost, bytes_sent * 2 as twice", api)).toEqual([
      ["TLSv1.3", "api", 20],
    ]);
    expect(await rowsOf("stats count(*) by @vhost", { sources: [...api.sources] })).toEqual([["api", 2]]);
  });

  it("AWS-88 a time from and to leaves out lines and whole files", async () => {
    const report = await ask("stats count(*)", { fromMs: localMs("10:01:00"), toMs: localMs("10:01:15") });
    expect(report.rows).toEqual([[1]]);
    expect(report.files).toBeLessThan(3);
  });

  it("what takes too long or too much is given up", async () => {
    let now = 0;
    const sources = [{ vhost: "shop", kind: "access", folder: join(home, "shop"), form: "ston" }];
    const question = { query: "", sources, fromMs: undefined, toMs: undefined, limitMs: 10 };
    await expect(runLogQuery(question, () => (now += 20))).rejects.toThrow(QueryLimitError);
    const big = join(home, "big");
    await mkdir(big);
    await writeFile(
      join(big, "access_20260301_1000.log"),
      Array.from({ length: 10_001 }, (_, at) => `{"a":${at}}\n`).join(""),
    );
    const many = { sources: [{ vhost: "", kind: "access", folder: big, form: "json" }] };
    await expect(ask("stats count(*) by a", many)).rejects.toThrow("more than 10000 groups");
    const latest = await ask("stats count(*) by a % 10 as tens | sort tens | limit 1", many);
    expect(latest.rows).toEqual([[0, 1001]]);
    expect((await ask("fields a | sort a desc | limit 3", many)).rows).toEqual([[10_000], [9_999], [9_998]]);
  });

  it("AWS-88 an expression that tries all ways of matching a line is ended when the time is over", async () => {
    const slow = join(home, "slow");
    await mkdir(slow);
    await writeFile(join(slow, "access_20260301_1000.log"), `${"a".repeat(60)}!\n`);
    const sources = [{ vhost: "", kind: "access", folder: slow, form: "" }];
    const query = "filter @message like /^(a+)+$/ | stats count(*)";
    await expect(ask(query, { sources, limitMs: 300 })).rejects.toThrow(QueryLimitError);
  });

  it("AWS-88 an answer is bounded, however many columns repeat a line", async () => {
    const long = join(home, "long");
    await mkdir(long);
    await writeFile(join(long, "access_20260301_1000.log"), `${"x".repeat(2_000)}\n`.repeat(200));
    const sources = [{ vhost: "", kind: "access", folder: long, form: "" }];
    const columns = Array.from({ length: 100 }, (_, at) => `@message as a${at}`).join(", ");
    await expect(ask(`fields ${columns} | limit 200`, { sources })).rejects.toThrow(QueryLimitError);
    expect((await ask(`fields ${columns} | limit 50`, { sources })).rows).toHaveLength(50);
  });

  it("AWS-88 a file that is being compressed is read once", async () => {
    const both = join(home, "both");
    await mkdir(both);
    await writeFile(join(both, "access_20260301_1000.log"), '{"a":1}\n');
    await writeFile(join(both, "access_20260301_1000.log.gz"), gzipSync('{"a":1}\n'));
    await writeFile(join(both, "access_20260301_1001.log"), '{"a":1}\n');
    await writeFile(join(both, "access_20260301_1001.log.gz"), gzipSync('{"a":1}\n{"a":2}\n'));
    const report = await ask("stats count(*)", { sources: [{ vhost: "", kind: "access", folder: both, form: "" }] });
    expect(report).toMatchObject({ rows: [[4]], unreadable: [] });
  });

  it("a file that is no gzip is said to be unreadable, and the others are read", async () => {
    const bad = join(home, "bad");
    await mkdir(bad);
    await writeFile(join(bad, "access_20260301_1000.log.gz"), "no gzip at all");
    await writeFile(join(bad, "access_20260301_1001.log"), '{"a":1}\n');
    const report = await ask("stats count(*)", { sources: [{ vhost: "bad", kind: "access", folder: bad, form: "" }] });
    expect(report).toMatchObject({ rows: [[1]], unreadable: ["bad/access_20260301_1000.log.gz"] });
  });
});

it("a sketch knows each quantile to about one percent", () => {
  const values = fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (numbers, share) => {
      const sketch = new QuantileSketch();
      for (const number of numbers) sketch.add(number);
      const exact =
        numbers.toSorted((one, other) => one - other)[Math.max(1, Math.ceil(share * numbers.length)) - 1] ?? 0;
      expect(Math.abs((sketch.quantile(share) ?? 0) - exact)).toBeLessThanOrEqual(Math.abs(exact) * 0.011 + 1e-8);
    }),
  );
});
