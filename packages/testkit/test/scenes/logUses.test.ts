import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { constants, gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  findFreePort,
  isEdgeBuilt,
  startEdge,
  startFtp,
  startOrigin,
  type TestEdge,
  type TestFtp,
  type TestOrigin,
} from "../../src/index.ts";
import { useShared } from "../../src/scenario/index.ts";
import { until } from "./support/originState.ts";

/** Scenes of what becomes of logs: uploads and metrics, one edge with two workers. */

const HOST = "shop.test";

let origin: TestOrigin;
let edge: TestEdge;
let server: TestFtp;
let deadPort: number;

const clients = (password: string, type: string): string => `
  <Ftp Name="a"><Mode>Active</Mode><Address>127.0.0.1:${server.port}</Address>
    <Account><ID>log</ID><Password Type="${type}">${password}</Password></Account></Ftp>
  <Ftp Name="b"><Address>127.0.0.1:${deadPort}</Address><ConnectTimeout>5</ConnectTimeout>
    <BackupOnFail>ON</BackupOnFail></Ftp>`;

const log = (form: string): string => `<Log>
  <Access Local="ON" Compression="ON" Ftp="a, b" Form="${form}">ON</Access>
  <MetricFilter Name="notfound" Namespace="shop" Metric="NotFound" Default="0">[..., sc-status=404, sc-bytes, time-taken, referer, info, range, hit, encoding, session, length]</MetricFilter>
  <MetricFilter Name="bytes" Value="$length">[..., length]</MetricFilter>
</Log>`;

const vhostsWith = (form: string) => [{ name: HOST, origin: origin.address, xml: log(form) }];

const uploadLog = async (): Promise<readonly string[]> => {
  const text = await readFile(join(edge.home, "sys", "stonb", "stonb.log"), "utf8").catch(() => "");
  return text.split("\n").filter((line) => line !== "");
};

/** The end of what was cut off on its way is not there. */
const unpacked = (bytes: Buffer): string => gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).toString();

const stored = (): string => [...server.files.values()].map(unpacked).join("");

const open = async (): Promise<void> => {
  origin = await startOrigin();
  origin.on("/there").reply(200, { "Cache-Control": "max-age=600" }, "x".repeat(100));
  origin.on("/missing").reply(404, {}, "no");
  server = await startFtp();
  deadPort = await findFreePort();
  edge = await startEdge({
    workers: 2,
    rootXml: clients("secret", "plain"),
    vhosts: vhostsWith("ston"),
  });
};

useShared(open, async () => {
  await edge?.close();
  await server?.close();
  await origin?.close();
});

describe.skipIf(!isEdgeBuilt() && process.env.CI === undefined)("what becomes of logs", () => {
  it("AWS-79 AWS-82 filters on the access log of all workers are metrics", async () => {
    for (let count = 0; count < 12; count++) await edge.get("/there", { host: HOST }).expect(200);
    for (let count = 0; count < 5; count++) await edge.get("/missing", { host: HOST }).expect(404);
    await until("all are counted", async () => {
      const metrics = await edge.metrics();
      return metrics.sum("basalt_log_metric_matches_total", { vhost: HOST, filter: "bytes" }) === 17;
    });
    const metrics = await edge.metrics();
    const notfound = { vhost: HOST, filter: "notfound", namespace: "shop", metric: "NotFound" };
    expect(metrics.sum("basalt_log_metric_total", notfound)).toBe(5);
    expect(metrics.sum("basalt_log_metric_total", { vhost: HOST, filter: "bytes" })).toBe(12 * 100 + 5 * 2);
  });

  it("LOG-18 LOG-174 LOG-189 A15 of spec 10: a rotated file goes to the one server, and is kept aside for the other", async () => {
    for (let count = 0; count < 5; count++) await edge.get("/absent", { host: HOST }).expect(404);
    await edge.reload({ vhosts: vhostsWith("apache") });
    await until("a line of each client", async () => (await uploadLog()).length >= 3);
    const lines = await uploadLog();
    expect(lines[0]).toBe("#Fields: date time local-path cs-url file-size time-taken sc-status sc-error-msg");
    const toA = lines.find((line) => line.includes(`ftp://127.0.0.1:${server.port}/${HOST}/access_`));
    const toB = lines.find((line) => line.includes(`ftp://127.0.0.1:${deadPort}/${HOST}/access_`));
    expect(toA).toMatch(/\.log\.gz \d+ \d+ success "-"$/);
    expect(toB).toMatch(/ fail ".*ECONNREFUSED.*"$/);
    expect(stored().match(/ GET \/absent /g)).toHaveLength(5);
    expect(await readdir(join(edge.home, "stonb", "backup", HOST))).toHaveLength(1);
  });

  it("LOG-178 LOG-179 LOG-174 an encrypted password works, also behind a full restart, and is not logged", async () => {
    const answer = await edge.control("/command/encryptpassword?plain=secret");
    const encrypted = /[A-Za-z0-9+/=]{40,}/.exec(answer.text)?.[0] ?? "";
    expect(encrypted).not.toBe("");
    const before = server.files.size;
    await edge.reload({ rootXml: clients(encrypted, "enc"), vhosts: vhostsWith("apache") });
    await edge.get("/there?late", { host: HOST }).expect(200);
    await until("the line is there", async () => {
      const folder = join(edge.home, "log", HOST);
      const names = (await readdir(folder)).filter((name) => /^access_.*log$/.test(name));
      const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8").catch(() => "")));
      return texts.some((text) => text.includes("?late"));
    });
    await edge.restartEverything();
    await edge.reload({ vhosts: vhostsWith("ston") });
    await until("it is stored", () => server.files.size > before && stored().includes("?late"));
    expect(await edge.log()).not.toContain("secret");
  });
});
