import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { type RawClient, rawClient, renderRequest, type TestEdge } from "../../src/index.ts";
import { fetchPage, type SceneEdge, scenario, servePages } from "../../src/scenario/index.ts";

/** The least that the plan gives on hosts of up to some 500 GB: 16 MiB for contents, half of it for two workers. */
const LEAST_MEMORY = "<SystemMemoryRatio>1</SystemMemoryRatio><ContentMemoryRatio>1</ContentMemoryRatio>";
const EMERGENCY_ON = `${LEAST_MEMORY}<EmergencyMode>ON</EmergencyMode>`;
const ACTIVATED = /\[WARNING\] Emergency mode activated\. \(Memory overused: \+\d+\.\d\dMB\)/;
const INACTIVATED = /\[NOTICE\] Emergency mode inactivated\./;

const stateOf = async (edge: TestEdge): Promise<string> => (await edge.status()).state;

const becomes = (edge: TestEdge, state: string): Promise<void> =>
  expect.poll(() => stateOf(edge), { interval: 50 }).toBe(state);

/** Clients that ask and do not read: what the edge has for them stays in its memory. */
class SlowReaders {
  readonly #clients: RawClient[] = [];

  async add(edge: SceneEdge, path: string, fromByte: number): Promise<void> {
    const client = await rawClient(edge.port, { highWaterBytes: 1 });
    this.#clients.push(client);
    await client.send(renderRequest({ path, host: edge.host, headers: { Range: `bytes=${fromByte}-` } }));
  }

  leave(): void {
    for (const client of this.#clients.splice(0)) client.reset();
  }
}

const LONG_BODY = "/48000000/1";
/** What lies behind it is more than the system's buffers take. */
const LONGEST_START = 40_000_000;
const DAY_LONG = { "Cache-Control": "max-age=86400" };

/**
 * Adds readers of a stored body, each from another place on, until the state is that or `most` of them are there: what
 * the system's buffers do not take of their bytes stays in the edge, 256 KB to 1 MB for each.
 */
const pinMemory = async (
  edge: SceneEdge,
  readers: SlowReaders,
  most: number,
  until?: string,
  meanwhile: () => Promise<void> = () => pause(150),
): Promise<void> => {
  await fetchPage(edge, LONG_BODY);
  await edge.stored(LONG_BODY);
  for (let count = 0; count < most; count++) {
    await readers.add(edge, LONG_BODY, Math.floor((count * LONGEST_START) / most));
    await meanwhile();
    if (until !== undefined && (await stateOf(edge.cluster)) === until) return;
  }
  if (until !== undefined) await becomes(edge.cluster, until);
};

scenario(
  "OPT-60 to OPT-69: when slow readers hold all memory the emergency mode begins, and ends by itself when they leave",
  {
    // one worker, so that what was asked for is in the memory of the one that is asked again
    ownEdge: { serverXml: EMERGENCY_ON, workers: 1 },
  },
  async ({ origin, edge, client, clock }) => {
    servePages(origin, DAY_LONG);
    origin.on("/loaded").reply(200, { "Cache-Control": "max-age=86400" }, "loaded");
    origin.on("/old").reply(200, { "Cache-Control": "max-age=60" }, "old").reply(200, {}, "new");
    origin.on("/post").reply(200, {}, "posted");
    const { cluster } = edge;
    const idle = await client();
    const useBoth = async (): Promise<void> => {
      for (let round = 0; round < 3; round++) {
        await pause(50);
        for (const path of ["/loaded", "/old"]) await edge.get(path);
      }
      await idle.request({ path: "/loaded", host: edge.host }).catch(() => undefined);
    };
    const readers = new SlowReaders();
    // Whether the last readers come before or after the tier has parted with a page is a matter of milliseconds.
    const fillMemory = async (): Promise<boolean> => {
      for (const path of ["/loaded", "/old"]) {
        await edge.get(path).expect(200);
        await edge.stored(path);
        for (let round = 0; round < 3; round++) await edge.get(path).expect(200);
      }
      await pinMemory(edge, readers, 24, "Emergency", useBoth);
      const answers = [await edge.get("/loaded"), await edge.get("/old")];
      return answers.every((answer) => answer.status === 200);
    };
    try {
      while (!(await fillMemory())) {
        readers.leave();
        await becomes(cluster, "Healthy");
      }
      await clock.advance(61);
      expect(await cluster.log()).toMatch(ACTIVATED);
      expect((await cluster.metrics()).sum("basalt_emergency_mode")).toBe(1);
      expect((await cluster.command("status")).output).toMatch(/state +Emergency/);
      // OPT-65
      expect(await idle.closedByPeer()).toBe(true);
      // OPT-62, OPT-67
      for (let round = 0; round < 6; round++) {
        await edge.get("/loaded").expect(200, "loaded", { connection: /close/i });
        await edge.get("/old").expect(200, "old");
      }
      expect(origin.saw("/old")).toBe(1);
      // OPT-64, OPT-66
      const before = await cluster.metrics();
      const errorsBefore = before.sum("basalt_cache_results_total", { vhost: edge.host, result: "TCP_ERROR" });
      for (let round = 0; round < 4; round++) {
        const refused = await edge.get("/never-loaded");
        expect([refused.status, refused.text.includes("loaded")]).toEqual([503, false]);
      }
      expect(origin.saw("/never-loaded")).toBe(0);
      await edge.counted({ TCP_ERROR: errorsBefore + 4 });
      // OPT-63
      await edge.get("/post", { method: "POST", body: "x" }).expect(200, "posted");
      expect(await stateOf(cluster)).toBe("Emergency");
    } finally {
      readers.leave();
    }
    await becomes(cluster, "Healthy");
    expect(await cluster.log()).toMatch(INACTIVATED);
    expect((await cluster.metrics()).sum("basalt_emergency_mode")).toBe(0);
    await fetchPage(edge, "/5000/99");
    await edge.get("/old").expect(200, "new");
  },
);

scenario(
  "OPT-61: a reload switches the emergency mode off and on while memory is short",
  { ownEdge: { serverXml: EMERGENCY_ON } },
  async ({ origin, edge }) => {
    servePages(origin, DAY_LONG);
    const { cluster } = edge;
    const readers = new SlowReaders();
    try {
      await pinMemory(edge, readers, 120, "Emergency");
      await cluster.reload({ serverXml: `${LEAST_MEMORY}<EmergencyMode>OFF</EmergencyMode>` });
      expect(await stateOf(cluster)).toBe("Healthy");
      await fetchPage(edge, "/5000/99");
      await cluster.reload({ serverXml: EMERGENCY_ON });
      await becomes(cluster, "Emergency");
    } finally {
      readers.leave();
    }
    await becomes(cluster, "Healthy");
    await fetchPage(edge, "/5000/98");
  },
);

scenario(
  "OPT-61: with EmergencyMode OFF memory is taken from the system and nothing is refused",
  { ownEdge: { serverXml: LEAST_MEMORY } },
  async ({ origin, edge }) => {
    servePages(origin, DAY_LONG);
    const { cluster } = edge;
    const readers = new SlowReaders();
    try {
      await pinMemory(edge, readers, 24);
      expect(await stateOf(cluster)).toBe("Healthy");
      for (const path of ["/5000/99", "/5000/98", "/600000/97", "/3000000/96"]) await fetchPage(edge, path);
      expect(await stateOf(cluster)).toBe("Healthy");
      expect(await cluster.log()).not.toMatch(/Emergency mode/);
      await edge.counted({ TCP_ERROR: 0 });
    } finally {
      readers.leave();
    }
  },
);
