import { readdir, readFile } from "node:fs/promises";
import { get } from "node:http";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  findFreePort,
  isEdgeBuilt,
  type RawClient,
  rawClient,
  renderRequest,
  startEdge,
  startOrigin,
  type TestEdge,
  type TestOrigin,
} from "../../src/index.ts";
import { useShared } from "../../src/scenario/index.ts";
import { until } from "./support/originState.ts";

/** Scenes of logs: one edge with two workers, one host for each scene. */

const HOST = "logs.test";
const QUIET = "quiet.test";
const TRACED = "traced.test";
const ROTATED = "rotated.test";
const FAILING = "failing.test";
const BALANCED = "balanced.test";

const LOCAL = '<Access Local="ON">ON</Access><Origin Local="ON">ON</Origin>';

let edge: TestEdge;
let origin: TestOrigin;
let failingPort: number;

const folderOf = (vhost: string): string => join(edge.home, "log", vhost);

/** Every file of a log, compressed or not, as it is now. */
const filesOf = async (folder: string, prefix: string): Promise<readonly string[]> => {
  const names = (await readdir(folder).catch(() => [])).filter(
    (name) => name.startsWith(`${prefix}_`) && !name.endsWith(".tmp"),
  );
  return Promise.all(
    names.map(async (name) => {
      // Its compressed form may take its place at this moment.
      const bytes = await readFile(join(folder, name)).catch(() => Buffer.alloc(0));
      if (bytes.length === 0) return "";
      return (name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("latin1");
    }),
  );
};

const linesOf = async (folder: string, prefix: string): Promise<readonly string[]> =>
  (await filesOf(folder, prefix)).flatMap((text) => text.split("\n")).filter((line) => line !== "");

const recordsOf = async (folder: string, prefix: string): Promise<readonly (readonly string[])[]> =>
  (await linesOf(folder, prefix)).filter((line) => !line.startsWith("#")).map((line) => line.split(" "));

const recordOf = async (vhost: string, prefix: string, path: string): Promise<readonly string[]> => {
  let found: readonly string[] | undefined;
  await until(`${prefix} line of ${path}`, async () => {
    found = (await recordsOf(folderOf(vhost), prefix)).find((columns) => columns.includes(path));
    return found !== undefined;
  });
  return found ?? [];
};

/** Requests on several connections, so that both workers get some; ten at a time on each. */
const requestAll = async (paths: readonly string[], host: string): Promise<void> => {
  const clients = await Promise.all(Array.from({ length: 8 }, () => rawClient(edge.port)));
  const ask = async (client: RawClient, first: number): Promise<void> => {
    for (let index = first; index < paths.length; index += 80) {
      const some = Array.from({ length: 10 }, (_, step) => paths[index + step * 8]).filter(
        (path) => path !== undefined,
      );
      await client.send(Buffer.concat(some.map((path) => renderRequest({ path, host }))));
      for (const _ of some) expect((await client.readResponse("GET")).status).toBe(200);
    }
  };
  try {
    await Promise.all(clients.map(ask));
  } finally {
    for (const client of clients) client.close();
  }
};

const open = async (): Promise<void> => {
  origin = await startOrigin();
  failingPort = await findFreePort();
  origin.on(() => true).reply(200, { "Cache-Control": "max-age=600" }, "body");
  const at = origin.address;
  edge = await startEdge({
    workers: 2,
    serverXml: '<OriginErrorLog Warning="ON">ON</OriginErrorLog>',
    vhosts: [
      { name: HOST, origin: at, xml: `<Log>${LOCAL}<AccessExtra Form="elb" Local="ON">ON</AccessExtra></Log>` },
      { name: QUIET, origin: at },
      { name: TRACED, origin: at, xml: '<Log><Access Local="ON">OFF</Access></Log>' },
      {
        name: ROTATED,
        origin: at,
        xml: '<Options><ApplyQueryString>OFF</ApplyQueryString></Options><Log><Access Type="size" Unit="1" Retention="50" Compression="ON" Local="ON">ON</Access></Log>',
      },
      {
        name: FAILING,
        origin: `127.0.0.1:${failingPort}`,
        xml: `<OriginOptions><Exclusion>2</Exclusion><Recovery Cycle="1">1</Recovery></OriginOptions><Log>${LOCAL}</Log>`,
      },
      {
        name: BALANCED,
        origin: at,
        xml: '<Log><Access Form="elb" Name="lb" Local="ON">ON</Access><AccessExtra Form="json" Local="ON">ON</AccessExtra></Log>',
      },
    ],
  });
};

useShared(open, async () => {
  await edge?.close();
  await origin?.close();
});

describe.skipIf(!isEdgeBuilt() && process.env.CI === undefined)("logs", () => {
  it("LOG-32 LOG-77 LOG-142 A14 of spec 10: access and origin line of a miss share the session id", async () => {
    await edge.get("/miss", { headers: { "User-Agent": "one two" } }).expect(200);
    const access = await recordOf(HOST, "access", "/miss");
    const sent = await recordOf(HOST, "origin", "/miss");
    expect(access).toHaveLength(20);
    expect(sent).toHaveLength(29);
    expect([access[3], access[9], access[10], access[16]]).toEqual(["GET", "one+two", "200", "TCP_MISS"]);
    expect(access[18]).toBe(sent[27]);
    expect(sent[28]).toBe("cache");
    expect(Number(sent[17])).toBe(Number(sent[20]) + Number(sent[21]));
    const [file = ""] = await filesOf(folderOf(HOST), "access");
    expect(file).toMatch(/^#Fields: date time s-ip /);
  });

  it("LOG-19 A7 of spec 10: requests over loopback are logged where Local says so", async () => {
    await edge.get("/quiet", { host: QUIET }).expect(200);
    await edge.get("/loud").expect(200);
    await recordOf(HOST, "access", "/loud");
    expect(await recordsOf(folderOf(QUIET), "access")).toEqual([]);
    expect(await recordsOf(folderOf(QUIET), "origin")).toEqual([]);
  });

  it("LOG-56 A6 of spec 10 AWS-17 AWS-A3: a client that leaves while the origin is silent has status 0 and no bytes", async () => {
    const gate = origin.on("/silent").reply(200, {}, "late").hold();
    const client = await rawClient(edge.port);
    await client.send(renderRequest({ path: "/silent", host: HOST }));
    await until("the origin is asked", () => origin.saw("/silent") > 0);
    client.reset();
    const columns = await recordOf(HOST, "access", "/silent");
    expect(columns.slice(10, 12)).toEqual(["0", "0"]);
    await until("the line of the form elb", async () =>
      (await linesOf(folderOf(HOST), "accessextra")).some((line) => / 460 - 0 0 "GET \S+\/silent HTTP/.test(line)),
    );
    await edge.counted({ client_aborted: 1 }, HOST);
    gate.release();
  });

  it("REG-292 LOG-48 a request of no virtual host goes to the log of the unknown, with its host", async () => {
    await edge.get("/who", { host: "nobody.test" }).expect(404);
    await until(
      "its line",
      async () => (await recordsOf(join(edge.home, "log", "unknown"), "access")).length > 0,
    ).catch(async () => {
      // The first host logs loopback in this scene, hence so does this log.
      throw new Error((await edge.log()).slice(-2000));
    });
    const [columns = []] = await recordsOf(join(edge.home, "log", "unknown"), "access");
    expect([columns[4], columns[10], columns[20]]).toEqual(["/who", "404", "nobody.test"]);
  });

  it("LOG-25 LOG-191 STAT-99 A11 of spec 08: a trace brings lines of all workers although the file is off", async () => {
    const lines: string[] = [];
    const trace = get({
      host: "127.0.0.1",
      port: edge.managerPort,
      path: `/monitoring/logtrace/access?vhost=${TRACED}`,
      agent: false,
    });
    trace.on("error", () => undefined);
    trace.on("response", (response) =>
      response.on("data", (data: Buffer) => lines.push(...data.toString("latin1").split("\n"))),
    );
    await until("lines of both workers", async () => {
      await edge.get("/traced", { host: TRACED }).expect(200);
      return new Set(lines.map((line) => line.split(" ")[18]?.slice(0, 9))).size >= 2;
    });
    trace.destroy();
    expect(await recordsOf(folderOf(TRACED), "access")).toEqual([]);
    expect(await edge.log()).toContain(`log trace: access of ${TRACED}, by 127.0.0.1`);
  });

  it("REG-290 LOG-16 LOG-29 A4 of spec 10: 5,000 requests over rotations, a rolling restart and a new worker: every line once", async () => {
    const paths = Array.from({ length: 5_000 }, (_, index) => `/same?n=${index}-${"x".repeat(900)}`);
    await requestAll(paths.slice(0, 3_000), ROTATED);
    const [replaced] = await Promise.all([
      edge.restart(),
      requestAll(paths.slice(3_000, 4_000), ROTATED).catch(() => "cut"),
    ]);
    expect(replaced).toBeUndefined();
    await requestAll(paths.slice(4_000), ROTATED);
    const numbers = async (): Promise<readonly string[]> =>
      (await recordsOf(folderOf(ROTATED), "access")).map((columns) => columns[5]?.split("-")[0] ?? "");
    const wanted = new Set([...paths.slice(0, 3_000), ...paths.slice(4_000)].map((path) => path.split(/[?-]/)[1]));
    await until("all lines", async () => {
      const seen = new Set(await numbers());
      return [...wanted].every((number) => number !== undefined && seen.has(number));
    });
    // The file in use is there when it has a line. While one is replaced by its compressed form, its lines are there twice.
    const filesWith = async (ending: string): Promise<number> =>
      (await readdir(folderOf(ROTATED))).filter((name) => name.startsWith("access") && name.endsWith(ending)).length;
    await expect.poll(() => filesWith(".gz")).toBeGreaterThanOrEqual(3);
    await expect.poll(() => filesWith(".log")).toBeLessThanOrEqual(1);
    const repeated = async (): Promise<number> => {
      const all = await numbers();
      return all.length - new Set(all).size;
    };
    await expect.poll(repeated).toBe(0);
    for (const columns of await recordsOf(folderOf(ROTATED), "access")) expect(columns).toHaveLength(20);
  });

  it("LOG-37 LOG-40 LOG-114 A10 of spec 10: failures, exclusion and recovery of an origin", async () => {
    for (const path of ["/a", "/b", "/c"]) await edge.get(path, { host: FAILING });
    const errors = (): Promise<readonly string[]> => linesOf(join(edge.home, "log"), "originerror");
    await until("exclusion", async () => (await errors()).join("\n").includes("excluded from service"));
    const sound = await startOrigin({ ip: "127.0.0.1", port: failingPort });
    sound.on(() => true).reply(200, {}, "back");
    await until("recovery", async () => (await errors()).join("\n").includes("recovered back in service"));
    await sound.close();
    const lines = (await errors()).filter((line) => line.includes(`[${FAILING}]`));
    const server = `127.0.0.1:${failingPort}`;
    expect(lines.join("\n")).toMatch(
      /\[failing\.test\] \[ERROR\] 127\.0\.0\.1 127\.0\.0\.1 GET \/a \d+ Connect-Timeout -/,
    );
    const comments = lines.filter((line) => line.startsWith("#")).map((line) => line.replace(/^#\S+ \S+ /, ""));
    expect(comments).toEqual([
      `[${FAILING}] ${server} excluded from service`,
      `[${FAILING}] Origin server list: `,
      `[${FAILING}] ${server} recovered back in service`,
      `[${FAILING}] Origin server list: ${server}`,
    ]);
    expect((await linesOf(folderOf(FAILING), "origin")).join("\n")).toMatch(
      /^#\[ERROR:01\] .* Connect-Timeout - \d+ cache$/m,
    );
    await until("a probe", async () =>
      (await recordsOf(folderOf(FAILING), "origin")).some((columns) => columns[28] === "recovery"),
    );
  });

  it("AWS-01 AWS-06 AWS-A1 AWS-A2 a second access log stands beside the first; elb tells of the origin of a miss and of none of a hit", async () => {
    const client = await rawClient(edge.port);
    for (const _ of [1, 2]) {
      await client.send(renderRequest({ path: "/balanced", host: BALANCED }));
      expect((await client.readResponse("GET")).status).toBe(200);
    }
    client.close();
    await until("both logs", async () => {
      const logged = await Promise.all(["access", "accessextra"].map((prefix) => linesOf(folderOf(BALANCED), prefix)));
      return logged.every((lines) => lines.length === 2);
    });
    const [miss = "", hit = ""] = await linesOf(folderOf(BALANCED), "access");
    expect(miss).toMatch(
      new RegExp(
        `^\\S+Z lb 127\\.0\\.0\\.1:\\d+ ${origin.address} [\\d.]+ [\\d.]+ [\\d.]+ 200 200 0 4 "GET http://balanced\\.test:\\d+/balanced HTTP/1\\.1"$`,
      ),
    );
    expect(hit).toMatch(/ lb 127\.0\.0\.1:\d+ - [\d.]+ -1 -1 200 - 0 4 "GET /);
    const records = (await linesOf(folderOf(BALANCED), "accessextra")).map((line): unknown => JSON.parse(line));
    expect(records).toMatchObject([{ cache_result: "TCP_MISS" }, { cache_result: "TCP_HIT", path: "/balanced" }]);
  });
});
