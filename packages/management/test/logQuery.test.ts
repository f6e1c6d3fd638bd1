import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeControl, openScene, type Scene } from "./scene.ts";

let control: FakeControl;
let scene: Scene;
beforeEach(async () => {
  control = new FakeControl();
  scene = await openScene(control);
});
afterEach(() => scene.close());

const REPORT = {
  columns: ["@timestamp", "hits"],
  rows: [
    ["2026-03-01T10:00:00.000Z", 2],
    [null, 3],
  ],
  recordsMatched: 5,
  recordsScanned: 9,
  bytesScanned: 900,
  files: 2,
  unreadable: [],
};

const path = (parameters: Readonly<Record<string, string>>): string =>
  `/monitoring/logquery?${Object.entries(parameters)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&")}`;

describe("/monitoring/logquery", () => {
  it("AWS-88 gives rows, and how many lines matched and were scanned", async () => {
    control.logQueryOutcome = { kind: "answer", report: REPORT };
    const query = "stats count(*) as hits by bin(1m)";
    const { status, text } = await scene.ask(
      path({ log: "Origin", vhost: "www.example.com", query, from: "2026-03-01T10:00:00Z" }),
    );
    expect([status, JSON.parse(text).result]).toEqual([
      200,
      {
        columns: REPORT.columns,
        rows: REPORT.rows,
        statistics: { recordsMatched: 5, recordsScanned: 9, bytesScanned: 900, files: 2 },
        unreadable: [],
      },
    ]);
    const fromMs = Date.UTC(2026, 2, 1, 10);
    expect(control.asked).toContain(`queryLogs origin www.example.com ${fromMs} undefined ${query}`);
  });

  it("AWS-88 gives text, and takes a query in a body", async () => {
    control.logQueryOutcome = { kind: "answer", report: REPORT };
    const body = `output=text&query=${encodeURIComponent("fields a + 1 | limit 3")}`;
    const { text } = await scene.ask("/monitoring/logquery", { method: "POST", body });
    expect(text).toBe(
      "@timestamp\thits\n2026-03-01T10:00:00.000Z\t2\n\t3\n# 5 of 9 lines matched, 900 bytes of 2 files\n",
    );
    expect(control.asked).toContain("queryLogs access undefined undefined undefined fields a + 1 | limit 3");
  });

  it.each([
    [
      "AWS-88 a query that is none",
      { query: "filter a like b" },
      400,
      "At character 15 of the query: behind like stands",
    ],
    ["a log that is none", { log: "secrets" }, 400, "The parameter log must be one of access"],
    ["a moment that is none", { from: "yesterday" }, 400, "The parameter from must be"],
    ["a host of a log of the server", { log: "info", vhost: "www.example.com" }, 400, "is not that of one host"],
    ["a host that is none", { vhost: "../../etc" }, 404, "No virtual host has this name."],
  ])("%s is refused", async (_, parameters, status, message) => {
    const answer = await scene.ask(path(parameters));
    expect([answer.status, JSON.parse(answer.text).result]).toEqual([status, expect.stringContaining(message)]);
    expect(control.asked.filter((call) => call.startsWith("queryLogs"))).toEqual([]);
  });

  it.each([
    ["2026-03-01", new Date(2026, 2, 1).getTime()],
    ["2026-03-01T10:00", new Date(2026, 2, 1, 10).getTime()],
    ["2026-03-01T10:00:00+09:00", Date.UTC(2026, 2, 1, 1)],
    ["1772359200", 1_772_359_200_000],
  ])("AWS-88 takes the moment %s", async (from, ms) => {
    await scene.ask(path({ from }));
    expect(control.asked).toContain(`queryLogs access undefined ${ms} undefined `);
  });

  it("AWS-88 says when it is too busy, and when a query takes too much", async () => {
    const busy = await scene.ask("/monitoring/logquery");
    expect([busy.status, busy.headers["retry-after"]]).toEqual([503, "5"]);
    control.logQueryOutcome = { kind: "tooMuch", message: "more than 30 seconds" };
    const late = await scene.ask("/monitoring/logquery?from=15m");
    expect([late.status, late.text]).toEqual([504, expect.stringContaining("given up: more than 30 seconds")]);
  });
});
