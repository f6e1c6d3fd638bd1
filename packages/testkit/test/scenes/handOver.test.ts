import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { fetchAll, patternBody, type RawClient } from "../../src/index.ts";
import { scenario } from "../../src/scenario/index.ts";
import type { SceneEdge } from "../../src/scenario/sceneEdge.ts";

/** Processes whose environment names this home folder: all of the instance, whoever their parent is. */
const processesOf = (home: string): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(`BASALT_HOME=${home}`);
      } catch {
        return false;
      }
    });

interface Load {
  /** Answers so far. */
  readonly answers: () => number;
  /** Ends it; resolves with what was not as it should be. */
  readonly end: () => Promise<readonly string[]>;
}

/** Requests one after the other, each on a connection of its own, and others on connections that are kept. */
const startLoad = (edge: SceneEdge, client: () => Promise<RawClient>, path: string, expected: string): Load => {
  const failures: string[] = [];
  let count = 0;
  let isOver = false;
  const note = (what: string, status: number, text: string): void => {
    count++;
    if (status !== 200 || text !== expected) failures.push(`${what}: ${status} ${text.slice(0, 80)}`);
  };
  const byConnection = async (): Promise<void> => {
    while (!isOver) {
      const [outcome] = await fetchAll(edge.port, 1, { path, host: edge.host });
      if (outcome?.kind === "answer") note("own connection", outcome.status, expected);
      else failures.push(`own connection: ${JSON.stringify(outcome)}`);
      await pause(5);
    }
  };
  const keptAlive = async (): Promise<void> => {
    let session = await client();
    while (!isOver) {
      try {
        const answer = await session.request({ path, host: edge.host });
        note("kept connection", answer.status, answer.text);
        if (answer.field("connection") === "close") session = await client();
      } catch (error) {
        failures.push(`kept connection: ${String(error)}`);
        session = await client();
      }
      await pause(5);
    }
  };
  const running = [byConnection(), byConnection(), keptAlive(), keptAlive()];
  return {
    answers: () => count,
    end: async () => {
      isOver = true;
      await Promise.all(running);
      return failures;
    },
  };
};

/** Kills the primary; resolves with the status of the next one, all of whose workers serve. */
const killPrimary = async (edge: SceneEdge) => {
  const { primaryPid } = await edge.cluster.status();
  edge.cluster.signal(primaryPid, "SIGKILL");
  return { primaryPid, next: () => edge.cluster.waitUntilServing((status) => status.primaryPid !== primaryPid) };
};

/** Kills the primary that comes next as soon as it is there: before its workers serve. */
const killNextPrimary = async (edge: SceneEdge, before: number): Promise<void> => {
  const readPid = (): number => {
    try {
      return Number(readFileSync(`${edge.cluster.home}/run/primary.pid`, "utf8").split("\n")[0]);
    } catch {
      return before;
    }
  };
  await expect.poll(readPid, { interval: 5 }).not.toBe(before);
  edge.cluster.signal(readPid(), "SIGKILL");
};

scenario(
  "issue 6, 6: while a killed primary is replaced, hits, misses and bypassed requests are answered",
  async ({ origin, edge, client }) => {
    const long = patternBody(3_000_000, 46);
    origin.on("/a").reply(200, {}, "v1");
    origin.on("/disk").reply(200, {}, patternBody(300_000, 47));
    origin.on("/api").reply(200, {}, "posted");
    origin.on("/new").reply(200, {}, "fetched");
    const film = patternBody(6_000_000, 48);
    const gate = origin.on("/long").reply(200, {}, long).hold(1_200_000);
    const filmGate = origin.on("/film").file(film, { lastModified: "Tue, 01 Jan 2019 00:00:00 GMT" }).hold(2_500_000);
    await edge.get("/a").expect(200, "v1");
    await edge.get("/disk").expect(200);
    await edge.stored("/disk");
    const underWay = edge.get("/long").then((answer) => answer.sha256);
    const films = fetchAll(edge.port, 6, { path: "/film", host: edge.host });
    await Promise.all([gate.arrived(), filmGate.arrived()]);
    const load = startLoad(edge, client, "/a", "v1");
    const { primaryPid, next } = await killPrimary(edge);
    await killNextPrimary(edge, primaryPid);
    await edge.get("/disk").expect(200);
    await edge.get("/new").expect(200, "fetched");
    await edge.get("/api", { method: "POST", body: "1" }).expect(200, "posted");
    gate.release();
    filmGate.release();
    expect(await underWay).toBe(long.digest());
    for (const outcome of await films) expect(outcome).toMatchObject({ status: 200, sha256: film.digest() });
    await next();
    const before = load.answers();
    await expect.poll(load.answers).toBeGreaterThan(before + 20);
    expect(await load.end()).toEqual([]);
    expect([origin.saw("/a"), origin.saw("/disk")]).toEqual([1, 1]);
    await edge.get("/disk").expect(200);
    expect(origin.saw("/disk")).toBe(1);
    // Launcher, primary, transform host, two workers and a spare of each kind: nothing of the generations before.
    await expect.poll(() => processesOf(edge.cluster.home).length).toBeLessThanOrEqual(7);
  },
);

scenario(
  "issue 6, 6: a purge that the next primary has answered is in force on every connection, old ones too",
  { xml: "<Options><ClientKeepAliveSec>60</ClientKeepAliveSec></Options>" },
  async ({ origin, edge, client }) => {
    let version = 1;
    origin.on("/a").reply(() => ({ status: 200, body: `v${version}` }));
    const sessions = await Promise.all(Array.from({ length: 12 }, client));
    for (const session of sessions) await session.request({ path: "/a", host: edge.host });
    const { next } = await killPrimary(edge);
    for (const limit = Date.now() + 60_000; ; await pause(10)) {
      version = 2;
      const answer = await edge.cluster.control(`/command/purge?url=${edge.host}/a`).catch(() => undefined);
      if (answer?.status === 200) break;
      expect(Date.now()).toBeLessThan(limit);
    }
    const texts = await Promise.all(
      sessions.map(async (session) => (await session.request({ path: "/a", host: edge.host })).text),
    );
    expect(new Set(texts)).toEqual(new Set(["v2"]));
    expect((await edge.get("/a")).text).toBe("v2");
    await next();
    expect((await edge.get("/a")).text).toBe("v2");
  },
);

scenario(
  "issue 6, 6: a full restart refuses and resets nothing, and what is stored stays",
  async ({ origin, edge, client }) => {
    origin.on("/a").reply(200, {}, "v1");
    await edge.get("/a").expect(200, "v1");
    await edge.stored("/a");
    const load = startLoad(edge, client, "/a", "v1");
    const { primaryPid } = await edge.cluster.status();
    const answer = await edge.cluster.control("/control/restart?how=full", { method: "POST" });
    expect(answer.status).toBe(200);
    await edge.cluster.waitUntilServing((status) => status.primaryPid !== primaryPid);
    const before = load.answers();
    await expect.poll(load.answers).toBeGreaterThan(before + 20);
    expect(await load.end()).toEqual([]);
    expect(origin.saw("/a")).toBe(1);
  },
);

scenario(
  "issue 6, 6: stop ends workers that have lost their primary, and no process is left",
  { ownEdge: { start: "detached" } },
  async ({ origin, edge }) => {
    origin.on("/a").reply(200, {}, "v1");
    await edge.get("/a").expect(200, "v1");
    await killPrimary(edge);
    const { exitCode, output } = await edge.cluster.command("stop");
    expect([exitCode, output]).toEqual([0, expect.stringContaining("Basalt has stopped")]);
    await expect.poll(() => processesOf(edge.cluster.home)).toEqual([]);
  },
);

scenario(
  "issue 6, 6: workers without primary and launcher finish what they have and end by themselves",
  { ownEdge: { workers: 1 } },
  async ({ origin, edge }) => {
    origin.on("/a").reply(200, {}, "v1");
    await edge.get("/a").expect(200, "v1");
    const { primaryPid, workers } = await edge.cluster.status();
    const launcher = Number(readFileSync(`${edge.cluster.home}/run/basalt.pid`, "utf8").split("\n")[0]);
    edge.cluster.signal(launcher, "SIGKILL");
    edge.cluster.signal(primaryPid, "SIGKILL");
    expect(workers).toHaveLength(1);
    await expect.poll(() => processesOf(edge.cluster.home)).toEqual([]);
  },
);
