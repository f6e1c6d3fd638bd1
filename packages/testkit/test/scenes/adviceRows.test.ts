import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seconds } from "@basalt/types";
import { expect, onTestFinished } from "vitest";
import { filesBelow } from "../../src/edge/diskFiles.ts";
import { fetchAll, tallyOutcomes } from "../../src/index.ts";
import { scenario } from "../../src/scenario/index.ts";

/** Rows of chapter 20 that advise operators: what makes the advice right is seen. */

scenario(
  "OPT-07 OPT-90: without disks, live lists, results and queries of one second's lifetime cost the origin one request a second",
  { ownEdge: { disks: "memory" }, xml: "<Options><TTL><Res2xx>1</Res2xx></TTL></Options>" },
  async ({ origin, edge, clock }) => {
    const paths = ["/live/playlist.m3u8", "/ranking", "/search?q=basalt", "/api/stock?item=7"];
    let second = 0;
    for (const path of paths) origin.on(path).reply(() => ({ status: 200, body: `second ${second}` }));
    for (second = 1; second <= 3; second++) {
      for (const path of paths) {
        const [asked, startMs] = [origin.saw(path), performance.now()];
        await edge.get(path).expect(200, `second ${second}`);
        const outcomes = await fetchAll(edge.port, 20, { path, host: edge.host });
        expect(tallyOutcomes(outcomes)).toEqual({ "200": 20 });
        // As many as there were seconds: on a busy machine the requests may have taken more than one.
        expect(origin.saw(path) - asked).toBeLessThanOrEqual(1 + (performance.now() - startMs) / 1000);
      }
      await clock.advance(seconds(60));
    }
  },
);

scenario(
  "OPT-14: what hits write are logs, and those lie on another disk where that is configured",
  { ownEdge: {} },
  async ({ origin, edge }) => {
    const otherDisk = await mkdtemp(join(tmpdir(), "basalt-log-disk-"));
    onTestFinished(() => rm(otherDisk, { recursive: true, force: true }));
    const xml = `<Log Dir="${otherDisk}"><Access Local="ON">ON</Access></Log>`;
    const { status } = await edge.cluster.reload({ vhosts: [{ name: edge.host, origin: origin.address, xml }] });
    expect(status).toBe("OK");
    origin.on("/a").reply(200, { "Cache-Control": "max-age=600" }, "kept");
    await edge.get("/a").expect(200, "kept");
    await edge.stored("/a");
    const written = async () => {
      const paths = await filesBelow(join(edge.cluster.home, "disk1"));
      return await Promise.all(paths.map(async (path) => [path, (await stat(path)).mtimeMs, (await stat(path)).size]));
    };
    const logged = async (): Promise<number> => {
      const texts = await Promise.all((await filesBelow(otherDisk, ".log")).map((path) => readFile(path, "utf8")));
      return texts.join("").split("/a ").length - 1;
    };
    await expect.poll(logged).toBe(1);
    const before = await written();
    expect(before.length).toBeGreaterThan(0);
    expect(tallyOutcomes(await fetchAll(edge.port, 200, { path: "/a", host: edge.host }))).toEqual({ "200": 200 });
    await expect.poll(logged).toBe(201);
    expect(await written()).toEqual(before);
  },
);
