import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { waitUntilServing } from "../../infra/lib/edge.ts";
import { type MetricSample, sumMetric } from "../../infra/lib/metrics.ts";
import { formatTable, print } from "../../infra/lib/print.ts";
import { isAlive } from "../../infra/lib/procfs.ts";
import { bodyPath } from "../../infra/perf/positionedOrigin.ts";
import { connectVerified } from "../../infra/perf/verifiedClient.ts";
import {
  countErrors,
  type LoadTally,
  NO_LOAD,
  since,
  startVerifiedLoad,
  type VerifiedLoad,
} from "../../infra/perf/verifiedLoad.ts";
import { type FaultScene, MIX, SCENES, SETTLED } from "./diskScenes.ts";
import type { Findings } from "./findings.ts";
import { openStoreScene, runStoreCheck, type StoreScene } from "./storeScene.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    /** Only the scenes whose name contains this. */
    only: { type: "string", default: "" },
    connections: { type: "string", default: "24" },
    "part-size": { type: "string", default: "1" },
    seed: { type: "string", default: "20250301" },
    indexing: { type: "string", default: "Memory" },
  },
});
const connections = Number(values.connections);
const warmMs = values.quick ? 3000 : 8000;
const faultMs = values.quick ? 3000 : 8000;
const calmMs = values.quick ? 2000 : 4000;

/** Every settled object once; how many came right. */
async function askSettled(scene: StoreScene): Promise<number> {
  let client = await connectVerified(scene.port);
  let right = 0;
  for (const { name, bytes, count } of SETTLED) {
    for (let index = 0; index < count; index++) {
      if (client.isClosed) client = await connectVerified(scene.port);
      const outcome = await client.ask({ path: bodyPath(bytes, `${name}-${index}`), bytes });
      if (outcome.kind === "right") right += 1;
    }
  }
  client.close();
  return right;
}

async function originAskedForSettled(scene: StoreScene): Promise<number> {
  let asked = 0;
  for (const [path, count] of await scene.origin.paths()) if (path.includes("/settled-")) asked += count;
  return asked;
}

const settledCount = SETTLED.reduce((sum, { count }) => sum + count, 0);

const isHit = ({ result }: Readonly<Record<string, string>>) => result?.endsWith("_HIT") === true;

async function readMetrics(scene: StoreScene): Promise<MetricSample[]> {
  return await scene.metrics().catch(() => []);
}

const SHOWN_COUNTERS = /store|disk|damag|missing|recover|evict|emergency|worker_restart/;

/** Counters of the store that are not zero. */
function storeCounters(samples: readonly MetricSample[]): string[] {
  const sums = new Map<string, number>();
  for (const { name, labels, value } of samples) {
    if (!SHOWN_COUNTERS.test(name) || value === 0 || name.includes("seconds")) continue;
    const shown = Object.entries(labels).filter(([label]) => label !== "vhost" && label !== "process");
    const text = shown.map(([label, each]) => `${label}=${each.split("/").at(-1)}`).join(",");
    const key = text === "" ? name : `${name}{${text}}`;
    sums.set(key, (sums.get(key) ?? 0) + value);
  }
  return [...sums].map(([key, value]) => `${key} ${Number.isInteger(value) ? value : value.toFixed(1)}`);
}

/** Warnings and errors of the log, alike ones counted together. */
function loggedProblems(lines: readonly string[], home: string): string[] {
  const counts = new Map<string, { readonly line: string; count: number }>();
  for (const line of lines) {
    if (!/\[(WARNING|ERROR)\]/.test(line) || /not active/i.test(line)) continue;
    const text = line.slice(line.indexOf("[")).replaceAll(`${home}/`, "");
    const kind = text.replaceAll(/\/[0-9a-f]{2}(?=\/)/g, "/#").replaceAll(/[0-9a-f]*\d[0-9a-f]*/g, "#");
    const known = counts.get(kind);
    if (known === undefined) counts.set(kind, { line: text, count: 1 });
    else known.count += 1;
  }
  return [...counts.values()].map(({ line, count }) => `${count} × ${line.slice(0, 200)}`);
}

const listed = (errors: Readonly<Record<string, number>>) =>
  Object.entries(errors)
    .map(([reason, count]) => `${count} × ${reason}`)
    .join(", ");

const sumPages = ({ errors }: LoadTally) =>
  Object.entries(errors).reduce((sum, [reason, count]) => sum + (reason.startsWith("status") ? count : 0), 0);

const SHOWN_LINES = 10;
/** A request that waits this long is not slow but forgotten, unless its scene says otherwise. */
const STUCK_MS = 5000;

async function runScene(each: FaultScene, findings: Findings): Promise<string[] | undefined> {
  const scene = await openStoreScene({
    workers: 2,
    disks: ["disk-1", "disk-2"],
    storageXml: 'DiskFailCount="5" DiskFailSec="60"',
    cacheXml:
      "<SystemMemoryRatio>1</SystemMemoryRatio><ContentMemoryRatio>1</ContentMemoryRatio>" +
      `<Indexing>${values.indexing}</Indexing>`,
    partSize: Number(values["part-size"]),
    ...each.settings,
  });
  print(`\n== ${each.name}`);
  const leftOut = each.prepare?.(scene);
  if (leftOut !== undefined) {
    print(`      left out: ${leftOut}`);
    await scene.dispose();
    return undefined;
  }
  let load: VerifiedLoad | undefined;
  try {
    await scene.start();
    const settledBefore = await askSettled(scene);
    load = startVerifiedLoad({
      port: scene.port,
      connections,
      mix: each.mix ?? MIX,
      skew: 1,
      seed: Number(values.seed),
      pauseMs: 5,
    });
    return await observe(each, { scene, load, settledBefore }, findings);
  } finally {
    await load?.stop();
    await scene.dispose();
  }
}

interface Subject {
  readonly scene: StoreScene;
  readonly load: VerifiedLoad;
  /** How many of the settled objects came right at the beginning. */
  readonly settledBefore: number;
}

/** The scene under load, before, during and after its fault. */
async function observe(
  each: FaultScene,
  { scene, load, settledBefore }: Subject,
  findings: Findings,
): Promise<string[]> {
  await delay(warmMs);
  const warm = load.tally();
  const askedBefore = await originAskedForSettled(scene);
  const { restBeforeMs = 0 } = each;
  if (restBeforeMs > 0) load.pause();
  await delay(restBeforeMs);
  const notes = [await each.fault(scene, findings)];
  load.resume();
  await delay(faultMs);
  if (each.heal !== undefined) {
    notes.push(await each.heal(scene, findings));
    await delay(faultMs / 2);
  }
  await waitUntilServing(scene.edge, 30_000);
  const healed = load.tally();
  await delay(calmMs);
  const ended = await load.stop();
  const settledAfter = await askSettled(scene);
  const askedAfter = await originAskedForSettled(scene);
  const metrics = await readMetrics(scene);
  const isUp = isAlive(scene.edge.process.pid);
  const { requests } = await scene.origin.counts();

  const { expect } = findings;
  const faulty = since(warm, healed);
  const calm = since(healed, ended);
  for (const note of notes) print(`      ${note}`);
  const phases: readonly [string, LoadTally][] = [
    ["before", since(NO_LOAD, warm)],
    ["with the fault", faulty],
    ["at the end", calm],
  ];
  print(
    formatTable([
      ["      ", "seconds", "requests", "right", "wrong", "errors", "longest so far, ms"],
      ...phases.map(([name, tally]) => [
        `      ${name}`,
        (tally.elapsedMs / 1000).toFixed(1),
        String(tally.requests),
        String(tally.right),
        String(tally.wrong),
        String(countErrors(tally)),
        tally.longestMs.toFixed(0),
      ]),
    ]),
  );
  if (countErrors(ended) > 0) print(`      errors: ${listed(ended.errors)}`);
  for (const reason of ended.wrongs) print(`      wrong: ${reason}`);
  const problems = loggedProblems(scene.logLines(), scene.home);
  for (const line of problems.slice(0, SHOWN_LINES)) print(`      log: ${line}`);
  if (problems.length > SHOWN_LINES) print(`      log: and ${problems.length - SHOWN_LINES} other kinds of lines`);
  const counters = storeCounters(metrics);
  if (counters.length > 0) print(`      counters: ${counters.join("; ")}`);

  expect(ended.wrong === 0, `wrong answers: ${ended.wrong}`);
  expect(
    calm.waitingMs < (each.patienceMs ?? STUCK_MS),
    `the longest wait at the end: ${(calm.waitingMs / 1000).toFixed(1)} s for ${calm.waitingFor}`,
  );
  findings.target(
    calm.right / calm.elapsedMs > warm.right / warm.elapsedMs / 5,
    "at the end at least a fifth of the requests per second of the beginning",
  );
  expect(
    isUp && calm.right > 0 && countErrors(calm) === 0,
    `at the end ${calm.right} right, ${countErrors(calm)} errors`,
  );
  const pages = Object.keys(ended.errors).filter((reason) => reason.startsWith("status"));
  expect(pages.length === 0, `error pages: ${pages.join(", ") || 0}`);
  if (each.hasDowntime !== true) {
    const cut = countErrors(faulty) - sumPages(faulty);
    expect(cut <= connections, `answers cut by the fault: ${cut}, at most the ${connections} under way`);
  }
  expect(
    settledBefore === settledCount && settledAfter === settledCount,
    `of ${settledCount} objects stored before the fault ${settledAfter} came right, ` +
      `${askedAfter - askedBefore} requests to the origin for them`,
  );
  if (each.keepsAll === true) expect(askedAfter === askedBefore, "all that was stored before is a hit again");
  const hits = sumMetric(metrics, "basalt_cache_results_total", isHit);
  return [
    each.name,
    String(ended.requests),
    String(ended.wrong),
    String(countErrors(ended)),
    String(hits),
    String(requests),
    `${askedAfter - askedBefore} of ${settledCount}`,
  ];
}

await runStoreCheck(async (findings) => {
  const rows: string[][] = [];
  for (const each of SCENES) {
    if (!each.name.includes(values.only) || (values.quick && each.isLong === true)) continue;
    const row = await runScene(each, findings).catch((error: unknown) => {
      findings.expect(false, `${each.name}: ${error instanceof Error ? error.message.slice(0, 2000) : error}`);
      return undefined;
    });
    if (row !== undefined) rows.push(row);
  }
  print();
  print(
    formatTable([
      ["fault", "requests", "wrong", "errors", "hits (last process)", "origin requests", "settled fetched anew"],
      ...rows,
    ]),
  );
});
