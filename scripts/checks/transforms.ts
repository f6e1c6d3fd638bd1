import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { print } from "../../infra/lib/print.ts";
import { readMemory } from "../../infra/lib/procfs.ts";
import { countFailures, runWrk, type WrkResult } from "../../infra/lib/wrk.ts";
import { startEdge, startOrigin, type TestEdge } from "../../packages/testkit/src/index.ts";
import { connectAll, type DigestAnswer, DigestAsker } from "./digestAsker.ts";
import { noisePicture } from "./noisePicture.ts";
import { runStoreCheck, whenDone } from "./storeScene.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    clients: { type: "string" },
    seconds: { type: "string" },
    threads: { type: "string", default: "1" },
    workers: { type: "string", default: "2" },
  },
});
const clients = Number(values.clients ?? (values.quick ? 2_000 : 10_000));
const seconds = Number(values.seconds ?? (values.quick ? 4 : 15));
const threads = Number(values.threads);
const cores = availableParallelism();

const HOST = "transforms.test";
const DISTINCT = 100;
/** More askers than threads, so that the queue is never empty. */
const ASKERS = 8;
const HIT_CONNECTIONS = 32;
const HIT_BYTES = 16_384;
/** Hits keep this share of their rate, beyond the cores that the threads take. */
const KEPT_SHARE = 0.85;
const P99_LIMIT_US = 20_000;
/** Threads without work end after 20 s. */
const IDLE_MS = 25_000;
/** A busy machine is no reason to refuse anything here. */
const DEADLINE_SECONDS = 120;
const MEBIBYTE = 1024 ** 2;

let nextWidth = 100;
/** A picture that nobody has asked for before. */
const freshPath = (source: string): string => {
  nextWidth++;
  return `/${source}/dims/resize/${200 + (nextWidth % 400)}x${200 + Math.floor(nextWidth / 400)}!/`;
};

const inMegabytes = (bytes: number): string => `${Math.round(bytes / MEBIBYTE)} MB`;

await runStoreCheck(async ({ expect, target }) => {
  const origin = await startOrigin();
  whenDone(() => origin.close());
  const type = { "Content-Type": "image/png" };
  for (const name of ["load", "crash"]) origin.on(`/${name}.png`).reply(200, type, noisePicture(1200, 900));
  origin.on("/one.png").reply(200, type, noisePicture(400, 300));
  origin.on("/hit").reply(200, { "Content-Type": "application/octet-stream" }, Buffer.alloc(HIT_BYTES, "x"));
  const edge = await startEdge({
    workers: Number(values.workers),
    serverXml: `<TransformThreads>${threads}</TransformThreads><TransformDeadline>${DEADLINE_SECONDS}</TransformDeadline>`,
    vhosts: [
      {
        name: HOST,
        origin: origin.address,
        xml: '<Options><Dims Status="Active" Keyword="dims"/><ClientKeepAliveSec>120</ClientKeepAliveSec></Options>',
      },
    ],
    defaultVhost: HOST,
  });
  whenDone(() => edge.close());
  const memory = watchMemory(edge);
  whenDone(() => memory.stop());

  print(`cached hits beside transforms: ${cores} cores, ${threads} transform threads, ${values.workers} workers`);
  const before = await memory.now();
  await hitsBesideTransforms(edge, { expect, target });
  const after = await memory.now();

  print(`${clients} clients at once, ${DISTINCT} pictures made of one`);
  await manyForFew(edge, () => origin.saw("/one.png"), expect);

  print("a transform host that is ended again and again");
  await endedHosts(edge, expect);

  await delay(IDLE_MS);
  const idle = await memory.now();
  print(
    `      transform host: ${inMegabytes(before)} before, at most ${inMegabytes(memory.peak)}, ` +
      `${inMegabytes(after)} after the load, ${inMegabytes(idle)} after ${IDLE_MS / 1000} s without work`,
  );
  target(idle < before + 192 * MEBIBYTE, "its memory is given back");
});

type Judge = (holds: boolean, finding: string) => void;

async function hitsBesideTransforms(edge: TestEdge, { expect, target }: { expect: Judge; target: Judge }) {
  const url = `http://127.0.0.1:${edge.port}/hit`;
  const load = () => runWrk({ url, connections: HIT_CONNECTIONS, seconds });
  await runWrk({ url, connections: HIT_CONNECTIONS, seconds: 1 });
  const alone = await load();
  const transforms = await keepAsking(edge.port, ASKERS, () => freshPath("load.png"));
  const beside = await load();
  const answers = await transforms.end();
  const rate = (result: WrkResult): number => result.requests / result.seconds;
  const left = Math.max(1, cores - threads) / cores;
  print(
    `      ${Math.round(rate(alone))} hits a second alone, p99 ${alone.p99Us} µs; ` +
      `${Math.round(rate(beside))} beside ${(answers.length / seconds).toFixed(1)} transforms a second, p99 ${beside.p99Us} µs`,
  );
  expect(countFailures(alone) + countFailures(beside) === 0, "all hits were answered");
  expect(
    answers.length > 0 && answers.every(({ status }) => status === 200),
    `${answers.length} transforms, all answered 200`,
  );
  const kept = rate(beside) / rate(alone);
  target(kept >= KEPT_SHARE * left, `hits keep ${(kept * 100).toFixed(0)} % of their rate`);
  target(beside.p99Us < P99_LIMIT_US, `p99 of hits: ${(beside.p99Us / 1000).toFixed(1)} ms`);
}

async function manyForFew(edge: TestEdge, timesAsked: () => number, expect: Judge) {
  const made = async () => (await edge.metrics()).sum("basalt_transforms_total");
  const madeBefore = await made();
  const askers = await connectAll(edge.port, clients);
  whenDone(() => {
    for (const asker of askers) asker.close();
  });
  const started = performance.now();
  const outcomes = await Promise.allSettled(
    askers.map((asker, nth) => asker.ask(`/one.png/dims/resize/${300 + (nth % DISTINCT)}x300!/`)),
  );
  const tookSeconds = (performance.now() - started) / 1000;
  for (const asker of askers) asker.close();
  const digests = new Map<number, Set<string>>();
  const failures = new Map<string, number>();
  let right = 0;
  outcomes.forEach((outcome, nth) => {
    if (outcome.status === "rejected" || outcome.value.status !== 200) {
      const failure = outcome.status === "rejected" ? String(outcome.reason) : `status ${outcome.value.status}`;
      failures.set(failure, (failures.get(failure) ?? 0) + 1);
      return;
    }
    right++;
    const known = digests.get(nth % DISTINCT) ?? new Set();
    digests.set(nth % DISTINCT, known.add(outcome.value.digest));
  });
  const others = [...failures].map(([failure, times]) => `, ${times} × ${failure}`).join("");
  expect(right === clients, `answers: ${right} of ${clients}, after ${tookSeconds.toFixed(1)} s${others}`);
  expect(
    digests.size === DISTINCT && [...digests.values()].every((found) => found.size === 1),
    "all who asked for the same picture got the same bytes",
  );
  // Counts of workers arrive once a second.
  await delay(2_500);
  const count = (await made()) - madeBefore;
  expect(count === DISTINCT, `transforms made: ${count}`);
  expect(timesAsked() === 1, `the origin was asked for the source: ${timesAsked()} times`);
}

async function endedHosts(edge: TestEdge, expect: Judge) {
  const ends = Math.max(2, Math.floor(seconds / 2));
  const asked: string[] = [];
  const transforms = await keepAsking(edge.port, ASKERS, () => {
    const path = freshPath("crash.png");
    asked.push(path);
    return path;
  });
  const hits = await keepAsking(edge.port, HIT_CONNECTIONS, () => "/hit");
  const pids = new Set<number>();
  for (let nth = 0; nth < ends; nth++) {
    await delay(2_000);
    const pid = (await edge.status()).transform?.pid ?? 0;
    if (pid > 0 && !pids.has(pid)) edge.signal(pid, "SIGABRT");
    pids.add(pid);
  }
  await delay(2_000);
  const [made, served] = await Promise.all([transforms.end(), hits.end()]);
  expect(
    served.length > 0 && served.every(({ status }) => status === 200),
    `${served.length} hits on ${HIT_CONNECTIONS} connections while ${pids.size} hosts ended, none lost`,
  );
  // What ran at two ends is suspected of them and refused for a while, so that no job can end hosts for ever.
  const suspects = made.filter(({ status }) => status === 500).length;
  const isAnswered = made.length > 0 && made.every(({ status }) => status === 200 || status === 500);
  expect(
    isAnswered && suspects < pids.size,
    `${made.length} transforms meanwhile, each answered; ${suspects} of them refused because they ran at two of the ends`,
  );
  const control = await DigestAsker.connect(edge.port);
  let differing = 0;
  const good = made.filter(({ status }) => status === 200).slice(0, 50);
  for (const { path, digest } of good) if ((await control.ask(path)).digest !== digest) differing++;
  control.close();
  expect(differing === 0, "what was made is what is served");
}

interface Asked extends DigestAnswer {
  readonly path: string;
}

/** Connections that ask one thing after the other until the end; a connection that is lost is an answer of status 0. */
async function keepAsking(port: number, count: number, pathOf: () => string) {
  const askers = await connectAll(port, count);
  const answers: Asked[] = [];
  let isOver = false;
  const all = Promise.all(
    askers.map(async (asker) => {
      while (!isOver) {
        const path = pathOf();
        const answer = await asker.ask(path).catch((): DigestAnswer => ({ status: 0, digest: "" }));
        answers.push({ path, ...answer });
        if (answer.status === 0) return;
      }
    }),
  );
  const end = async (): Promise<readonly Asked[]> => {
    isOver = true;
    await all;
    for (const asker of askers) asker.close();
    return answers;
  };
  return { end };
}

function watchMemory(edge: TestEdge) {
  let peak = 0;
  const now = async (): Promise<number> => {
    const pid = (await edge.status()).transform?.pid ?? 0;
    try {
      const { rssBytes } = readMemory(pid);
      peak = Math.max(peak, rssBytes);
      return rssBytes;
    } catch {
      // It has just ended.
      return 0;
    }
  };
  const timer = setInterval(() => void now().catch(() => undefined), 500);
  return {
    now,
    get peak() {
      return peak;
    },
    stop: () => clearInterval(timer),
  };
}
