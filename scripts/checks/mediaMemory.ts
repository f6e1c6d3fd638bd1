import { request } from "node:http";
import { listProcessTree, readMemory } from "../../infra/lib/procfs.ts";
import type { Findings } from "./findings.ts";
import { hostName, type MediaScene, playMediaScene, SMALLEST_TIER } from "./mediaScene.ts";

const LARGEST_GROWTH_BYTES = 100 << 20;
const LOOK_EVERY_MS = 100;

interface Streamed {
  readonly status: number;
  readonly declaredBytes: number;
  readonly bytes: number;
}

/** Reads an answer without keeping it. */
const readThrough = (scene: MediaScene, target: string): Promise<Streamed> =>
  new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port: scene.edge.port, path: target, headers: { Host: hostName("ts") } };
    const asking = request(options, (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, declaredBytes: Number(response.headers["content-length"]), bytes }),
      );
      response.on("error", reject);
    });
    asking.on("error", reject);
    asking.end();
  });

const anonymousBytes = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => {
    try {
      return sum + readMemory(pid).anonymousBytes;
    } catch {
      return sum;
    }
  }, 0);

/** A film beyond 4 GB, without its first seconds: it passes through, and is never in memory as a whole. */
export const checkMemory = async (findings: Findings): Promise<void> => {
  await playMediaScene({ serverXml: SMALLEST_TIER }, async (scene) => {
    await scene.serve("main.mp4");
    await scene.serve("heavy.mp4");
    await scene.fetch("ts", "/warm/main.mp4?start=2&end=6");
    const { primaryPid } = await scene.edge.status();
    const pids = listProcessTree(primaryPid);
    const before = anonymousBytes(pids);
    let most = before;
    const watching = setInterval(() => {
      most = Math.max(most, anonymousBytes(pids));
    }, LOOK_EVERY_MS);
    const startedMs = performance.now();
    const { status, declaredBytes, bytes } = await readThrough(scene, "/m/heavy.mp4?start=10");
    clearInterval(watching);
    const seconds = (performance.now() - startedMs) / 1000;
    const gigabytes = (bytes / 1e9).toFixed(2);
    findings.expect(
      status === 200 && bytes === declaredBytes && bytes > 4e9,
      `heavy.mp4?start=10: ${status}, ${gigabytes} GB of ${(declaredBytes / 1e9).toFixed(2)} GB in ${seconds.toFixed(1)} s`,
    );
    const growth = most - before;
    findings.expect(
      growth < LARGEST_GROWTH_BYTES,
      `anonymous memory of all ${pids.length} processes: ${(before / 1e6).toFixed(0)} MB, at its height ${(growth / 1e6).toFixed(0)} MB more (goal 100 MB)`,
    );
  });
};
