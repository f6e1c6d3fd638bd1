import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { EdgeError } from "@basalt/types";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { JobTerms, JobWatch, TransformPoolOptions } from "../src/contract.ts";
import { type LoadedJob, ThreadPool } from "../src/threadPool.ts";

const openPool = (options: Partial<TransformPoolOptions> = {}): ThreadPool<string, string> => {
  const pool = new ThreadPool<string, string>(new URL("./support/misbehaving.ts", import.meta.url), {
    threads: 1,
    queueLimit: 10,
    queueLimitBytes: 1_000,
    deadlineMs: 20_000,
    idleThreadMs: 60_000,
    onStuckThread: () => {},
    ...options,
  });
  onTestFinished(() => pool.close());
  return pool;
};

const terms = (change: Partial<JobTerms> = {}): JobTerms => ({
  vhost: "a.example",
  weight: 100,
  maxRunning: 0,
  priority: "asked",
  heldBytes: 0,
  ...change,
});

const loaded =
  (job: string): (() => Promise<LoadedJob<string>>) =>
  async () => ({ job, transfer: [] });

const run = (pool: ThreadPool<string, string>, job: string, watch: JobWatch = {}): Promise<string> =>
  pool.run(terms(), loaded(job), watch);

const failureOf = (running: Promise<unknown>): Promise<string> =>
  running.then(
    () => "no failure",
    (error: unknown) => (error instanceof EdgeError ? `${error.code}: ${error.detail}` : "foreign error"),
  );

/** Holds the one thread inside a native call until it is released. */
const occupy = async (pool: ThreadPool<string, string>): Promise<() => Promise<void>> => {
  const folder = mkdtempSync(join(tmpdir(), "basalt-pool-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const running = run(pool, `native ${pipe}`);
  running.catch(() => {});
  // Fails until the thread has opened the other end.
  const open = await vi.waitFor(() => openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK), { timeout: 20_000 });
  return async () => {
    closeSync(open);
    await running.catch(() => {});
  };
};

describe("queue", () => {
  it("REG-198 DIMS-18 runs as many jobs as it has threads, in their order, and refuses those beyond its limit", async () => {
    const pool = openPool({ queueLimit: 2 });
    const release = await occupy(pool);
    const order: string[] = [];
    const jobs = ["a", "b", "c"].map((job) => run(pool, job).then((result) => order.push(result)));
    expect(pool.figures).toMatchObject({ waiting: 3, running: 1 });
    expect(await failureOf(run(pool, "d"))).toBe("TRANSFORM_OVERLOADED: 2 jobs waiting");
    await release();
    await Promise.all(jobs);
    expect(order).toEqual(["a", "b", "c"]);
    expect(pool.figures).toMatchObject({ waiting: 0, running: 0, done: 4, overloaded: 1 });
  });

  it("loads sources when their turn has come, one ahead of the threads", async () => {
    const pool = openPool();
    const release = await occupy(pool);
    let sourcesLoaded = 0;
    const jobs = Array.from({ length: 8 }, () =>
      pool.run(terms(), async () => {
        sourcesLoaded++;
        return { job: "a", transfer: [] };
      }),
    );
    expect(sourcesLoaded).toBe(1);
    await release();
    await Promise.all(jobs);
    expect(sourcesLoaded).toBe(8);
  });

  it("refuses a job whose memory is too much beside that of the jobs that wait", async () => {
    const pool = openPool();
    const release = await occupy(pool);
    const jobs = [run(pool, "ahead"), pool.run(terms({ heldBytes: 900 }), loaded("held"))];
    expect(await failureOf(pool.run(terms({ heldBytes: 200 }), loaded("b")))).toMatch(/^TRANSFORM_OVERLOADED/);
    await release();
    expect(await Promise.all(jobs)).toEqual(["ahead", "held"]);
  });

  it("gives the place of the host that fills the queue to a host that has no job there", async () => {
    const pool = openPool({ queueLimit: 3 });
    const release = await occupy(pool);
    const busy = ["ahead", "b1", "b2", "b3"].map((job) => failureOf(run(pool, job)));
    const other = pool.run(terms({ vhost: "b.example" }), loaded("other"));
    await release();
    expect(await other).toBe("other");
    expect(await Promise.all(busy)).toEqual([
      "no failure",
      "no failure",
      "no failure",
      "TRANSFORM_OVERLOADED: gave way to a job of another virtual host",
    ]);
  });

  it("gives up a job that has waited a whole deadline", async () => {
    const pool = openPool({ deadlineMs: 300 });
    pool.setStarting(false);
    expect(await failureOf(run(pool, "a"))).toBe("TRANSFORM_OVERLOADED: waited longer than 300 ms");
    expect(pool.figures).toMatchObject({ waiting: 0, overloaded: 1 });
  });

  it("does not start jobs while it may not, and starts them afterwards", async () => {
    const pool = openPool();
    pool.setStarting(false);
    const job = run(pool, "a");
    expect(pool.figures).toMatchObject({ waiting: 1, running: 0 });
    pool.setStarting(true);
    expect(await job).toBe("a");
  });
});

describe("cancellation", () => {
  it.each([
    { what: "in the queue", before: ["ahead"] },
    { what: "with its source loaded", before: [] },
  ])("keeps a job that is cancelled $what from running", async ({ before }) => {
    const pool = openPool();
    const release = await occupy(pool);
    const others = before.map((job) => run(pool, job));
    const cancel = new AbortController();
    let started = false;
    const onStart = (): void => {
      started = true;
    };
    const cancelled = failureOf(run(pool, "spin", { signal: cancel.signal, onStart }));
    await new Promise((resolve) => setImmediate(resolve));
    cancel.abort();
    expect(await cancelled).toBe("TRANSFORM_FAILED: cancelled");
    await release();
    await Promise.all(others);
    expect(started).toBe(false);
    expect(pool.figures).toMatchObject({ waiting: 0, running: 0, cancelled: 1, failed: 0 });
  });

  it("lets a job that runs go on: what it makes is worth keeping", async () => {
    const pool = openPool();
    const cancel = new AbortController();
    expect(await run(pool, "a", { signal: cancel.signal, onStart: () => cancel.abort() })).toBe("a");
  });

  it("gives the memory of loaded sources back at once, while all threads are at work", async () => {
    setFlagsFromString("--expose-gc");
    const collect: unknown = runInNewContext("gc");
    if (typeof collect !== "function") throw new Error("memory cannot be collected");
    const pool = openPool();
    const release = await occupy(pool);
    const sources: WeakRef<ArrayBuffer>[] = [];
    for (let nth = 0; nth < 5; nth += 1) {
      const cancel = new AbortController();
      const load = async (): Promise<LoadedJob<string>> => {
        const source = new ArrayBuffer(1_000);
        sources.push(new WeakRef(source));
        return { job: "a", transfer: [source] };
      };
      const cancelled = failureOf(pool.run(terms(), load, { signal: cancel.signal }));
      await nextTurn();
      cancel.abort();
      await cancelled;
    }
    await nextTurn();
    collect();
    expect(sources.map((source) => source.deref())).toEqual(new Array(5).fill(undefined));
    await release();
  });

  it("does not start a job whose signal is aborted already", async () => {
    expect(await failureOf(run(openPool(), "spin", { signal: AbortSignal.abort() }))).toBe(
      "TRANSFORM_FAILED: cancelled",
    );
  });
});

describe("failures", () => {
  it("ends a job at its deadline, replaces the thread and goes on", async () => {
    let stuck = 0;
    const pool = openPool({
      deadlineMs: 300,
      onStuckThread: () => {
        stuck++;
      },
    });
    for (let nth = 0; nth < 2; nth += 1) {
      expect(await failureOf(run(pool, "spin"))).toBe("TRANSFORM_FAILED: longer than 300 ms");
    }
    expect(pool.figures).toMatchObject({ waiting: 0, running: 0, done: 0, failed: 2 });
    expect(stuck).toBe(0);
  });

  it("tells of a thread that does not end because it is inside native code", async () => {
    let stuck = 0;
    const pool = openPool({
      deadlineMs: 3_000,
      onStuckThread: () => {
        stuck++;
      },
    });
    const release = await occupy(pool);
    await vi.waitFor(() => expect(stuck).toBe(1), { timeout: 20_000 });
    expect(pool.figures).toMatchObject({ running: 0, failed: 1 });
    await release();
  });

  it("reports what a job throws, and goes on", async () => {
    const pool = openPool();
    expect(await failureOf(run(pool, "throw"))).toBe("TRANSFORM_FAILED: decoder says no");
    expect(await run(pool, "a")).toBe("a");
  });

  it("reports a source that cannot be loaded, and goes on", async () => {
    const pool = openPool();
    const gone = async (): Promise<never> => {
      throw new EdgeError("STORE_UNAVAILABLE", { detail: "gone" });
    };
    expect(await failureOf(pool.run(terms(), gone))).toBe("STORE_UNAVAILABLE: gone");
    expect(await run(pool, "a")).toBe("a");
    expect(pool.figures).toMatchObject({ waiting: 0, running: 0, done: 1, failed: 1 });
  });

  it("loses one job to a thread that dies, and goes on", async () => {
    const pool = openPool();
    const crashing = failureOf(run(pool, "crash"));
    const next = run(pool, "a");
    expect(await crashing).toBe("TRANSFORM_FAILED: worker exited with code: 3");
    expect(await next).toBe("a");
  });
});

describe("end", () => {
  it("rejects waiting jobs, lets the running one end and takes no more", async () => {
    const pool = openPool();
    const running = run(pool, "a", {});
    await vi.waitFor(() => expect(pool.figures.running + pool.figures.done).toBe(1));
    const waiting = failureOf(run(pool, "b"));
    const closed = pool.close();
    expect(await waiting).toMatch(/^(TRANSFORM_FAILED: transform pool is closed|no failure)$/);
    expect(await running).toBe("a");
    await closed;
    expect(await failureOf(run(pool, "c"))).toBe("TRANSFORM_FAILED: transform pool is closed");
  });

  it("hands the jobs that wait back when another host takes its place", async () => {
    const pool = openPool();
    const release = await occupy(pool);
    const waiting = ["a", "b"].map((job) => failureOf(run(pool, job)));
    const retired = pool.retire(new EdgeError("SHUTTING_DOWN", { detail: "another takes its place" }));
    expect(await Promise.all(waiting)).toEqual(Array(2).fill("SHUTTING_DOWN: another takes its place"));
    await release();
    await retired;
    expect(await failureOf(run(pool, "c"))).toBe("SHUTTING_DOWN: another takes its place");
  });
});
