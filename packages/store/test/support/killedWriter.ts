/**
 * Run as a process: stores objects until its step number `killAt` and kills itself there. Steps are opening a file,
 * writing (before, half way, after) and flushing the index (before, after). What is stored for good goes to standard output.
 */
import fs from "node:fs";
import { flushCompileCache } from "node:module";
import { join } from "node:path";
import { systemClock } from "@basalt/types";
import { openBodyStore } from "../../src/bodies/bodyStore.ts";
import { computeCacheKey } from "../../src/diskIndex/cacheKey.ts";
import { openDiskIndexWriter } from "../../src/diskIndex/writer.ts";
import { bodyFor, headFor, QUOTA_BYTES, VHOST } from "./killedObjects.ts";
import { sampleImage, sampleRow, unexpectedProblem } from "./samples.ts";

/** A killed process does not save what it compiled, and every round starts anew. */
flushCompileCache();

const [home = "", round = "0", killAt = "0"] = process.argv.slice(2);

let steps = 0;
const isLastStep = (): boolean => {
  steps += 1;
  return steps === Number(killAt);
};
const die = (): never => {
  process.kill(process.pid, "SIGKILL");
  for (;;);
};

const { open, writev } = fs;
const patched = {
  open: (...args: Parameters<typeof fs.open>) => {
    if (isLastStep()) die();
    open(...args);
  },
  writev: (descriptor: number, buffers: readonly Buffer[], position: number, callback: () => void) => {
    if (isLastStep()) die();
    if (isLastStep()) {
      const all = Buffer.concat(buffers);
      fs.writeSync(descriptor, all, 0, all.length >> 1, position);
      die();
    }
    writev(descriptor, buffers, position, (...results: Parameters<typeof callback>) => {
      if (isLastStep()) die();
      callback(...results);
    });
  },
};
Object.assign(fs, patched);

const index = openDiskIndexWriter(join(home, "index.db"), { clock: systemClock, onProblem: unexpectedProblem });
const bodies = openBodyStore({
  disks: [{ number: 1, path: join(home, "disk"), quotaBytes: QUOTA_BYTES }],
  allocateSegment: () => Promise.resolve(index.nextSegmentId()),
  allocateFile: () => Promise.resolve(index.nextFileId()),
  onProblem: unexpectedProblem,
  maxOpenFiles: 8,
});

const flush = async (urls: readonly string[]): Promise<void> => {
  if (isLastStep()) die();
  await index.flush();
  for (const url of urls) fs.writeSync(1, `${url}\n`);
  if (isLastStep()) die();
};

for (let turn = 0; ; turn += 1) {
  const seed = Number(round) * 100 + turn;
  const small = [`/${seed}/${seed % 700}`, `/${seed}/9000`, `/${seed}/240000`];
  await Promise.all(
    small.map(async (url) => {
      const location = await bodies.append(sampleImage({ vhost: VHOST, url }), headFor(url, 0), bodyFor(url));
      index.put(sampleRow({ vhost: VHOST, url, location, version: index.highestVersion + 1 }));
    }),
  );
  await flush(small);

  const large = `/${seed}/700000`;
  const file = await bodies.createFile();
  const body = bodyFor(large);
  await file.write(body.subarray(0, 300_000));
  await file.write(body.subarray(300_000));
  const filed = await file.complete(sampleImage({ vhost: VHOST, url: large }), headFor(large, 0));
  index.put(sampleRow({ vhost: VHOST, url: large, location: filed, version: index.highestVersion + 1 }));
  await flush([large]);

  for (const url of [small[1] ?? "", large]) {
    const row = index.find(computeCacheKey(VHOST, url, ""));
    if (row === undefined) continue;
    const renewed = await bodies.replaceHead(row.location, sampleImage({ vhost: VHOST, url }), headFor(url, 1));
    index.update(row.key, { location: renewed });
  }
  await flush([]);
}
