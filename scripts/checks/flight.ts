import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { formatTable, print } from "../../infra/lib/print.ts";
import { type CrowdResult, startCrowd } from "../../infra/perf/crowd.ts";
import { largestSample, readRolePids, startMemorySampler } from "../../infra/perf/memorySampler.ts";
import { bodyPath } from "../../infra/perf/positionedOrigin.ts";
import { connectVerified } from "../../infra/perf/verifiedClient.ts";
import type { Findings } from "./findings.ts";
import { openStoreScene, runStoreCheck, type StoreScene } from "./storeScene.ts";

const MB = 1 << 20;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    clients: { type: "string" },
    workers: { type: "string" },
    "size-mb": { type: "string" },
    /** How long the origin takes for the body when nobody slows it. */
    "origin-seconds": { type: "string" },
    /** Processes that the clients run in. */
    processes: { type: "string", default: "2" },
    /** `bytes`: each byte is compared with the right one. `sha256`: bodies are digested as well. */
    verify: { type: "string", default: "bytes" },
    "part-size": { type: "string", default: "0" },
  },
});
const clients = Number(values.clients ?? (values.quick ? 500 : 1000));
const workers = Number(values.workers ?? (values.quick ? 2 : 4));
const bodyBytes = Number(values["size-mb"] ?? (values.quick ? 20 : 200)) * MB;
const originSeconds = Number(values["origin-seconds"] ?? (values.quick ? 2 : 10));

interface Round {
  readonly crowd: CrowdResult;
  readonly connections: readonly number[];
  readonly originRequests: number;
  readonly originBytes: number;
  readonly originSeconds: number;
  readonly lastFirstByteSeconds: number;
  readonly seconds: number;
  readonly workersRss: number;
  readonly primaryRss: number;
}

async function runRound(scene: StoreScene, name: string, leaving: number): Promise<Round> {
  const path = bodyPath(bodyBytes, name, Math.ceil(bodyBytes / originSeconds));
  const before = await scene.origin.counts();
  const sampler = startMemorySampler(await readRolePids(scene.edge));
  const crowd = await startCrowd({
    port: scene.port,
    path,
    bytes: bodyBytes,
    clients,
    leaving,
    processes: Number(values.processes),
    digests: values.verify === "sha256",
  });
  await delay(Math.min(1000, originSeconds * 500));
  const connections = (await scene.edge.status()).workers.map((worker) => worker.connections);
  const result = await crowd.result;
  sampler.stop();
  const after = await scene.origin.counts();
  const largest = largestSample(sampler.samples);
  return {
    crowd: result,
    connections,
    originRequests: after.requests - before.requests,
    originBytes: after.bytes - before.bytes,
    originSeconds: (after.lastCompleteAtMs - crowd.startedAtMs) / 1000,
    lastFirstByteSeconds: (result.lastFirstByteAtMs - crowd.startedAtMs) / 1000,
    seconds: (result.endedAtMs - crowd.startedAtMs) / 1000,
    workersRss: largest?.workerRss.reduce((sum, bytes) => sum + bytes, 0) ?? 0,
    primaryRss: largest?.primaryRss ?? 0,
  };
}

function judge({ expect }: Findings, round: Round, leaving: number): void {
  const { crowd } = round;
  expect(
    round.connections.every((count) => count > 0),
    `connections of the workers while filling: ${round.connections.join(", ")}`,
  );
  expect(round.originRequests === 1, `origin requests: ${round.originRequests}`);
  expect(round.originBytes === bodyBytes, `origin bytes: ${round.originBytes}, the object has ${bodyBytes}`);
  expect(
    crowd.right === clients - leaving && crowd.wrong === 0,
    `${crowd.right} whole bodies with the right bytes, ${crowd.left} left early, ${crowd.wrong} wrong` +
      (crowd.errors === "" ? "" : `, errors: ${crowd.errors}`),
  );
  expect(crowd.left === leaving, `${crowd.left} of ${leaving} clients left in mid-body`);
  expect(
    round.lastFirstByteSeconds < round.originSeconds,
    `first byte to all after ${round.lastFirstByteSeconds.toFixed(1)} s, ` +
      `the origin had finished after ${round.originSeconds.toFixed(1)} s`,
  );
}

await runStoreCheck(async (findings) => {
  const scene = await openStoreScene({
    workers,
    partSize: Number(values["part-size"]),
  });
  await scene.start();
  const leaving = Math.floor(clients / 2);
  print(`${clients} clients, ${workers} workers, ${bodyBytes / MB} MB, origin paced to ${originSeconds} s`);
  const all = await runRound(scene, "all-stay", 0);
  const half = await runRound(scene, "half-leave", leaving);
  const column = (round: Round) => [
    round.seconds.toFixed(1),
    (round.crowd.bytes / round.seconds / 1e9).toFixed(2),
    round.originSeconds.toFixed(1),
    round.lastFirstByteSeconds.toFixed(1),
    String(round.originRequests),
    String(round.originBytes),
    (round.workersRss / MB).toFixed(0),
    (round.primaryRss / MB).toFixed(0),
  ];
  const names = [
    "seconds until the last client had it",
    "delivered, GB/s",
    "seconds until the origin had finished",
    "seconds until the last client had a first byte",
    "origin requests",
    "origin bytes",
    "resident memory of all workers at its height, MB",
    "resident memory of the primary at that moment, MB",
  ];
  const [first, second] = [column(all), column(half)];
  print(
    formatTable([
      ["", "all stay", `${leaving} leave`],
      ...names.map((name, index) => [name, first[index] ?? "", second[index] ?? ""]),
    ]),
  );
  judge(findings, all, 0);
  judge(findings, half, leaving);
  const before = await scene.origin.counts();
  const client = await connectVerified(scene.port);
  const path = bodyPath(bodyBytes, "half-leave", Math.ceil(bodyBytes / originSeconds));
  const again = await client.ask({ path, bytes: bodyBytes });
  client.close();
  const { requests } = await scene.origin.counts();
  findings.expect(again.kind === "right" && requests === before.requests, "asked again, it is a hit");
});
