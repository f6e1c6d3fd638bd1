import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { writeRigHome } from "../../infra/lib/edge.ts";
import { formatTable, print } from "../../infra/lib/print.ts";
import { readCpuSeconds } from "../../infra/lib/procfs.ts";
import { type MeasuredRates, measureRates, openClients, quantile } from "./bandwidthClients.ts";
import { runCheck, type Scene } from "./check.ts";

const { values } = parseArgs({
  options: {
    /** Small numbers, for a machine that others use too. */
    quick: { type: "boolean", default: false },
    throttled: { type: "string" },
    greedy: { type: "string", default: "100" },
    workers: { type: "string", default: "4" },
    "cap-mbps": { type: "string", default: "200" },
    seconds: { type: "string" },
  },
});

const throttledCount = Number(values.throttled ?? (values.quick ? 100 : 2_000));
const greedyCount = Number(values.greedy);
const seconds = Number(values.seconds ?? (values.quick ? 5 : 20));
const capMegabits = Number(values["cap-mbps"]);
const workers = Number(values.workers);

const MEGABIT = 125_000;
/** How near a rate has to come to what it should be. */
const TOLERANCE = 0.1;
const CAP_TOLERANCE = 0.05;
const SETTLE_MS = 3_000;
/** In memory, and long enough to last. */
const BODY = `/bytes/${100 * MEGABIT}/film`;
const PAGE = "/bytes/65536/page";

const THROTTLING =
  '<BandwidthThrottling><Settings><Boost>1</Boost></Settings><Throttling QueryString="ON">ON</Throttling></BandwidthThrottling>';

const inMegabits = (bytesPerSecond: number): string => (bytesPerSecond / MEGABIT).toFixed(3);

const rowOf = (name: string, numbers: readonly number[]): string[] => [
  name,
  ...[0, 0.01, 0.5, 0.99, 1].map((share) => inMegabits(quantile(numbers, share))),
];

const printRates = (rows: readonly (readonly string[])[]): void => {
  print(formatTable([["Mbps", "least", "p1", "p50", "p99", "most"], ...rows]));
};

const workerPids = async ({ edge }: Scene): Promise<number[]> => (await edge.status()).workers.map(({ pid }) => pid);

/** Rates of clients, and what share of a core the workers took meanwhile. */
const measured = async (
  scene: Scene,
  measure: () => Promise<MeasuredRates>,
): Promise<MeasuredRates & { readonly cores: number }> => {
  const pids = await workerPids(scene);
  const [cpuBefore, startedMs] = [readCpuSeconds(pids), performance.now()];
  const rates = await measure();
  const cores = (readCpuSeconds(pids) - cpuBefore) / ((performance.now() - startedMs) / 1000);
  return { ...rates, cores };
};

const checkThrottled = async (scene: Scene): Promise<void> => {
  await (await fetch(`http://127.0.0.1:${scene.port}${BODY}`)).arrayBuffer();
  const pages = openClients(2, scene.port, PAGE);
  const throttled = openClients(throttledCount, scene.port, `${BODY}?bandwidth=1000`);
  await delay(SETTLE_MS + throttledCount);
  const [rates, others] = await Promise.all([
    measured(scene, () => measureRates(throttled, seconds)),
    measureRates(pages, seconds),
  ]);
  print(
    `\n${throttledCount} clients at 1 Mbps, beside 2 without a limit; ${workers} workers took ${rates.cores.toFixed(2)} cores`,
  );
  printRates([rowOf("throttled, each", rates.perClient), rowOf("without limit, each", others.perClient)]);
  const near = rates.perClient.filter((rate) => Math.abs(rate / MEGABIT - 1) <= TOLERANCE).length;
  scene.expect(near >= throttledCount * 0.99, `${near} of ${throttledCount} are within a tenth of their rate`);
  for (const client of [...throttled, ...pages]) client.close();
  await delay(1_000);
};

const checkCap = async (scene: Scene): Promise<void> => {
  await writeRigHome(scene.edge.home, {
    port: scene.port,
    managerPort: scene.managerPort,
    originPort: scene.origin.port,
    workers,
    optionsXml: `<TrafficCap>${capMegabits}</TrafficCap>`,
  });
  await scene.edge.command("reload");
  const clients = openClients(greedyCount, scene.port, BODY);
  await delay(SETTLE_MS);
  const rates = await measured(scene, () => measureRates(clients, seconds));
  print(
    `\n${greedyCount} greedy clients under ${capMegabits} Mbps; ${workers} workers took ${rates.cores.toFixed(2)} cores`,
  );
  printRates([rowOf("all, each second", rates.perSecond), rowOf("each client", rates.perClient)]);
  const total = rates.perClient.reduce((sum, rate) => sum + rate, 0) / MEGABIT;
  const off = Math.abs(total / capMegabits - 1);
  scene.expect(off <= CAP_TOLERANCE, `together they get ${total.toFixed(1)} Mbps`);
  scene.expect(Math.min(...rates.perClient) > 0, "every client gets something");
  for (const client of clients) client.close();
};

await runCheck({ workers, optionsXml: THROTTLING }, async (scene) => {
  await checkThrottled(scene);
  await checkCap(scene);
});
