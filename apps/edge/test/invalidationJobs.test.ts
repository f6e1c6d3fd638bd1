import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PurgeRequest } from "@basalt/management";
import { epochMs, monotonicMs } from "@basalt/types";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type JobRecord, type JobResult, parseJobLine } from "../src/invalidationJobFile.ts";
import { InvalidationJobs, JOB_KEPT_MS } from "../src/invalidationJobs.ts";

const RESULT: JobResult = { count: 2, bytes: 20, elapsedMs: 1.5, status: 200 };
const START_MS = 1_800_000_000_000;

/** Versions, and those of them that wait for a sweep. */
class FakeSweep {
  newestVersion = 0;
  readonly waiting = new Set<number>();

  take(count: number, isSwept: boolean): void {
    for (let taken = 0; taken < count; taken++) {
      this.newestVersion += 1;
      if (isSwept) this.waiting.add(this.newestVersion);
    }
  }

  pass(): void {
    this.waiting.clear();
  }

  areOutstanding(first: number, last: number): boolean {
    return [...this.waiting].some((version) => version >= first && version <= last);
  }
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "basalt-jobs-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

class Scene {
  nowMs = START_MS;
  calls = 0;
  readonly problems: unknown[] = [];
  readonly sweep: FakeSweep;
  readonly jobs: InvalidationJobs;

  constructor(sweep = new FakeSweep(), mostJobs = 100, file = "invalidations.log") {
    this.sweep = sweep;
    this.jobs = new InvalidationJobs({
      clock: { now: () => epochMs(this.nowMs), monotonic: () => monotonicMs(this.nowMs) },
      path: join(folder, file),
      coordinator: sweep,
      onProblem: (cause) => this.problems.push(cause),
      mostJobs,
    });
  }

  /** As a call does it. `isSwept`: of a pattern. */
  async run(change: Partial<PurgeRequest> = {}, isSwept = false, gate?: Promise<void>) {
    const request: PurgeRequest = { verb: "purge", targets: "a.example/x", seconds: 60, ...change };
    const repetition = this.jobs.repetitionOf(request);
    if (repetition !== undefined) return await repetition;
    return await this.jobs.run(request, async () => {
      this.calls += 1;
      this.sweep.take(2, isSwept);
      await gate;
      return RESULT;
    });
  }

  async idOf(change: Partial<PurgeRequest> = {}, isSwept = false): Promise<string> {
    const outcome = await this.run(change, isSwept);
    if (outcome.kind !== "done" || outcome.job === undefined) throw new Error(outcome.kind);
    return outcome.job.id;
  }
}

const all = { marker: undefined, limit: 1_000 };

describe("AWS-53 states of jobs", () => {
  it("AWS-53 a job of URLs is in progress until its call has returned", async () => {
    const scene = new Scene();
    const gate = Promise.withResolvers<void>();
    const running = scene.run({ reference: "r" }, false, gate.promise);
    const [job] = scene.jobs.list(all).jobs;
    expect(job).toEqual({
      id: expect.stringMatching(/^I[0-9A-Z]{11}$/),
      state: "InProgress",
      createdMs: START_MS,
      verb: "purge",
      targets: "a.example/x",
      reference: "r",
      result: undefined,
    });
    gate.resolve();
    expect(await running).toEqual({ kind: "done", ...RESULT, job: { id: job?.id, state: "Completed" } });
    expect(scene.jobs.find(job?.id ?? "")).toMatchObject({ state: "Completed", result: RESULT });
  });

  it("AWS-53 a job of patterns and tags is in progress until the sweep has passed", async () => {
    const scene = new Scene();
    const swept = await scene.idOf({ targets: "a.example/*" }, true);
    const exact = await scene.idOf();
    expect([scene.jobs.find(swept)?.state, scene.jobs.find(exact)?.state]).toEqual(["InProgress", "Completed"]);
    scene.sweep.pass();
    expect(scene.jobs.find(swept)?.state).toBe("Completed");
  });

  it("AWS-53 a call that fails is no job, and its reference may be used again", async () => {
    const scene = new Scene();
    const failing = scene.jobs.run({ verb: "purge", targets: "a.example/x", seconds: 60, reference: "r" }, () =>
      Promise.reject(new Error("no worker")),
    );
    await expect(failing).rejects.toThrow("no worker");
    expect(scene.jobs.list(all).jobs).toEqual([]);
    expect(await scene.run({ reference: "r" })).toMatchObject({ kind: "done", job: { state: "Completed" } });
  });
});

describe("AWS-53 references", () => {
  it("AWS-53 the same reference and body gives the same answer and does nothing anew, also while the call runs", async () => {
    const scene = new Scene();
    const gate = Promise.withResolvers<void>();
    const first = scene.run({ reference: "r", targets: "a.example/*" }, true, gate.promise);
    const second = scene.run({ reference: "r", targets: "a.example/*" });
    gate.resolve();
    const answer = await first;
    expect(answer).toMatchObject({ kind: "done", job: { state: "InProgress" } });
    expect(await second).toEqual({ ...answer, isRepetition: true });
    scene.sweep.pass();
    expect(await scene.run({ reference: "r", targets: "a.example/*" })).toMatchObject({
      ...RESULT,
      isRepetition: true,
      job: { state: "Completed" },
    });
    expect([scene.calls, scene.jobs.list(all).jobs.length]).toEqual([1, 1]);
  });

  it.each<Partial<PurgeRequest>>([
    { verb: "hardpurge" },
    { targets: "a.example/y" },
    { targets: "", tagged: { tags: ["a.example/x"], vhost: undefined } },
  ])("AWS-53 the same reference with %j is refused", async (other) => {
    const scene = new Scene();
    await scene.run({ reference: "r" });
    expect(await scene.run({ reference: "r", ...other })).toEqual({ kind: "conflict" });
    expect(scene.calls).toBe(1);
  });

  it("AWS-53 other seconds are another body for expireafter alone", async () => {
    const scene = new Scene();
    await scene.run({ reference: "after", verb: "expireafter" });
    expect(await scene.run({ reference: "after", verb: "expireafter", seconds: 61 })).toEqual({ kind: "conflict" });
    await scene.run({ reference: "purge" });
    expect(await scene.run({ reference: "purge", seconds: 61 })).toMatchObject({ isRepetition: true });
  });

  it("AWS-53 without a reference each call is a job of its own", async () => {
    const scene = new Scene();
    expect(await scene.idOf()).not.toBe(await scene.idOf());
    expect(scene.calls).toBe(2);
  });
});

describe("AWS-53 the list", () => {
  it("AWS-53 is the latest first, in pages that a marker joins, also when its job is forgotten", async () => {
    const scene = new Scene(new FakeSweep(), 5);
    const ids: string[] = [];
    for (let made = 0; made < 5; made++) ids.unshift(await scene.idOf());
    expect([...ids].sort().reverse()).toEqual(ids);
    const first = scene.jobs.list({ marker: undefined, limit: 2 });
    expect(first).toMatchObject({ jobs: [{ id: ids[0] }, { id: ids[1] }], nextMarker: ids[1] });
    await scene.run();
    const second = scene.jobs.list({ marker: first.nextMarker, limit: 2 });
    expect(second).toMatchObject({ jobs: [{ id: ids[2] }, { id: ids[3] }], nextMarker: undefined });
    expect(scene.jobs.list({ marker: ids[4], limit: 2 })).toEqual({ jobs: [], nextMarker: undefined });
  });

  it("AWS-53 is bounded in number, age and length", async () => {
    const scene = new Scene(new FakeSweep(), 3);
    for (let made = 0; made < 5; made++) await scene.run({ reference: `r${made}`, targets: "x".repeat(100_000) });
    const { jobs } = scene.jobs.list(all);
    expect(jobs.map(({ reference }) => reference)).toEqual(["r4", "r3", "r2"]);
    expect(Math.max(...jobs.map(({ targets }) => targets.length))).toBeLessThan(2_000);
    expect(await scene.run({ reference: "r0", targets: "/other" })).toMatchObject({ kind: "done" });
    scene.nowMs += JOB_KEPT_MS + 1;
    expect(scene.jobs.list(all).jobs).toEqual([]);
    expect(await scene.run({ reference: "r4", targets: "/other" })).toMatchObject({ kind: "done" });
  });

  it("AWS-53 ids grow though the clock goes back", async () => {
    const scene = new Scene();
    const before = await scene.idOf();
    scene.nowMs -= 10_000;
    expect((await scene.idOf()) > before).toBe(true);
  });
});

describe("AWS-53 jobs after a restart", () => {
  it("AWS-53 are known, answer repetitions, and are in progress where the sweep is repeated", async () => {
    const before = new Scene();
    const swept = await before.idOf({ targets: "a.example/*" }, true);
    before.sweep.pass();
    const outstanding = await before.idOf({ reference: "r", targets: "", tagged: { tags: ["t"], vhost: "a" } }, true);
    await before.jobs.close();
    const sweep = new FakeSweep();
    sweep.newestVersion = 4;
    for (const version of before.sweep.waiting) sweep.waiting.add(version);
    const after = new Scene(sweep);
    await after.jobs.resume();
    expect(after.jobs.list(all).jobs).toMatchObject([
      { id: outstanding, state: "InProgress", reference: "r", targets: "tag=t&vhost=a", result: RESULT },
      { id: swept, state: "Completed" },
    ]);
    const repeated = await after.run({ reference: "r", targets: "", tagged: { tags: ["t"], vhost: "a" } });
    expect(repeated).toMatchObject({ isRepetition: true, job: { id: outstanding } });
    sweep.pass();
    expect(after.jobs.find(outstanding)?.state).toBe("Completed");
    expect((await after.idOf()) > outstanding).toBe(true);
  });

  it("AWS-53 stay completed though their versions are given again", async () => {
    const before = new Scene();
    const id = await before.idOf({ targets: "a.example/*" }, true);
    await before.jobs.close();
    const after = new Scene();
    await after.jobs.resume();
    await after.run({ targets: "a.example/*" }, true);
    expect(after.jobs.find(id)?.state).toBe("Completed");
  });

  it("AWS-53 torn and foreign lines are passed over, and spoil no line behind them", async () => {
    writeFileSync(join(folder, "invalidations.log"), 'no json\n{"id":"I1"}\n{"id":"I000000');
    const before = new Scene();
    await before.jobs.resume();
    const id = await before.idOf({ reference: "r" });
    appendFileSync(join(folder, "invalidations.log"), '{"id":');
    const after = new Scene();
    await after.jobs.resume();
    expect(after.jobs.list(all).jobs.map((job) => job.id)).toEqual([id]);
  });

  it("AWS-53 the file is written anew before it has twice as many lines as jobs may be known", async () => {
    const scene = new Scene(new FakeSweep(), 3);
    for (let made = 0; made < 50; made++) await scene.run({ reference: `r${made}` });
    const lines = readFileSync(join(folder, "invalidations.log"), "utf8").split("\n");
    expect(lines.length).toBeLessThanOrEqual(7);
    const after = new Scene(new FakeSweep(), 3);
    await after.jobs.resume();
    expect(after.jobs.list(all).jobs.map(({ reference }) => reference)).toEqual(["r49", "r48", "r47"]);
  });

  it("AWS-53 a file that cannot be written costs no call, and is reported once", async () => {
    const scene = new Scene(new FakeSweep(), 3, "none/invalidations.log");
    for (let made = 0; made < 3; made++) {
      expect(await scene.run({ reference: `r${made}` })).toMatchObject({ kind: "done" });
    }
    expect(scene.problems).toHaveLength(1);
  });
});

describe("AWS-53 lines of the file", () => {
  const record: JobRecord = {
    id: "I0GQ8ABCDEF1",
    createdMs: START_MS,
    verb: "expireafter",
    targets: "a.example/ü\n",
    reference: "r",
    digest: "d",
    firstVersion: 3,
    lastVersion: 2,
    result: RESULT,
  };

  it("AWS-53 give back what was written", () => {
    expect(parseJobLine(JSON.stringify(record))).toEqual(record);
    const bare = { ...record, reference: undefined };
    expect(parseJobLine(JSON.stringify(bare))).toEqual(bare);
  });

  it("AWS-53 that lack anything are none", () => {
    for (const name of Object.keys(record).filter((key) => key !== "reference")) {
      expect([name, parseJobLine(JSON.stringify({ ...record, [name]: undefined }))]).toEqual([name, undefined]);
      expect([name, parseJobLine(JSON.stringify({ ...record, [name]: [] }))]).toEqual([name, undefined]);
    }
    fc.assert(fc.property(fc.jsonValue(), (value) => parseJobLine(JSON.stringify(value)) === undefined));
    fc.assert(fc.property(fc.string(), (text) => parseJobLine(text) === undefined));
  });
});
