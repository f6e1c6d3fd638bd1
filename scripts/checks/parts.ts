import { parseArgs } from "node:util";
import { formatTable, print } from "../../infra/lib/print.ts";
import { type ByteRange, blockUnionBytes } from "../../infra/perf/blockUnion.ts";
import { bodyPath } from "../../infra/perf/positionedOrigin.ts";
import { seededRandom } from "../../infra/perf/seededRandom.ts";
import { connectVerified } from "../../infra/perf/verifiedClient.ts";
import { usedBytes } from "./faults.ts";
import { openStoreScene, runStoreCheck, type StoreScene } from "./storeScene.ts";

const MB = 1 << 20;
const RANGE_BYTES = 64 << 10;
const LARGEST_SHARE = 1.05;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    "size-mb": { type: "string" },
    ranges: { type: "string" },
    clients: { type: "string" },
    workers: { type: "string", default: "4" },
    seed: { type: "string", default: "20250301" },
  },
});
const bodyBytes = Number(values["size-mb"] ?? (values.quick ? 1024 : 10_240)) * MB;
const rangeCount = Number(values.ranges ?? (values.quick ? 300 : 2000));
const clientCount = Number(values.clients ?? (values.quick ? 20 : 100));
const path = bodyPath(bodyBytes, "film");

interface Round {
  readonly right: number;
  readonly wrong: number;
  readonly errors: ReadonlyMap<string, number>;
  readonly seconds: number;
  readonly originRequests: number;
  readonly originBytes: number;
}

/** Every range once, spread over the clients; each client asks for one after the other. */
async function askForAll(scene: StoreScene, ranges: readonly ByteRange[]): Promise<Round> {
  const before = await scene.origin.counts();
  const errors = new Map<string, number>();
  const started = performance.now();
  let right = 0;
  let wrong = 0;
  let next = 0;
  const runClient = async () => {
    let client = await connectVerified(scene.port);
    for (let range = ranges[next++]; range !== undefined; range = ranges[next++]) {
      if (client.isClosed) client = await connectVerified(scene.port);
      const outcome = await client.ask({ path, bytes: bodyBytes, range });
      if (outcome.kind === "right" && outcome.status === 206) right += 1;
      else if (outcome.kind === "wrong") {
        wrong += 1;
        print(`      wrong: ${outcome.reason}`);
      } else {
        const reason =
          outcome.kind === "failed" ? outcome.reason : `status ${"status" in outcome ? outcome.status : 0}`;
        errors.set(reason, (errors.get(reason) ?? 0) + 1);
      }
    }
    client.close();
  };
  await Promise.all(Array.from({ length: clientCount }, runClient));
  const after = await scene.origin.counts();
  return {
    right,
    wrong,
    errors,
    seconds: (performance.now() - started) / 1000,
    originRequests: after.requests - before.requests,
    originBytes: after.bytes - before.bytes,
  };
}

const inMb = (bytes: number) => `${(bytes / MB).toFixed(1)} MB`;
const listed = (errors: ReadonlyMap<string, number>) =>
  [...errors].map(([reason, count]) => `${count} × ${reason}`).join(", ") || "none";

await runStoreCheck(async ({ expect }) => {
  const random = seededRandom(Number(values.seed));
  const ranges = Array.from({ length: rangeCount }, () => {
    const first = Math.floor(random() * (bodyBytes - RANGE_BYTES));
    return { first, last: first + RANGE_BYTES - 1 };
  });
  const unionBytes = blockUnionBytes(ranges, bodyBytes, MB);
  const scene = await openStoreScene({
    workers: Number(values.workers),
    partSize: 1,
  });
  await scene.start();
  const disk = scene.disks[0] ?? "";
  const emptyBytes = usedBytes(disk);
  const cold = await askForAll(scene, ranges);
  const coldDiskBytes = usedBytes(disk) - emptyBytes;
  const warm = await askForAll(scene, ranges);
  await scene.killAll();
  await scene.start();
  const afterKill = await askForAll(scene, ranges);
  const lastDiskBytes = usedBytes(disk) - emptyBytes;

  const row = (name: string, round: Round, diskBytes: number | undefined) => [
    name,
    String(round.right),
    String(round.wrong),
    listed(round.errors),
    round.seconds.toFixed(1),
    String(round.originRequests),
    inMb(round.originBytes),
    (round.originBytes / unionBytes).toFixed(3),
    diskBytes === undefined ? "" : inMb(diskBytes),
  ];
  print(
    `${rangeCount} ranges of 64 KB by ${clientCount} clients in a body of ${inMb(bodyBytes)}; ` +
      `their union in blocks of 1 MB: ${inMb(unionBytes)}`,
  );
  print(
    formatTable([
      ["round", "right", "wrong", "errors", "seconds", "origin requests", "origin bytes", "of union", "disk used"],
      row("cold", cold, coldDiskBytes),
      row("again", warm, undefined),
      row("after kill -9 of all", afterKill, lastDiskBytes),
    ]),
  );
  const rounds = [cold, warm, afterKill];
  expect(
    rounds.every(({ right }) => right === rangeCount),
    `${rounds.map(({ right }) => right).join(", ")} of ${rangeCount} ranges with the right bytes and 206`,
  );
  expect(cold.originBytes <= unionBytes * LARGEST_SHARE, `origin bytes at most ${LARGEST_SHARE} of the union`);
  expect(coldDiskBytes <= unionBytes * LARGEST_SHARE + 8 * MB, `disk used in proportion: ${inMb(coldDiskBytes)}`);
  expect(warm.originBytes === 0, `asked again: ${inMb(warm.originBytes)} from the origin`);
  // The fill of a block may have been cut off by the kill; 2 % leave room for that.
  expect(afterKill.originBytes <= unionBytes * 0.02, `after the kill: ${inMb(afterKill.originBytes)} from the origin`);
});
