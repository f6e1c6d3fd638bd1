import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { computeCacheKey } from "../../src/diskIndex/cacheKey.ts";
import { openDiskIndexReader } from "../../src/diskIndex/reader.ts";
import { openDiskIndexWriter } from "../../src/diskIndex/writer.ts";
import { bodyFor, headFor, QUOTA_BYTES, VHOST } from "../support/killedObjects.ts";
import { openStore, readAll } from "../support/openStore.ts";
import { unexpectedProblem } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const KILLS_PER_HOME = 12;
const PROGRAM = fileURLToPath(new URL("../support/killedWriter.ts", import.meta.url));

/** Runs the writer until it kills itself; gives the URLs that it had stored for good. */
const runKilled = (home: string, round: number, killAt: number): Promise<string[]> =>
  new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ["--conditions=@basalt/source", PROGRAM, home, String(round), String(killAt)],
      { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NODE_COMPILE_CACHE: join(home, "compiled") } },
    );
    let output = "";
    let complaints = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      complaints += chunk.toString();
    });
    child.on("close", (_code, signal) => {
      if (signal === "SIGKILL") resolve(output.split("\n").filter((line) => line !== ""));
      else reject(new Error(`the writer was not killed: ${complaints}`));
    });
  });

/** Every object that the index knows is whole, and everything that was acknowledged is known. */
const checkHome = async (home: string, acknowledged: readonly string[]): Promise<number> => {
  const index = openDiskIndexWriter(join(home, "index.db"), { clock: systemClock, onProblem: unexpectedProblem });
  const reader = openDiskIndexReader(join(home, "index.db"));
  const bodies = openStore({ disks: [{ path: join(home, "disk"), quotaBytes: QUOTA_BYTES }] });
  const rows: Parameters<Parameters<typeof index.scan>[1]>[0][] = [];
  await index.scan({}, (row) => rows.push(row));
  for (const { url, location, key } of rows) {
    const loaded = await bodies.load(location);
    expect([headFor(url, 0).toString(), headFor(url, 1).toString()]).toContain(loaded?.head.toString());
    expect((await readAll(await bodies.openBody(location), 700_001)).equals(bodyFor(url))).toBe(true);
    expect(reader.find(key)?.location).toEqual(location);
  }
  for (const url of acknowledged) expect(index.find(computeCacheKey(VHOST, url, ""))?.url).toBe(url);
  expect(index.totals.objects).toBe(rows.length);
  await bodies.close();
  reader.close();
  index.close();
  return rows.length;
};

/** One home that is killed, checked and used again, round after round. */
const killRepeatedly = async (home: string, group: number): Promise<void> => {
  const acknowledged: string[] = [];
  for (let round = 1; round <= KILLS_PER_HOME; round += 1) {
    const killAt = round <= 8 ? round * 4 - 2 * group : 31 + ((round * 11 + group * 5) % 60);
    acknowledged.push(...(await runKilled(home, round, killAt)));
    if (round % 5 === 0) await checkHome(home, acknowledged);
  }
  expect(await checkHome(home, acknowledged)).toBeGreaterThanOrEqual(acknowledged.length);
  expect(acknowledged.length).toBeGreaterThan(10);
};

describe("a process killed at a write step", () => {
  it("leaves each object whole or absent, and every acknowledged one whole: 24 kills", async () => {
    await Promise.all([0, 1].map((group) => killRepeatedly(temporaryFolder(), group)));
  }, 600_000);
});
