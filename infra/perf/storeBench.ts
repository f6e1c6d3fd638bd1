import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { openStoreScene, runStoreCheck, type StoreScene } from "../../scripts/checks/storeScene.ts";
import { waitUntilServing } from "../lib/edge.ts";
import { formatTable, print } from "../lib/print.ts";
import { readMemory } from "../lib/procfs.ts";
import { buildIndex, fillerUrl, indexFileBytes, readProgress, VHOST, writeProgress } from "./indexBuilder.ts";
import { measureLookups } from "./lookupFigure.ts";
import { describeMachine } from "./machine.ts";
import { readRolePids } from "./memorySampler.ts";
import { bodyPath } from "./positionedOrigin.ts";
import { seededRandom } from "./seededRandom.ts";
import { firstAnswer } from "./startFigure.ts";
import { median } from "./statistics.ts";
import { connectVerified } from "./verifiedClient.ts";

const KB = 1024;
const MB = KB * KB;
const START_WITHIN_MS = 60_000;
const SAMPLE_CLIENTS = 16;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    objects: { type: "string" },
    lookups: { type: "string" },
    /** Objects that are fetched and stored for real. */
    sample: { type: "string", default: "5000" },
    workers: { type: "string", default: "4" },
    starts: { type: "string", default: "3" },
    indexing: { type: "string", default: "Disk" },
    /** Home to use and leave behind; an index built there before is taken up. */
    keep: { type: "string" },
  },
});
const objects = Number(values.objects ?? (values.quick ? 200_000 : 10_000_000));
const lookups = Number(values.lookups ?? (values.quick ? 100_000 : 1_000_000));
const sampleCount = Number(values.sample);
const startCount = Number(values.starts);
const samplePath = (number: number) => bodyPath(KB, `sample-${number}`);

/** Asks for every object of the sample; how many came right. */
async function askSample(scene: StoreScene): Promise<number> {
  let next = 0;
  let right = 0;
  const runClient = async () => {
    const client = await connectVerified(scene.port);
    for (let number = next++; number < sampleCount; number = next++) {
      if ((await client.ask({ path: samplePath(number), bytes: KB })).kind === "right") right += 1;
    }
    client.close();
  };
  await Promise.all(Array.from({ length: SAMPLE_CLIENTS }, runClient));
  return right;
}

interface Starts {
  readonly secondsToFirstHit: readonly number[];
  readonly primary: ReturnType<typeof readMemory>;
  readonly worker: ReturnType<typeof readMemory>;
  readonly sampleRight: number;
  readonly originAsked: number;
}

/** Starts on the full index again and again; the last one also serves the whole sample. */
async function measureStarts(scene: StoreScene): Promise<Starts> {
  const random = seededRandom(11);
  const asked = (await scene.origin.counts()).requests;
  const secondsToFirstHit: number[] = [];
  for (let start = 0; start < startCount; start++) {
    await scene.stop();
    const started = performance.now();
    scene.launch();
    await firstAnswer(scene.port, samplePath(Math.floor(random() * sampleCount)));
    secondsToFirstHit.push((performance.now() - started) / 1000);
    await waitUntilServing(scene.edge, START_WITHIN_MS);
  }
  const sampleRight = await askSample(scene);
  await delay(3000);
  const pids = await readRolePids(scene.edge);
  return {
    secondsToFirstHit,
    primary: readMemory(pids.primary),
    worker: readMemory(pids.workers[0] ?? 0),
    sampleRight,
    originAsked: (await scene.origin.counts()).requests - asked,
  };
}

await runStoreCheck(async ({ expect, target }) => {
  const keptHome = values.keep === undefined ? undefined : resolve(values.keep);
  if (keptHome !== undefined) await mkdir(keptHome, { recursive: true });
  const scene = await openStoreScene({
    workers: Number(values.workers),
    cacheXml: `<Indexing>${values.indexing}</Indexing>`,
    keptHome,
  });
  const machine = describeMachine();
  print(`${machine.cpu}, ${machine.cores} cores, ${machine.kernel}, Node ${machine.node}, commit ${machine.commit}`);
  if ((readProgress(scene.home)?.sample ?? 0) !== sampleCount) {
    await scene.start();
    expect((await askSample(scene)) === sampleCount, `${sampleCount} objects of 1 KB fetched and stored`);
    await scene.stop();
    writeProgress(scene.home, { rows: readProgress(scene.home)?.rows ?? 0, sample: sampleCount });
  }
  print(`      rows up to ${objects} with URLs such as ${fillerUrl(1)}`);
  const built = await buildIndex(scene.home, scene.disks[0] ?? "", objects, (index) => {
    const [row] = index.findVariants(VHOST, samplePath(0));
    if (row === undefined) throw new Error("the first object of the sample is not in the index");
    return row;
  });
  const fileBytes = indexFileBytes(scene.home);
  const total = objects + sampleCount;
  const { hit, miss, measured } = measureLookups(scene.indexPath, objects, lookups);
  const starts = await measureStarts(scene);
  const { objects: known } = await scene.edge.status();

  const inMb = (bytes: number) => `${(bytes / MB).toFixed(0)} MB`;
  const us = (value: number) => `${value.toFixed(1)} µs`;
  const startSeconds = median(starts.secondsToFirstHit);
  print(
    formatTable([
      ["figure", "value", "target"],
      ["objects in the index", String(known), ""],
      ["inserted now", String(built.rows), ""],
      ["inserts per second", built.rows === 0 ? "" : (built.rows / built.seconds).toFixed(0), "30000"],
      ["CPU time of an insert", built.rows === 0 ? "" : us((built.cpuSeconds * 1e6) / built.rows), ""],
      ["longest batch of 1,000 rows", `${built.longestBatchMs.toFixed(0)} ms`, ""],
      ["index file", inMb(fileBytes), ""],
      ["bytes of index per object", (fileBytes / total).toFixed(1), "150"],
      ["lookup of a row, median", us(hit.medianUs), "10 µs"],
      ["lookup of a row, p99", us(hit.p99Us), ""],
      ["lookup of nothing, median", us(miss.medianUs), "6 µs"],
      ["lookup of nothing, p99", us(miss.p99Us), ""],
      ["start to first hit, median", `${startSeconds.toFixed(2)} s`, "2 s"],
      ["start to first hit, all", starts.secondsToFirstHit.map((each) => each.toFixed(2)).join(" "), ""],
      [
        "primary: resident / anonymous",
        `${inMb(starts.primary.rssBytes)} / ${inMb(starts.primary.anonymousBytes)}`,
        "",
      ],
      ["worker: resident / anonymous", `${inMb(starts.worker.rssBytes)} / ${inMb(starts.worker.anonymousBytes)}`, ""],
    ]),
  );
  expect(hit.found === measured, `${hit.found} of ${measured} lookups found their row`);
  expect(miss.found === 0, `${miss.found} of ${measured} lookups found a row that is not there`);
  expect(
    starts.sampleRight === sampleCount && starts.originAsked === 0,
    `${starts.sampleRight} of ${sampleCount} stored objects are hits, the origin was asked ${starts.originAsked} times`,
  );
  expect(known >= total, `${known} of ${total} objects are known after the last start`);
  target(fileBytes / total <= 150, `bytes of index per object: ${(fileBytes / total).toFixed(1)}`);
  if (built.rows > 0) target(built.rows / built.seconds >= 30_000, "inserts per second");
  target(hit.medianUs <= 10 && miss.medianUs <= 6, "lookups");
  target(startSeconds <= 2, "start to first hit");
});
