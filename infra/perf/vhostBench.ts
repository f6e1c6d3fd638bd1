import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startEdge, startOrigin, type TestEdge, type VhostSpec } from "../../packages/testkit/src/index.ts";
import { runStoreCheck, whenDone } from "../../scripts/checks/storeScene.ts";
import { formatTable, print } from "../lib/print.ts";
import { readCpuSeconds, readMemory } from "../lib/procfs.ts";
import { aliasXml, hostName, measureVhostLookups } from "./vhostLookups.ts";

const READY_LIMIT_MS = 600_000;
const RELOAD_LIMIT_MS = 600_000;
const KEPT_CONNECTIONS = 8;
const ASK_EVERY_MS = 5;
const REST_MS = 10_000;
const MB = 1024 ** 2;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    hosts: { type: "string" },
    workers: { type: "string", default: "2" },
  },
});
const hosts = Number(values.hosts ?? (values.quick ? 2_000 : 20_000));
const workers = Number(values.workers);

const vhostsOf = (address: string, changedHost?: number): VhostSpec[] =>
  Array.from({ length: hosts }, (_, index) => ({
    name: hostName(index),
    origin: address,
    xml: `${aliasXml(index)}${index === changedHost ? "<Options><AgeHeader>ON</AgeHeader></Options>" : ""}`,
  }));

const askedHost = hostName(1);

/** Asks for one object in memory over kept connections; the longest time that any of them has waited. */
const watchSilence = async (edge: TestEdge): Promise<() => Promise<number>> => {
  let isOver = false;
  let longestMs = 0;
  const asking = Array.from({ length: KEPT_CONNECTIONS }, async () => {
    const client = await edge.client();
    while (!isOver) {
      const startedMs = performance.now();
      const { status } = await client.request({ path: "/object", host: askedHost });
      if (status !== 200) throw new Error(`status ${status}`);
      longestMs = Math.max(longestMs, performance.now() - startedMs);
      await delay(ASK_EVERY_MS);
    }
    client.close();
  });
  return async () => {
    isOver = true;
    await Promise.all(asking);
    return longestMs;
  };
};

interface Processes {
  readonly primary: number;
  readonly workers: readonly number[];
}

const processesOf = async (edge: TestEdge): Promise<Processes> => {
  const status = await edge.status();
  return { primary: status.primaryPid, workers: status.workers.map(({ pid }) => pid) };
};

const cpuOf = ({ primary, workers: pids }: Processes): readonly [primary: number, worker: number] => [
  readCpuSeconds([primary]),
  readCpuSeconds(pids) / pids.length,
];

const formatSeconds = (seconds: number): string => `${seconds.toFixed(2)} s`;

/** One row: how long it took, what it cost, and the longest wait of a client meanwhile. */
const measureChange = async (edge: TestEdge, name: string, change: () => Promise<unknown>): Promise<string[]> => {
  const processes = await processesOf(edge);
  const stop = await watchSilence(edge);
  await delay(500);
  const [primaryBefore, workerBefore] = cpuOf(processes);
  const startedMs = performance.now();
  await change();
  const tookSeconds = (performance.now() - startedMs) / 1000;
  const [primaryAfter, workerAfter] = cpuOf(processes);
  const silenceMs = await stop();
  return [
    name,
    formatSeconds(tookSeconds),
    formatSeconds(primaryAfter - primaryBefore),
    formatSeconds(workerAfter - workerBefore),
    `${silenceMs.toFixed(0)} ms`,
  ];
};

await runStoreCheck(async ({ expect }) => {
  print(`lookup among ${hosts} hosts, CPU time of one`);
  const lookups = measureVhostLookups(hosts);
  print(formatTable([...lookups].map(([kind, nanoseconds]) => [kind, `${nanoseconds.toFixed(0)} ns`])));

  const origin = await startOrigin();
  whenDone(() => origin.close());
  origin.on(() => true).reply(200, { "Cache-Control": "max-age=86400" }, "object");
  const startedMs = performance.now();
  const edge = await startEdge({ workers, vhosts: vhostsOf(origin.address), readyLimitMs: READY_LIMIT_MS });
  whenDone(() => edge.close());
  await edge.get("/object", { host: askedHost }).expect(200);
  const startSeconds = (performance.now() - startedMs) / 1000;
  const processes = await processesOf(edge);
  const [primaryStart, workerStart] = cpuOf(processes);
  print(
    `\nfrom start to the first answer: ${formatSeconds(startSeconds)} (CPU: primary ${formatSeconds(primaryStart)}, a worker ${formatSeconds(workerStart)})`,
  );

  const reload = async (): Promise<void> => {
    const answer = await edge.control("/conf/reload", { limitMs: RELOAD_LIMIT_MS });
    if (answer.status !== 200) throw new Error(`reload: ${answer.status}`);
  };
  const rows = [["", "took", "primary CPU", "CPU of a worker", "longest wait"]];
  rows.push(await measureChange(edge, "nothing, for comparison", () => delay(REST_MS)));
  await edge.configure({ vhosts: vhostsOf(origin.address, 5) });
  rows.push(await measureChange(edge, "reload: one host changed", reload));
  const added = { name: "added.example.com", origin: origin.address };
  await edge.configure({ vhosts: [...vhostsOf(origin.address, 5), added] });
  rows.push(await measureChange(edge, "reload: one host added", reload));
  await edge.configure({ vhostDefaultXml: "<Options><ViaHeader>OFF</ViaHeader></Options>" });
  rows.push(await measureChange(edge, "reload: all hosts changed", reload));
  print(formatTable(rows));

  const memoryRow = (name: string, pid: number): string[] => {
    const { rssBytes, anonymousBytes } = readMemory(pid);
    return [name, `${(rssBytes / MB).toFixed(0)} MB`, `${(anonymousBytes / MB).toFixed(0)} MB`];
  };
  print();
  print(
    formatTable([
      ["memory", "resident", "anonymous"],
      memoryRow("primary", processes.primary),
      ...processes.workers.map((pid, index) => memoryRow(`worker ${index}`, pid)),
    ]),
  );
  const restFrom = cpuOf(processes);
  await delay(REST_MS);
  const restTo = cpuOf(processes);
  const share = (from: number, to: number): string => `${(((to - from) / (REST_MS / 1000)) * 100).toFixed(1)} %`;
  print(`at rest: primary ${share(restFrom[0], restTo[0])} of a core, a worker ${share(restFrom[1], restTo[1])}`);
  await edge.get("/object", { host: "a.b.host7.example.net" }).expect(200);
  expect(true, `${hosts} hosts serve`);
});
