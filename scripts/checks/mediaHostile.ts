import { readFileSync } from "node:fs";
import { print } from "../../infra/lib/print.ts";
import { listProcessTree, readMemory } from "../../infra/lib/procfs.ts";
import { type CorpusName, corpusFile, mutateMedia } from "../../packages/testkit/src/media/index.ts";
import type { Findings } from "./findings.ts";
import { hostName, type MediaScene, playMediaScene, SMALLEST_TIER } from "./mediaScene.ts";

const SOURCES: readonly CorpusName[] = [
  "front.mp4",
  "main.mp4",
  "fragments.mp4",
  "tracks.mp4",
  "variable.mp3",
  "tagged.mp3",
];
const CLIENTS = 6;
/** Generous, since checks run on busy machines: what spins never ends. */
const LONGEST_ANSWER_MS = 30_000;
const LARGEST_GROWTH_BYTES = 400 << 20;

const targetsOf = (path: string): readonly string[] => {
  const keyword = path.endsWith(".mp3") ? "mp3hls" : "mp4hls";
  return [
    `${path}/${keyword}/index.m3u8`,
    `${path}/${keyword}/1.ts`,
    `${path}?start=3&end=9`,
    `${path}?trimming=6-9,0-3`,
  ];
};

const anonymousBytes = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => {
    try {
      return sum + readMemory(pid).anonymousBytes;
    } catch {
      return sum;
    }
  }, 0);

interface Tally {
  readonly statuses: Map<number, number>;
  slowestMs: number;
  readonly silent: string[];
}

const askAll = async (scene: MediaScene, path: string, tally: Tally): Promise<void> => {
  for (const target of targetsOf(path)) {
    const startedMs = performance.now();
    try {
      const { status } = await scene.edge.get(target, { host: hostName("ts") });
      tally.statuses.set(status, (tally.statuses.get(status) ?? 0) + 1);
    } catch (cause) {
      tally.silent.push(`${target}: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
    tally.slowestMs = Math.max(tally.slowestMs, performance.now() - startedMs);
  }
};

/** Damaged files, each asked for as HLS and in sections: answered in bounded time, by processes that live on. */
export const checkHostile = async (findings: Findings, mutations: number): Promise<void> => {
  await playMediaScene({ serverXml: SMALLEST_TIER }, async (scene) => {
    const sources = new Map<string, Buffer>();
    for (const name of SOURCES) sources.set(name, readFileSync((await corpusFile(name)).path));
    scene.origin
      .on((request) => request.path.startsWith("/hostile/"))
      .reply((request) => {
        const [, , seed = "", name = ""] = request.path.split("/");
        const body = mutateMedia(sources.get(name) ?? Buffer.alloc(0), Number(seed));
        return { status: 200, fields: { "Cache-Control": "max-age=60", ETag: `"${seed}"` }, body };
      });
    const before = await scene.edge.status();
    const pids = listProcessTree(before.primaryPid);
    const anonymousBefore = anonymousBytes(pids);
    const tally: Tally = { statuses: new Map(), slowestMs: 0, silent: [] };
    let next = 0;
    const client = async (): Promise<void> => {
      while (next < mutations) {
        const seed = next;
        next += 1;
        await askAll(scene, `/hostile/${seed}/${SOURCES[seed % SOURCES.length] ?? "front.mp4"}`, tally);
        if (seed % 100 === 99) print(`      ${seed + 1} files`);
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    const after = await scene.edge.status();
    const growth = anonymousBytes(listProcessTree(after.primaryPid)) - anonymousBefore;
    const inMb = (pid: number): string => (anonymousBytes([pid]) / 1e6).toFixed(0);
    print(
      `      anonymous memory, MB: primary ${inMb(after.primaryPid)}, workers ${after.workers.map(({ pid }) => inMb(pid)).join(" and ")}, transform host ${inMb(after.transform?.pid ?? 0)}`,
    );
    const counts = [...tally.statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${count} x ${status}`);
    findings.expect(tally.silent.length === 0, `${mutations} damaged files: ${counts.join(", ")}`);
    for (const silence of tally.silent.slice(0, 10)) findings.expect(false, silence);
    const pidsOf = (status: typeof before): string => status.workers.map(({ pid }) => pid).join();
    findings.expect(pidsOf(before) === pidsOf(after), "every worker lives on");
    findings.expect(before.transform?.pid === after.transform?.pid, "the transform host lives on");
    const slowest = `the slowest answer took ${(tally.slowestMs / 1000).toFixed(2)} s`;
    findings.expect(tally.slowestMs < LONGEST_ANSWER_MS, slowest);
    findings.expect(growth < LARGEST_GROWTH_BYTES, `memory of all processes grew by ${(growth / 1e6).toFixed(0)} MB`);
  });
};
