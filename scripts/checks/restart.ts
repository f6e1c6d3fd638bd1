import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { waitUntilServing } from "../../infra/lib/edge.ts";
import { formatTable, print } from "../../infra/lib/print.ts";
import { signal } from "../../infra/lib/processes.ts";
import { bodyPath } from "../../infra/perf/positionedOrigin.ts";
import { FAILURE_KINDS, type RestartTally, startRestartLoad, storedName } from "../../infra/perf/restartLoad.ts";
import { connectVerified } from "../../infra/perf/verifiedClient.ts";
import { callManagement, type EdgeStatus, parseStatus } from "../../packages/testkit/src/edge/control.ts";
import { openStoreScene, runStoreCheck } from "./storeScene.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rate: { type: "string", default: "2000" },
    seconds: { type: "string" },
    workers: { type: "string", default: "2" },
    only: { type: "string" },
  },
});
const seconds = Number(values.seconds ?? (values.quick ? 5 : 12));
const workers = Number(values.workers);
const reloads = values.quick ? 20 : 100;

const OBJECTS = 500;
const BYTES = 4096;
const KEPT_CONNECTIONS = 50;
const MISS_EVERY = 100;
const LEAD_MS = 1000;
const POLL_MS = 5;
const READY_WITHIN_MS = 60_000;

/** What may fail: `none`, connections of what was killed (`own`), or everything until it is back (`all`). */
type Tolerance = "none" | "own" | "all";

interface Deed {
  readonly name: string;
  readonly tolerance: Tolerance;
  /** Resolves with milliseconds from the deed to the moment when everything is as it should be. */
  readonly run: () => Promise<number>;
}

const since = (startedMs: number): number => performance.now() - startedMs;

const TOLERATED: Readonly<Record<Tolerance, string>> = {
  none: "",
  own: " but connections of what was killed",
  all: " but while nothing ran",
};

await runStoreCheck(async ({ expect }) => {
  const scene = await openStoreScene({ workers });
  await scene.start();

  const status = () => callManagement({ socketPath: join(scene.home, "run", "basalt.sock") }, "/control/status");
  const readStatus = async (): Promise<EdgeStatus> => parseStatus((await status()).text);

  /** Waits for that many workers of a primary that `isWanted`. */
  const untilServing = async (count: number, isWanted: (primaryPid: number) => boolean = () => true): Promise<void> => {
    for (const limit = Date.now() + READY_WITHIN_MS; Date.now() < limit; await delay(POLL_MS)) {
      const found = await readStatus().catch(() => undefined);
      if (found === undefined || !isWanted(found.primaryPid)) continue;
      const serving = found.workers.filter(({ state }) => state === "serving").length;
      if (serving === count && found.workers.length === count) return;
    }
    throw new Error(`${count} workers do not serve after ${READY_WITHIN_MS / 1000} s`);
  };

  /** Asks for every stored object once; resolves with how many of the requests reached the origin. */
  const countLost = async (): Promise<number> => {
    const before = (await scene.origin.counts()).requests;
    let client = await connectVerified(scene.port);
    for (let index = 0; index < OBJECTS; index++) {
      if (client.isClosed) client = await connectVerified(scene.port);
      const outcome = await client.ask({ path: bodyPath(BYTES, storedName(index)), bytes: BYTES });
      if (outcome.kind !== "right") throw new Error(`object ${index} afterwards: ${JSON.stringify(outcome)}`);
    }
    client.close();
    return (await scene.origin.counts()).requests - before;
  };

  const deeds: readonly Deed[] = [
    {
      name: `${reloads} reloads`,
      tolerance: "none",
      run: async () => {
        const startedMs = performance.now();
        for (let count = 0; count < reloads; count++) {
          const { status, text } = await scene.api("/conf/reload");
          if (status !== 200) throw new Error(`reload: ${status} ${text}`);
        }
        return since(startedMs);
      },
    },
    {
      name: "rolling restart",
      tolerance: "none",
      run: async () => {
        const startedMs = performance.now();
        await scene.edge.command("restart");
        await untilServing(workers);
        return since(startedMs);
      },
    },
    {
      name: "full restart",
      tolerance: "none",
      run: async () => {
        const startedMs = performance.now();
        await scene.edge.command("restart", "--full");
        return since(startedMs);
      },
    },
    {
      name: `scale ${workers}, ${workers * 2}, ${workers}`,
      tolerance: "none",
      run: async () => {
        const startedMs = performance.now();
        await scene.edge.command("scale", String(workers * 2));
        await untilServing(workers * 2);
        await scene.edge.command("scale", String(workers));
        await untilServing(workers);
        return since(startedMs);
      },
    },
    {
      name: "one worker killed",
      tolerance: "own",
      run: async () => {
        const [victim] = (await readStatus()).workers;
        if (victim === undefined) throw new Error("no worker");
        const startedMs = performance.now();
        signal(victim.pid, "SIGKILL");
        for (;;) {
          const [first] = (await readStatus()).workers;
          if (first?.state === "serving" && first.pid !== victim.pid) return since(startedMs);
          await delay(POLL_MS);
        }
      },
    },
    {
      name: "primary killed",
      tolerance: "none",
      run: async () => {
        const { primaryPid } = await readStatus();
        const startedMs = performance.now();
        signal(primaryPid, "SIGKILL");
        await untilServing(workers, (pid) => pid !== primaryPid);
        return since(startedMs);
      },
    },
    {
      name: "everything killed",
      tolerance: "all",
      run: async () => {
        const startedMs = performance.now();
        await scene.killAll();
        scene.launch();
        await waitUntilServing(scene.edge, READY_WITHIN_MS);
        return since(startedMs);
      },
    },
  ];

  await countLost();
  const rows: string[][] = [
    ["", "requests", "misses", ...FAILURE_KINDS, "longest ms", "no answer for ms", "done after s", "lost"],
  ];
  const longest: string[] = [];
  const words: string[] = [];
  const findings: (readonly [boolean, string])[] = [];
  const tolerates = (tolerance: Tolerance, tally: RestartTally): boolean => {
    const { refused = 0, reset = 0, wrong = 0, "5xx": errors = 0, silent = 0 } = tally.failures;
    if (wrong > 0 || silent > 0) return false;
    if (tolerance === "none") return refused + reset + errors === 0;
    return tolerance === "all" || refused + errors === 0;
  };
  for (const { name, tolerance, run } of deeds) {
    if (values.only !== undefined && !name.includes(values.only)) continue;
    const load = startRestartLoad({
      port: scene.port,
      requestsPerSecond: Number(values.rate),
      keptConnections: KEPT_CONNECTIONS,
      objects: OBJECTS,
      bytes: BYTES,
      missEvery: MISS_EVERY,
      name: name.replaceAll(/[^a-z0-9]/g, "-"),
    });
    const endMs = performance.now() + seconds * 1000;
    await delay(LEAD_MS);
    const tookMs = await run();
    await delay(Math.max(LEAD_MS, endMs - performance.now()));
    const tally = await load.stop();
    const lost = await countLost();
    rows.push([
      name,
      String(tally.requests),
      String(tally.misses),
      ...FAILURE_KINDS.map((kind) => String(tally.failures[kind] ?? 0)),
      tally.longestMs.toFixed(0),
      tally.longestGapMs.toFixed(0),
      (tookMs / 1000).toFixed(2),
      `${lost} of ${OBJECTS}`,
    ]);
    longest.push(`  ${name}: ${tally.longestMs.toFixed(0)} ms, ${tally.longest}`);
    for (const word of tally.words) words.push(`  ${name}: ${word}`);
    findings.push([tolerates(tolerance, tally), `${name}: nothing failed${TOLERATED[tolerance]}`]);
    findings.push([lost === 0, `${name}: all objects are hits afterwards`]);
  }
  print(
    `${values.rate} requests/s of ${BYTES} bytes, half on ${KEPT_CONNECTIONS} kept connections, one in ${MISS_EVERY} a miss, ${workers} workers`,
  );
  print(formatTable(rows));
  print(`longest:\n${longest.join("\n")}`);
  if (words.length > 0) print(`first failures:\n${words.join("\n")}`);
  for (const [holds, finding] of findings) expect(holds, finding);
});
