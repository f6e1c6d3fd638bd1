import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { formatTable, print } from "../../infra/lib/print.ts";
import {
  patternBody,
  startEdge,
  startOrigin,
  type TestEdge,
  type VhostSpec,
} from "../../packages/testkit/src/index.ts";
import { figuresBetween, type MixedFigures, startMixedLoad } from "./mixedLoad.ts";
import { runStoreCheck, whenDone } from "./storeScene.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    reloads: { type: "string" },
    rate: { type: "string", default: "2000" },
    "pause-ms": { type: "string", default: "100" },
    workers: { type: "string", default: "2" },
  },
});
const reloads = Number(values.reloads ?? (values.quick ? 20 : 100));
const quietMs = values.quick ? 3_000 : 10_000;

const HOST = "reload.test";
const PATH = "/object";
const BODY_BYTES = 4_096;
const KEPT_CONNECTIONS = 64;

/** What the files say at the n-th reload; each differs from the one before in another way. */
const vhostsAt = (round: number, address: string): readonly VhostSpec[] => {
  const isOn = round % 2 === 0 ? "ON" : "OFF";
  const served: VhostSpec = {
    name: HOST,
    origin: address,
    xml: `<Alias>alias-${round % 7}.test</Alias><Options><AgeHeader>${isOn}</AgeHeader><TTL><Res2xx>${3_600 + round}</Res2xx></TTL></Options>`,
    conditions: { "ttl.txt": `/other/${round}/*, 60\n`, "headers.txt": `*, $RES[X-Round: ${round}], set\n` },
  };
  const others = Array.from(
    { length: round % 5 },
    (_, index): VhostSpec => ({
      name: `added-${round}-${index}.test`,
      origin: address,
    }),
  );
  return [served, ...others];
};

const rowOf = (name: string, figures: MixedFigures): string[] => [
  name,
  String(figures.requests),
  String([...figures.failures.values()].reduce((sum, count) => sum + count, 0)),
  figures.p50Ms.toFixed(1),
  figures.p99Ms.toFixed(1),
  figures.longestMs.toFixed(1),
  figures.ownLatenessP99Ms.toFixed(1),
];

interface ReloadFigures {
  readonly refused: number;
  readonly sortedMs: readonly number[];
}

const reloadOften = async (edge: TestEdge, address: string): Promise<ReloadFigures> => {
  const tookMs: number[] = [];
  let refused = 0;
  for (let round = 1; round <= reloads; round++) {
    await edge.configure({ vhosts: vhostsAt(round, address) });
    const startedMs = performance.now();
    const { httpStatus } = await edge.apiJson("/conf/reload");
    tookMs.push(performance.now() - startedMs);
    if (httpStatus !== 200) refused += 1;
    await delay(Number(values["pause-ms"]));
  }
  return { refused, sortedMs: tookMs.sort((one, other) => one - other) };
};

await runStoreCheck(async ({ expect, target }) => {
  const origin = await startOrigin();
  whenDone(() => origin.close());
  const body = patternBody(BODY_BYTES, 7).slice(0, BODY_BYTES);
  origin.on(PATH).reply(200, { "Cache-Control": "max-age=3600" }, body);
  const edge = await startEdge({ workers: Number(values.workers), vhosts: vhostsAt(0, origin.address) });
  whenDone(() => edge.close());
  await edge.get(PATH, { host: HOST }).expect(200);

  const load = startMixedLoad({
    port: edge.port,
    host: HOST,
    path: PATH,
    body,
    requestsPerSecond: Number(values.rate),
    keptConnections: KEPT_CONNECTIONS,
  });
  await delay(1_000);
  const quietFrom = performance.now();
  await delay(quietMs);
  const busyFrom = performance.now();
  const { refused, sortedMs } = await reloadOften(edge, origin.address);
  const busyTo = performance.now();
  await load.stop();

  const before = figuresBetween(load.answers, quietFrom, busyFrom);
  const during = figuresBetween(load.answers, busyFrom, busyTo);
  print(`${values.rate} requests/s, half of them on connections of their own, ${values.workers} workers`);
  print(
    formatTable([
      ["", "requests", "failed", "p50 ms", "p99 ms", "longest ms", "sent late p99 ms"],
      rowOf("before", before),
      rowOf(`${reloads} reloads in ${((busyTo - busyFrom) / 1000).toFixed(1)} s`, during),
    ]),
  );
  const at = (share: number): string =>
    (sortedMs[Math.min(sortedMs.length - 1, Math.floor(sortedMs.length * share))] ?? 0).toFixed(0);
  print(`      a reload took ${at(0.5)} ms (p50), ${at(0.99)} ms (p99)`);
  print(`      kept connections that the edge closed between two requests: ${load.closedIdle}`);
  expect(refused === 0, `reloads refused: ${refused}`);
  const failed = [...during.failures].map(([failure, count]) => `${count} × ${failure}`).join(", ");
  expect(during.failures.size === 0, `requests failed or reset during the reloads: ${failed === "" ? 0 : failed}`);
  expect(before.failures.size === 0, `requests failed before them: ${before.failures.size}`);
  expect(origin.saw(PATH) === 1, `requests at the origin: ${origin.saw(PATH)}`);
  target(
    during.p99Ms < before.p99Ms * 3 + 10,
    `p99 ${before.p99Ms.toFixed(1)} ms before, ${during.p99Ms.toFixed(1)} ms during`,
  );
  target(during.longestMs < 250, `longest stall ${during.longestMs.toFixed(0)} ms`);
});
