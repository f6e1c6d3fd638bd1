import { setTimeout as pause } from "node:timers/promises";
import sharp from "sharp";
import { describe, expect } from "vitest";
import type { RawClient, RawResponse, TestEdge } from "../../src/index.ts";
import { scenario, useEdge } from "../../src/scenario/index.ts";

const QUEUE = 20;

useEdge({ serverXml: `<TransformQueue>${QUEUE}</TransformQueue>` });

const DIMS = { xml: '<Options><Dims Status="Active" Keyword="dims"/></Options>' };

/** Noise: no format makes it small, so that a conversion takes a while. */
const noise = (width: number, height: number): Promise<Buffer> =>
  sharp({
    create: { width, height, channels: 3, background: "#888", noise: { type: "gaussian", mean: 128, sigma: 40 } },
  })
    .jpeg()
    .toBuffer();

const figure = async (edge: TestEdge, name: string): Promise<number> => (await edge.metrics()).sum(name);

describe("the transform host", () => {
  scenario("repeats the jobs that it dies with, and no connection is lost", DIMS, async ({ origin, edge, client }) => {
    origin.on("/p.jpg").reply(200, { "Content-Type": "image/jpeg" }, await noise(1600, 1200));
    origin.on("/hit").reply(200, {}, "hit");
    await edge.get("/p.jpg").expect(200);
    const open: RawClient[] = await Promise.all(Array.from({ length: 10 }, client));
    for (const session of open) await session.request({ path: "/hit", host: edge.host });
    const before = (await edge.cluster.status()).transform?.restarts ?? 0;
    const asked = Array.from({ length: 8 }, (_, nth) => edge.get(`/p.jpg/dims/resize/${800 + nth}x600!/`));
    const answers = Promise.all(asked);
    await expect.poll(() => figure(edge.cluster, "basalt_transform_jobs_running")).toBeGreaterThan(0);
    const { transform } = await edge.cluster.status();
    edge.cluster.signal(transform?.pid ?? 0, "SIGABRT");
    for (const [nth, answer] of (await answers).entries()) {
      expect(answer.status).toBe(200);
      expect((await sharp(answer.body).metadata()).width).toBe(800 + nth);
    }
    for (const session of open) expect((await session.request({ path: "/hit", host: edge.host })).text).toBe("hit");
    await expect.poll(async () => (await edge.cluster.status()).transform?.restarts).toBe(before + 1);
    expect(origin.saw("/p.jpg")).toBe(1);
  });

  scenario("DIMS-18 answers 503 beyond its queue, and all when asked again", DIMS, async ({ origin, edge }) => {
    origin.on("/p.jpg").reply(200, { "Content-Type": "image/jpeg" }, await noise(600, 400));
    await edge.get("/p.jpg").expect(200);
    const paths = Array.from({ length: 100 }, (_, nth) => `/p.jpg/dims/resize/${100 + nth}x100!/`);
    const first = await Promise.all(paths.map(async (path) => await edge.get(path)));
    const refused = first.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(0);
    expect(first.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(QUEUE);
    for (const answer of refused) expect(answer.field("retry-after")).toBe("1");
    for (const path of paths) expect((await untilDone(() => edge.get(path))).status).toBe(200);
    await expect
      .poll(() => figure(edge.cluster, "basalt_transform_jobs_overloaded_total"))
      .toBeGreaterThanOrEqual(refused.length);
    expect(origin.saw("/p.jpg")).toBe(1);
  });
});

const untilDone = async (ask: () => PromiseLike<RawResponse>): Promise<RawResponse> => {
  for (const limit = Date.now() + 60_000; ; await pause(20)) {
    const answer = await ask();
    if (answer.status !== 503 || Date.now() > limit) return answer;
  }
};
