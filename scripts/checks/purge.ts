import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { numberAt, parseRecord, recordAt } from "../../infra/lib/json.ts";
import { formatTable, print } from "../../infra/lib/print.ts";
import { buildIndex, VHOST } from "../../infra/perf/indexBuilder.ts";
import { describeMachine } from "../../infra/perf/machine.ts";
import { askAll, connectSerialAsker, type SerialAsker } from "./serialAsker.ts";
import { startSerialOrigin } from "./serialOrigin.ts";
import { openStoreScene, runStoreCheck, type StoreScene, whenDone } from "./storeScene.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    objects: { type: "string" },
    /** URLs that are purged one by one. */
    exact: { type: "string" },
    tagged: { type: "string" },
    /** Requests per second of the steady load. */
    rate: { type: "string", default: "500" },
  },
});
const objects = Number(values.objects ?? (values.quick ? 100_000 : 1_000_000));
const exactCount = Number(values.exact ?? (values.quick ? 200 : 1_000));
const taggedCount = Number(values.tagged ?? (values.quick ? 2_000 : 10_000));
const rate = Number(values.rate);

const LOADERS = 16;
/** Connections that look after each call, on both workers: as many at a time until each has some. */
const WITNESSES = 16;
const MOST_WITNESSES = 160;
const LOAD_SECONDS = 5;
const LOOKED_AT = 400;

const numbered = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, number) => `${prefix}${number}`);
const EXACT = numbered("/exact/", exactCount);
const TAGGED = numbered("/tag/deploy/", taggedCount);
const HOT = numbered("/hot/", 100);

interface Called {
  readonly count: number;
  /** From the call to its return, seen from outside. */
  readonly ms: number;
}

async function call(scene: StoreScene, query: string, verb = "purge"): Promise<Called> {
  const startedMs = performance.now();
  const { status, text } = await scene.api(`/command/${verb}?${query}`);
  const ms = performance.now() - startedMs;
  if (status !== 200) throw new Error(`${verb} ${query}: ${status} ${text}`);
  return { count: numberAt(recordAt(parseRecord(text), "result"), "Count"), ms };
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

const ms = (value: number): string => `${value.toFixed(1)} ms`;

async function storedObjects(scene: StoreScene): Promise<number> {
  const sample = (await scene.metrics()).find(({ name }) => name === "basalt_stored_objects");
  return sample?.value ?? Number.NaN;
}

async function untilStored(
  scene: StoreScene,
  wanted: (count: number) => boolean,
  limitSeconds: number,
): Promise<number> {
  const startedMs = performance.now();
  while (!wanted(await storedObjects(scene))) {
    if (performance.now() - startedMs > limitSeconds * 1000) throw new Error("the number of objects does not come");
    await delay(100);
  }
  return (performance.now() - startedMs) / 1000;
}

/** The kernel gives connections to whichever worker is awake. */
async function findWitnesses(scene: StoreScene): Promise<SerialAsker[]> {
  const witnesses: SerialAsker[] = [];
  while (witnesses.length <= MOST_WITNESSES) {
    witnesses.push(...(await Promise.all(Array.from({ length: WITNESSES }, () => connectSerialAsker(scene.port)))));
    // Workers tell their figures once a second.
    await delay(2_000);
    const { workers } = await scene.edge.status();
    if (workers.every(({ connections }) => connections > 0)) break;
  }
  return witnesses;
}

/** Purges URL after URL; how many answers after a call were older than it. */
async function purgeExactly(scene: StoreScene, witnesses: readonly SerialAsker[]) {
  const latencies: number[] = [];
  let old = 0;
  let miscounted = 0;
  for (const path of EXACT) {
    const before = Math.max(...(await Promise.all(witnesses.map((witness) => witness.ask(path)))));
    const { count, ms: took } = await call(scene, `url=${VHOST}${path}`);
    latencies.push(took);
    if (count !== 1) miscounted += 1;
    const after = await Promise.all(witnesses.map((witness) => witness.ask(path)));
    old += after.filter((serial) => serial <= before).length;
  }
  latencies.sort((left, right) => left - right);
  return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), old, miscounted };
}

/** Requests at a fixed rate for what is stored; how many were answered in each second. */
function startLoad(port: number) {
  const answered: number[] = [];
  const startedMs = performance.now();
  let due = 0;
  let isOver = false;
  const idle: SerialAsker[] = [];
  const askers: SerialAsker[] = [];
  const ready = Promise.all(Array.from({ length: 32 }, () => connectSerialAsker(port))).then((all) => {
    askers.push(...all);
    idle.push(...all);
  });
  const timer = setInterval(() => {
    const elapsedSeconds = (performance.now() - startedMs) / 1000;
    for (; due < elapsedSeconds * rate; due++) {
      const asker = idle.pop();
      if (asker === undefined) continue;
      void asker.ask(HOT[due % HOT.length] ?? "/").then(() => {
        if (isOver) return;
        const second = Math.floor((performance.now() - startedMs) / 1000);
        answered[second] = (answered[second] ?? 0) + 1;
        idle.push(asker);
      });
    }
  }, 5);
  return {
    ready,
    seconds: () => Math.floor((performance.now() - startedMs) / 1000),
    /** Mean of the whole seconds from one to another. */
    perSecond: (from: number, to: number) => {
      const window = Array.from({ length: Math.max(1, to - from) }, (_, index) => answered[from + index] ?? 0);
      return window.reduce((sum, each) => sum + each, 0) / window.length;
    },
    stop: () => {
      isOver = true;
      clearInterval(timer);
      for (const asker of askers) asker.close();
    },
  };
}

await runStoreCheck(async ({ expect, target }) => {
  const origin = await startSerialOrigin();
  whenDone(() => origin.close());
  const scene = await openStoreScene({ workers: 2, originPort: origin.port });
  const machine = describeMachine();
  print(`${machine.cpu}, ${machine.cores} cores, ${machine.kernel}, Node ${machine.node}, commit ${machine.commit}`);
  await scene.start();
  const real = [...EXACT, ...TAGGED, ...HOT];
  await askAll(scene.port, real, LOADERS);
  await untilStored(scene, (count) => count >= real.length, 30);
  await scene.stop();
  await buildIndex(scene.home, scene.disks[0] ?? "", objects, (index) => {
    const [row] = index.findVariants(VHOST, EXACT[0] ?? "");
    if (row === undefined) throw new Error("the first object is not in the index");
    return row;
  });
  await scene.start();
  const total = objects + real.length;
  // The gauge follows the index each second.
  await untilStored(scene, (count) => count === total, 10).catch(() => undefined);
  expect((await storedObjects(scene)) === total, `${total} objects are stored`);
  const witnesses = await findWitnesses(scene);
  expect(witnesses.length <= MOST_WITNESSES, `${witnesses.length} witnesses are connected to both workers`);

  const exact = await purgeExactly(scene, witnesses);
  expect(exact.old === 0, `${exact.old} answers were older than the purge of their URL`);
  expect(exact.miscounted === 0, `${exact.miscounted} purges of a URL did not count one object`);

  await askAll(scene.port, TAGGED.slice(0, LOOKED_AT / 2), LOADERS);
  const beforeTag = origin.serial;
  const dryTag = await call(scene, "dryrun=1&tag=deploy");
  const tag = await call(scene, "tag=deploy");
  const afterTag = await askAll(scene.port, TAGGED.slice(0, LOOKED_AT), WITNESSES);
  expect(tag.count === taggedCount && dryTag.count === taggedCount, `${tag.count} of ${taggedCount} objects by tag`);
  expect(
    afterTag.every((serial) => serial > beforeTag),
    "none of them is served after the call",
  );

  const dryPattern = await call(scene, `dryrun=1&url=${VHOST}/shop/*7.jpg`);
  expect(dryPattern.count === objects / 10, `${dryPattern.count} of ${objects / 10} objects by a pattern, dry run`);

  await askAll(scene.port, [...HOT, ...EXACT.slice(0, LOOKED_AT)], WITNESSES);
  await delay(2_500);
  const live = await storedObjects(scene);
  const load = startLoad(scene.port);
  await load.ready;
  await delay(LOAD_SECONDS * 1000);
  const beforeRoot = origin.serial;
  const purgedAt = load.seconds();
  const root = await call(scene, `url=${VHOST}/*`);
  const afterRoot = await askAll(scene.port, EXACT.slice(0, LOOKED_AT), WITNESSES);
  const again = await call(scene, `dryrun=1&url=${VHOST}/shop/*`);
  const sweepSeconds = await untilStored(scene, (count) => count < LOOKED_AT + 10 * HOT.length, 600);
  const sweptAt = Math.max(purgedAt + 2, load.seconds());
  const rateBefore = load.perSecond(1, purgedAt);
  const rateDuring = load.perSecond(purgedAt + 1, sweptAt);
  load.stop();
  expect(root.count === live, `${root.count} of ${live} objects by /*`);
  expect(again.count === 0, `${again.count} of them count once more while rows are swept`);
  expect(
    afterRoot.every((serial) => serial > beforeRoot),
    "none of them is served after the call",
  );

  for (const witness of witnesses) witness.close();
  const killed = [EXACT[0] ?? "", "/tag/killed/1", "/killed/by/pattern", HOT[0] ?? ""];
  await askAll(scene.port, killed, 1);
  await delay(1_000);
  const beforeKill = origin.serial;
  await Promise.all([
    call(scene, `url=${VHOST}${killed[0]}`),
    call(scene, "tag=killed", "hardpurge"),
    call(scene, `url=${VHOST}/killed/*`),
  ]);
  await scene.killAll();
  await scene.start();
  const afterKill = await askAll(scene.port, killed, 1);
  expect(
    afterKill.slice(0, 3).every((serial) => serial > beforeKill),
    "after SIGKILL of everything: what was purged by URL, tag and pattern stays so",
  );
  expect((afterKill[3] ?? 0) <= beforeKill, "and what was not is still there");

  print(
    formatTable([
      ["figure", "value", "goal"],
      ["objects", String(total), ""],
      ["purge of a URL, median", ms(exact.p50), ""],
      ["purge of a URL, p99", ms(exact.p99), "10 ms"],
      [`purge of a tag with ${taggedCount} objects, in force and counted`, ms(tag.ms), "100 ms"],
      ["its dry run", ms(dryTag.ms), ""],
      [`pattern that means ${objects / 10} objects, counted (dry run)`, ms(dryPattern.ms), ""],
      ["purge of /*, in force and counted", ms(root.ms), "100 ms"],
      ["rows swept behind it", `${sweepSeconds.toFixed(1)} s`, ""],
      ["hits per second before", rateBefore.toFixed(0), ""],
      ["hits per second while rows are swept", rateDuring.toFixed(0), `${(0.9 * rateBefore).toFixed(0)}`],
    ]),
  );
  target(exact.p99 < 10, "purge of a URL, p99");
  target(tag.ms < 100, "purge of a tag");
  target(root.ms < 100, "purge of /*");
  target(rateDuring >= 0.9 * rateBefore, "hits while rows are swept");
});
