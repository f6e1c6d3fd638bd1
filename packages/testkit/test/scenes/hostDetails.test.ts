import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isEdgeBuilt, startEdge, startOrigin, type TestEdge, type TestOrigin } from "../../src/index.ts";
import { useShared } from "../../src/scenario/index.ts";
import { until } from "./support/originState.ts";

/** Scenes of what a host may have logged and measured of it (AWS-91, AWS-78): one edge with two workers. */

const DETAILED = "detailed.test";
const GRAVE = "grave.test";

let edge: TestEdge;
let origin: TestOrigin;

const linesOf = async (vhost: string, prefix: string): Promise<readonly string[]> => {
  const folder = join(edge.home, "log", vhost);
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith(`${prefix}_`));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "latin1")));
  return texts.flatMap((text) => text.split("\n")).filter((line) => line !== "" && !line.startsWith("#"));
};

const open = async (): Promise<void> => {
  origin = await startOrigin();
  origin.on("/there").reply(200, { "Cache-Control": "max-age=600", "Set-Cookie": "id=hush" }, "x".repeat(100));
  origin.on("/missing").reply(404, {}, "no");
  const at = origin.address;
  edge = await startEdge({
    workers: 2,
    vhosts: [
      {
        name: DETAILED,
        origin: at,
        xml: '<Log><Access Local="ON" Form="alb" Name="edge-1">ON</Access><Detail Mask="X-Own">ON</Detail></Log>',
      },
      {
        name: GRAVE,
        origin: at,
        xml: '<Log Level="WARNING"><Access Local="ON">ON</Access><Origin Local="ON">ON</Origin></Log><Stats><DetailedMetrics>OFF</DetailedMetrics></Stats>',
      },
    ],
  });
};

useShared(open, async () => {
  await edge?.close();
  await origin?.close();
});

interface History {
  readonly series: readonly { readonly Sum: number | null; readonly Label: string }[];
}

/** Of the hour before and the one after this moment, as the edge's clock may be ahead. */
const historyOf = async (vhost: string, metrics: string): Promise<History["series"]> => {
  const start = Math.floor(Date.now() / 1000) - 3_600;
  const query = `vhost=${vhost}&start=${start}&end=${start + 10_800}&period=300&metrics=${encodeURIComponent(metrics)}`;
  const answer = await edge.control(`/monitoring/metricstatistics?${query}`);
  const { result }: { readonly result: History } = JSON.parse(answer.text);
  return result.series;
};

describe.skipIf(!isEdgeBuilt() && process.env.CI === undefined)("what a host has logged and measured", () => {
  it("AWS-91 AWS-16 whole heads of all workers without their secrets, and lines of the form alb", async () => {
    const headers = { authorization: "Basic dTpw", "x-own": "mine", "x-shown": "yes" };
    for (let count = 0; count < 10; count++) await edge.get("/there", { host: DETAILED, headers }).expect(200);
    let details: readonly string[] = [];
    await until("ten lines", async () => {
      details = await linesOf(DETAILED, "detail");
      return details.length === 10 && (await linesOf(DETAILED, "access")).length === 10;
    });
    const records = details.map((line) => JSON.parse(line));
    for (const { request, response } of records) {
      expect(request.line).toBe("GET /there HTTP/1.1");
      expect(request.fields).toContainEqual(["x-shown", "yes"]);
      expect(request.fields).toContainEqual(["authorization", "Basic ***"]);
      expect(response.line).toBe("HTTP/1.1 200 OK");
    }
    expect(details.join("")).not.toMatch(/dTpw|hush|mine/);
    const alb = await linesOf(DETAILED, "access");
    expect(alb.filter((line) => / "forward" "-" "-" "127\.0\.0\.1:\d+" "200" /.test(line))).toHaveLength(1);
    expect(alb.every((line) => /^http \S+Z edge-1 127\.0\.0\.1:\d+ /.test(line))).toBe(true);
  });

  it("AWS-91 a host with the level WARNING logs what went wrong alone, and has no series of its own", async () => {
    await edge.get("/there", { host: GRAVE }).expect(200);
    await edge.get("/missing", { host: GRAVE }).expect(404);
    await until("a line", async () => (await linesOf(GRAVE, "access")).length > 0);
    for (const log of ["access", "origin"]) {
      expect(await linesOf(GRAVE, log)).toEqual([expect.stringContaining(" /missing ")]);
    }
    const metrics = await edge.metrics();
    expect(metrics.sum("basalt_client_requests_total", { vhost: GRAVE })).toBe(0);
    expect(metrics.sum("basalt_client_requests_total", { vhost: "_other" })).toBe(2);
  });

  it("AWS-78 the history of a host outlives a full restart", async () => {
    await edge.clock.advance(300);
    const math = "Count,CacheHitCount/Count*100";
    await until("a record", async () => (await historyOf(DETAILED, math))[0]?.Sum === 10);
    await edge.restartEverything();
    const [count, ratio] = await historyOf(DETAILED, math);
    expect(count?.Label).toBe("Count max 10 avg 10 sum 10");
    expect(ratio?.Sum).toBe(90);
    expect((await historyOf(GRAVE, "Count"))[0]?.Sum).toBeNull();
  });

  it("AWS-89 AWS-91 AWS-101: what detail and trace logs have left that are off by now becomes too old", async () => {
    const folder = join(edge.home, "log", "quiet.test");
    await mkdir(folder, { recursive: true });
    const old = ["detail_20200101_0000.log.gz", "trace_20200101_0000.log.gz", "other_20200101_0000.log.gz"];
    for (const name of old) await writeFile(join(folder, name), "old");
    const xml = '<Log><Detail RetentionDays="1">OFF</Detail><Trace RetentionDays="1">ON</Trace></Log>';
    await edge.addVhost({ name: "quiet.test", origin: origin.address, xml });
    expect((await edge.reload()).status).toBe("OK");
    await until("they are gone", async () => (await readdir(folder)).join() === "other_20200101_0000.log.gz");
  });
});
