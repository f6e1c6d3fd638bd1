import { setTimeout as delay } from "node:timers/promises";
import { type MetricSample, parseMetrics, sumMetric } from "../../infra/lib/metrics.ts";
import { formatTable, print } from "../../infra/lib/print.ts";
import { signal } from "../../infra/lib/processes.ts";
import { startWrk } from "../../infra/lib/wrk.ts";
import { runCheck, type Scene } from "./check.ts";

/** Mixed sizes over 500 URLs: many small ones, few large ones. */
const MIX = [
  { pathPattern: "/bytes/1024/page-%d", count: 250 },
  { pathPattern: "/bytes/16384/picture-%d", count: 150 },
  { pathPattern: "/bytes/65536/script-%d", count: 80 },
  { pathPattern: "/bytes/1048576/film-%d", count: 20 },
];
const URL_COUNT = MIX.reduce((sum, { count }) => sum + count, 0);
const WANTED_REQUESTS = 200_000;
const CONNECTIONS = 64;
const MAX_SECONDS = 300;
const RECOVERY_MS = 200;

async function readCounters(scene: Scene): Promise<MetricSample[]> {
  return parseMetrics(await (await fetch(`http://127.0.0.1:${scene.managerPort}/metrics`)).text());
}

/** kill -9 of the busiest worker; returns how many connections went with it. */
async function killWorker(scene: Scene): Promise<number> {
  const { workers } = await scene.edge.status();
  const victim = workers.reduce((a, b) => (b.connections > a.connections ? b : a));
  signal(victim.pid, "SIGKILL");
  const killed = performance.now();
  for (;;) {
    const now = (await scene.edge.status()).workers;
    if (now.every(({ state }) => state === "serving") && !now.some(({ pid }) => pid === victim.pid)) break;
    if (performance.now() - killed > 10_000) throw new Error("the killed worker does not come back");
  }
  // What the status command takes to start is in this figure: it is an upper bound.
  print(
    `      worker ${victim.slot} (pid ${victim.pid}) killed with ${victim.connections} connections; ` +
      `a new one was seen serving ${Math.round(performance.now() - killed)} ms later (target ${RECOVERY_MS} ms)`,
  );
  return victim.connections;
}

async function reload(scene: Scene): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${scene.managerPort}/conf/reload`);
  scene.expect(answer.status === 200, `reload under load answers ${answer.status}`);
}

await runCheck({ workers: 2 }, async (scene) => {
  const before = (await scene.edge.status()).workers;
  const wrk = startWrk({
    url: `http://127.0.0.1:${scene.port}/`,
    connections: CONNECTIONS,
    seconds: MAX_SECONDS,
    rotate: MIX,
  });
  await delay(1500);
  await reload(scene);
  await delay(500);
  const lostConnections = await killWorker(scene);
  await delay(500);
  await reload(scene);
  await scene.edge.command("restart");
  print("      every worker replaced, one at a time");
  await delay(500);
  await reload(scene);
  let counters = await readCounters(scene);
  const deadline = Date.now() + MAX_SECONDS * 1000;
  while (sumMetric(counters, "basalt_client_requests_total") < WANTED_REQUESTS && Date.now() < deadline) {
    await delay(250);
    counters = await readCounters(scene);
  }
  wrk.finish();
  const result = await wrk.result;
  const after = (await scene.edge.status()).workers;
  const originRequests = await scene.origin.requests();
  counters = await readCounters(scene);

  const counted = (name: string, labels?: (labels: Readonly<Record<string, string>>) => boolean) =>
    String(sumMetric(counters, name, labels));
  print(
    formatTable([
      ["wrk: requests", String(result.requests)],
      ["wrk: seconds", result.seconds.toFixed(1)],
      ["wrk: bytes", String(result.bytes)],
      ["wrk: errors connect / read / write / status / timeout", ""],
      [
        "",
        [result.connectErrors, result.readErrors, result.writeErrors, result.statusErrors, result.timeouts].join(" / "),
      ],
      ["edge: requests", counted("basalt_client_requests_total")],
      ["edge: hits", counted("basalt_cache_results_total", ({ result: word }) => word?.endsWith("_HIT") === true)],
      ["edge: answers 5xx", counted("basalt_client_responses_total", (labels) => labels.class === "5xx")],
      ["origin: requests", String(originRequests)],
    ]),
  );
  const { expect } = scene;
  expect(result.requests >= WANTED_REQUESTS * 0.95, `${result.requests} requests over ${URL_COUNT} URLs`);
  expect(result.statusErrors === 0, `${result.statusErrors} answers with an error status`);
  expect(result.connectErrors === 0, `${result.connectErrors} refused connections`);
  expect(result.timeouts === 0, `${result.timeouts} requests without an answer in time`);
  const broken = result.readErrors + result.writeErrors;
  expect(
    broken <= Math.max(lostConnections, 1),
    `${broken} broken connections, at most the ${lostConnections} of the killed worker`,
  );
  expect(originRequests <= URL_COUNT * 2, `the origin answered ${originRequests} times for ${URL_COUNT} objects`);
  expect(
    after.every(({ pid }) => !before.some((old) => old.pid === pid)),
    "no worker of the beginning is left",
  );
});
