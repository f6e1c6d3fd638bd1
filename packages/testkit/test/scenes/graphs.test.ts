import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { isEdgeBuilt, startEdge, startOrigin, type TestEdge, type TestOrigin } from "../../src/index.ts";
import { readPicture } from "../../src/media/index.ts";
import { useShared } from "../../src/scenario/index.ts";
import { until } from "./support/originState.ts";

/** Scenes of the graphs (spec 11): one edge with two workers, and its history. */

const HOST = "graphs.test";
const WINDOW_SECONDS = 300;
/** The second in which a clock was moved is over by then, unless the machine is busy. */
const TURN_MS = 1_500;
const GREEN = "#00CC00";
const BLUE = "#0000FF";
const PINK = "#FF00FF";
/** Above the legend. */
const PLOT = { left: 46, bottom: 158 };

const SERVER = [
  ...["cpu", "ston_media_server_cpu", "mem", "iowait", "loadavg", "ssockevent", "ssockusage", "csockevent"],
  ...["csockusage", "acldenied", "eq", "wf2w", "urlrewrite", "tcpsocket"],
];
const VHOSTS = [
  ...["hitratio", "filecount", "mem", "wf2d", "client_httpreq_bypass", "client_httpreq_denied", "client_http_session"],
  ...["client_traffic", "client_http_res", "client_http_res_detail", "client_http_res_complete"],
  ...["client_http_res_time1", "client_http_res_time2", "client_http_res_hit", "client_traffic_ssl"],
  ...["origin_http_session", "origin_traffic", "origin_http_res", "origin_http_res_detail"],
  ...["origin_http_res_complete", "origin_http_res_time1", "origin_http_res_time2"],
];
const TYPES = ["dash", "day", "week", "month", "year"];
const PATHS = [...SERVER.map((name) => `/graph/${name}`), ...VHOSTS.map((name) => `/graph/vhost/${name}`)];

const COUNTED = "<Stats><ClientLocal>ON</ClientLocal><OriginLocal>ON</OriginLocal></Stats>";

let edge: TestEdge;
let origin: TestOrigin;

const open = async (): Promise<void> => {
  origin = await startOrigin();
  origin.on("/a").reply(200, { "Cache-Control": "max-age=36000" }, "x".repeat(1_000));
  edge = await startEdge({
    workers: 2,
    managerXml: '<Allow Role="Looker">127.0.0.1</Allow>',
    vhosts: [
      { name: HOST, origin: origin.address, xml: COUNTED },
      { name: "idle.test", origin: origin.address, xml: COUNTED },
    ],
  });
};

useShared(open, async () => {
  await edge?.close();
  await origin?.close();
});

const ask = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${edge.managerPort}${path}`);

const draw = async (path: string) => {
  const answer = await ask(path);
  expect([path, answer.status, answer.headers.get("content-type")]).toEqual([path, 200, "image/png"]);
  return readPicture(new Uint8Array(await answer.arrayBuffer()));
};

/** Ends windows until the picture is so. */
const untilDrawn = (path: string, isSo: (greenPixels: number) => boolean): Promise<void> =>
  until(path, async () => {
    await edge.clock.advance(WINDOW_SECONDS);
    await pause(TURN_MS);
    return isSo((await draw(path)).count(GREEN, PLOT));
  });

const hits = `/graph/vhost/client_http_res_day.png?vhost=${HOST}`;

describe.skipIf(!isEdgeBuilt() && process.env.CI === undefined)("graphs", () => {
  it("GRAPH-A1 GRAPH-02 GRAPH-06 every one of 36 in five types, of its size, before there is any history", async () => {
    expect(PATHS).toHaveLength(36);
    for (const path of PATHS) {
      for (const type of TYPES) {
        const { width, height } = await draw(`${path}_${type}.png`);
        expect([path, type, width, height]).toEqual([path, type, ...(type === "dash" ? [205, 175] : [580, 203])]);
      }
    }
  });

  it("GRAPH-04 GRAPH-A7 Looker may see graphs, and nothing else", async () => {
    expect((await ask("/graph/cpu_day.png")).status).toBe(200);
    expect((await ask("/graph/stoncpu_day.png")).status).toBe(200);
    expect((await ask("/monitoring/realtime")).status).toBe(401);
  });

  it("GRAPH-A2 404 for what there is none of", async () => {
    expect((await ask("/graph/vhost/hitratio_day.png?vhost=unknown")).status).toBe(404);
    expect((await ask("/graph/vhost/hitratio_day.png")).status).toBe(200);
    expect((await ask("/graph/hitratio_day.png")).status).toBe(404);
    expect((await ask("/graph/cpu_decade.png")).status).toBe(404);
  });

  it("GRAPH-A3 GRAPH-05 twenty at once are all answered while the cache serves", async () => {
    await edge.get("/a", { host: HOST }).expect(200);
    const pictures = PATHS.slice(0, 20).map((path) => draw(`${path}_week.png?vhost=${HOST}`));
    for (let count = 0; count < 20; count++) await edge.get("/a", { host: HOST }).expect(200);
    expect((await Promise.all(pictures)).length).toBe(20);
  });

  it("GRAPH-03 GRAPH-16 GRAPH-A5 what two workers did is drawn, of the host and of all, and outlives a full restart", async () => {
    for (let count = 0; count < 40; count++) await edge.get("/a", { host: HOST }).expect(200);
    await untilDrawn(hits, (pixels) => pixels > 0);
    expect((await draw("/graph/vhost/client_http_res_day.png")).count(GREEN, PLOT)).toBeGreaterThan(0);
    expect((await draw("/graph/vhost/client_http_res_day.png?vhost=idle.test")).count(GREEN, PLOT)).toBe(0);
    const week = await draw("/graph/mem_week.png");
    expect([GREEN, BLUE, PINK].map((color) => week.count(color, PLOT) > 0)).toEqual([true, true, true]);
    expect((await draw("/graph/mem_day.png")).count(PINK)).toBe(0);
    await edge.restartEverything();
    // Nothing was asked since; how high it stands depends on the length of the windows around the restart.
    await untilDrawn(hits, (pixels) => pixels > 0);
  });

  it("GRAPH-16 outlives the death of all processes, and a file that is damaged is begun anew", async () => {
    const { count } = await draw(hits);
    expect(count(GREEN, PLOT)).toBeGreaterThan(0);
    await edge.crash();
    await edge.start();
    await untilDrawn(hits, (pixels) => pixels > 0);
    await edge.stop();
    const path = join(edge.home, "data", "graphs.sqlite");
    const bytes = await readFile(path);
    await writeFile(path, bytes.fill(0x5a));
    await edge.start();
    expect((await draw(hits)).count(GREEN, PLOT)).toBe(0);
    expect(await edge.log()).toMatch(/WARN.*graphs: .*graphs\.sqlite cannot be used and is begun anew/);
    await untilDrawn("/graph/mem_day.png", (pixels) => pixels > 0);
  });
});
