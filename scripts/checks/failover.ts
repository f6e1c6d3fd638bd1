import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { formatTable, print } from "../../infra/lib/print.ts";
import { startEdge, type TestEdge } from "../../packages/testkit/src/index.ts";
import { type KeyedOrigin, startKeyedOrigin } from "./keyedOrigin.ts";
import { type Asked, type SteadyLoad, startSteadyLoad } from "./steadyLoad.ts";
import { runStoreCheck, whenDone } from "./storeScene.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    seconds: { type: "string" },
    rate: { type: "string" },
    posts: { type: "string", default: "20" },
    workers: { type: "string", default: "2" },
  },
});
const seconds = Number(values.seconds ?? (values.quick ? 16 : 60));
const rate = Number(values.rate ?? (values.quick ? 200 : 500));

const HOST = "failover.test";
const NAMES = ["a", "b", "c"] as const;
const TAKES_MS = 20;
const BODY_BYTES = 4096;
const RECOVERY = { cycleSeconds: 1, count: 3 };
const POLL_MS = 20;
/** What the edge may take beyond its probes, and beyond its third failure, to take notice. */
const NOTICE_MS = 2000;
/** Of a share that should be equal. */
const UNEVEN = 0.08;

/** Address to whether it is in service, as the management API says. */
async function readStates(edge: TestEdge): Promise<ReadonlyMap<string, boolean>> {
  const { text } = await edge.api(`/monitoring/origin?vhost=${HOST}`);
  const states = new Map<string, boolean>();
  for (const [, address = "", state] of text.matchAll(/"([\d.]+:\d+)":\s*"(Active|Inactive)"/g)) {
    states.set(address, state === "Active");
  }
  return states;
}

/** Milliseconds until the address is in that state; undefined when it is not within the limit. */
async function untilState(
  edge: TestEdge,
  address: string,
  wanted: boolean,
  limitMs: number,
): Promise<number | undefined> {
  const started = performance.now();
  while (performance.now() - started < limitMs) {
    if ((await readStates(edge)).get(address) === wanted) return performance.now() - started;
    await delay(POLL_MS);
  }
  return undefined;
}

const inSeconds = (ms: number | undefined): string => (ms === undefined ? "never" : `${(ms / 1000).toFixed(2)} s`);

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

interface Phase {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
}

const within = (asked: readonly Asked[], { fromMs, toMs }: Phase, method: Asked["method"]): readonly Asked[] =>
  asked.filter((each) => each.method === method && each.startedAtMs >= fromMs && each.startedAtMs < toMs);

function sharesOf(asked: readonly Asked[]): ReadonlyMap<string, number> {
  const right = asked.filter(({ server }) => server !== undefined);
  return new Map(NAMES.map((name) => [name, right.filter(({ server }) => server === name).length / right.length]));
}

function listFailures(asked: readonly Asked[]): string {
  const counts = new Map<string, number>();
  for (const { failure } of asked) if (failure !== "") counts.set(failure, (counts.get(failure) ?? 0) + 1);
  return [...counts].map(([failure, count]) => `${count} × ${failure}`).join(", ");
}

function rowOf(phase: Phase, asked: readonly Asked[]): string[] {
  const gets = within(asked, phase, "GET");
  const latencies = gets.map(({ startedAtMs, endedAtMs }) => endedAtMs - startedAtMs).sort((a, b) => a - b);
  const shares = sharesOf(gets);
  return [
    phase.name,
    ((phase.toMs - phase.fromMs) / 1000).toFixed(1),
    String(gets.length),
    String(gets.filter(({ failure }) => failure !== "").length),
    ...NAMES.map((name) => `${(100 * (shares.get(name) ?? 0)).toFixed(1)} %`),
    String(quantile(latencies, 0.5)),
    String(quantile(latencies, 0.99)),
    String(quantile(latencies, 1)),
  ];
}

/** POSTs that more than one line tells of. */
function deedsDoneTwice(deedFile: string): string[] {
  if (!existsSync(deedFile)) return [];
  const counts = new Map<string, number>();
  for (const line of readFileSync(deedFile, "utf8").split("\n").filter(Boolean)) {
    const [deed = ""] = line.split(" ");
    counts.set(deed, (counts.get(deed) ?? 0) + 1);
  }
  return [...counts].filter(([, count]) => count > 1).map(([deed]) => deed);
}

/** The one that POSTs go to: their affinity (BYP-11) makes its end the worst case. */
async function findVictim(load: SteadyLoad, origins: readonly KeyedOrigin[]): Promise<KeyedOrigin> {
  const [first] = origins;
  if (first === undefined) throw new Error("no origin");
  for (const limit = Date.now() + 5000; Date.now() < limit; await delay(POLL_MS)) {
    const answered = load.asked.find(({ method, server }) => method === "POST" && server !== undefined);
    if (answered !== undefined) return origins.find(({ name }) => name === answered.server) ?? first;
  }
  return first;
}

await runStoreCheck(async ({ expect, target }) => {
  const folder = await mkdtemp(join(tmpdir(), "basalt-check-failover-"));
  whenDone(() => rm(folder, { recursive: true, force: true }));
  const deedFile = join(folder, "deeds");
  const plan = { takesMs: TAKES_MS, atOnce: 10_000, deedFile };
  const origins: KeyedOrigin[] = [];
  for (const name of NAMES) {
    const origin = await startKeyedOrigin({ ...plan, port: 0, name });
    origins.push(origin);
    whenDone(() => origin.stop());
  }
  const edge = await startEdge({
    workers: Number(values.workers),
    vhosts: [{ name: HOST, origin: origins.map(({ port }) => `127.0.0.1:${port}`) }],
    vhostDefaultXml: `<Options><OriginalHeader>ON</OriginalHeader></Options><OriginOptions><Recovery Cycle="${RECOVERY.cycleSeconds}">${RECOVERY.count}</Recovery></OriginOptions>`,
  });
  whenDone(() => edge.close());

  const load = startSteadyLoad({
    port: edge.port,
    host: HOST,
    getsPerSecond: rate,
    postsPerSecond: Number(values.posts),
    bodyBytes: BODY_BYTES,
  });
  const startedMs = Date.now();
  const victim = await findVictim(load, origins);
  const address = `127.0.0.1:${victim.port}`;
  await delay(startedMs + seconds * 250 - Date.now());

  const killedMs = Date.now();
  await victim.kill();
  const exclusionMs = await untilState(edge, address, false, seconds * 250);
  await delay(killedMs + seconds * 250 - Date.now());

  const revived = await startKeyedOrigin({ ...plan, port: victim.port, name: victim.name });
  whenDone(() => revived.stop());
  const revivedMs = Date.now();
  const recoveryMs = await untilState(edge, address, true, 30_000);
  const recoveredMs = Date.now();
  await delay(Math.max(seconds * 250, startedMs + seconds * 1000 - Date.now()));
  await load.stop();
  const endedMs = Date.now();

  const { asked } = load;
  const excludedMs = killedMs + (exclusionMs ?? 0);
  const before: Phase = { name: "before the kill", fromMs: 0, toMs: killedMs };
  const out: Phase = { name: "out of service", fromMs: excludedMs, toMs: recoveredMs };
  const after: Phase = { name: "recovered", fromMs: recoveredMs, toMs: endedMs };
  const phases = [
    { ...before, fromMs: startedMs },
    { name: "kill to exclusion", fromMs: killedMs, toMs: excludedMs },
    out,
    after,
  ];
  print(
    `${rate} misses/s and ${values.posts} POSTs/s for ${((endedMs - startedMs) / 1000).toFixed(0)} s; ${victim.name} was killed`,
  );
  print(
    formatTable([
      ["", "seconds", "GETs", "errors", ...NAMES.map((name) => `by ${name}`), "p50 ms", "p99 ms", "longest ms"],
      ...phases.map((phase) => rowOf(phase, asked)),
    ]),
  );
  const gets = asked.filter(({ method }) => method === "GET");
  const posts = asked.filter(({ method }) => method === "POST");
  const failedGets = gets.filter(({ failure }) => failure !== "").length;
  const failedPosts = posts.filter(({ failure }) => failure !== "").length;
  expect(
    failedGets === 0,
    `errors of ${gets.length} GETs: ${failedGets}${failedGets === 0 ? "" : ` (${listFailures(gets)})`}`,
  );
  print(
    `      errors of ${posts.length} POSTs, which are not repeated: ${failedPosts}${failedPosts === 0 ? "" : ` (${listFailures(posts)})`}`,
  );
  const twice = deedsDoneTwice(deedFile);
  expect(twice.length === 0, `POSTs that arrived twice: ${twice.length}`);
  expect(exclusionMs !== undefined, `excluded ${inSeconds(exclusionMs)} after the kill`);
  target((exclusionMs ?? NOTICE_MS) < NOTICE_MS, `excluded within ${inSeconds(NOTICE_MS)}`);
  const probesMs = RECOVERY.cycleSeconds * RECOVERY.count * 1000;
  expect(recoveryMs !== undefined, `in service again ${inSeconds(recoveryMs)} after it was revived`);
  target(
    (recoveryMs ?? Number.MAX_VALUE) < probesMs + NOTICE_MS,
    `${RECOVERY.count} probes, one each ${RECOVERY.cycleSeconds} s`,
  );
  const first = gets.find(({ server, startedAtMs }) => server === victim.name && startedAtMs >= revivedMs);
  print(
    `      its first GET ${inSeconds(first === undefined ? undefined : first.startedAtMs - revivedMs)} after it was revived`,
  );
  for (const [phase, part] of [
    [before, 1 / 3],
    [after, 1 / 3],
  ] as const) {
    const shares = [...sharesOf(within(asked, phase, "GET")).values()];
    const isEven = shares.every((share) => Math.abs(share - part) < UNEVEN);
    expect(isEven, `${phase.name}: shares even within ${UNEVEN * 100} points, ORG-31`);
  }
  const late = within(asked, { ...out, fromMs: excludedMs + NOTICE_MS, toMs: revivedMs }, "GET");
  expect(
    late.length > 0 && late.every(({ server }) => server !== victim.name),
    `${late.length} GETs while it was out, none by ${victim.name}`,
  );
});
