import { EdgeError } from "@basalt/types";
import { describe, expect, it, onTestFinished } from "vitest";
import type { TransformPoolOptions } from "../src/contract.ts";
import { ThreadPool } from "../src/threadPool.ts";

const openPool = (options: Partial<TransformPoolOptions> = {}): ThreadPool<string, string> => {
  const pool = new ThreadPool<string, string>(new URL("./support/misbehaving.ts", import.meta.url), {
    threads: 1,
    queueLimit: 10,
    deadlineMs: 20_000,
    ...options,
  });
  onTestFinished(() => pool.close());
  return pool;
};

const failureOf = (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => "no failure",
    (error: unknown) => (error instanceof EdgeError ? `${error.code}: ${error.detail}` : "foreign error"),
  );

describe("queue", () => {
  it("runs jobs first come first served and refuses those beyond its limit", async () => {
    const pool = openPool({ queueLimit: 2 });
    const order: string[] = [];
    const jobs = ["a", "b", "c"].map((job) => pool.run(job, []).then((result) => order.push(result)));
    expect(pool.figures).toEqual({ waiting: 2, running: 1, done: 0, failed: 0 });
    expect(await failureOf(pool.run("d", []))).toBe("TRANSFORM_OVERLOADED: 2 jobs waiting");
    await Promise.all(jobs);
    expect(order).toEqual(["a", "b", "c"]);
    expect(pool.figures.done).toBe(3);
    expect(await pool.run("e", [])).toBe("e");
  });

  it("keeps a job that is cancelled while it waits from running", async () => {
    const pool = openPool();
    const cancel = new AbortController();
    const first = pool.run("a", []);
    const second = failureOf(pool.run("spin", [], cancel.signal));
    cancel.abort();
    expect(await second).toBe("TRANSFORM_FAILED: cancelled");
    expect(await first).toBe("a");
    expect(pool.figures).toMatchObject({ waiting: 0, failed: 1 });
  });
});

describe("failures", () => {
  it("ends a job at its deadline, replaces the thread and goes on", async () => {
    const pool = openPool({ deadlineMs: 300 });
    for (let nth = 0; nth < 2; nth += 1) {
      expect(await failureOf(pool.run("spin", []))).toBe("TRANSFORM_FAILED: longer than 300 ms");
    }
    expect(pool.figures).toEqual({ waiting: 0, running: 0, done: 0, failed: 2 });
  });

  it("serves jobs again after a thread was replaced", async () => {
    const pool = openPool();
    for (let nth = 0; nth < 3; nth += 1) {
      const cancel = new AbortController();
      const spinning = failureOf(pool.run("spin", [], cancel.signal));
      const next = pool.run(`job ${nth}`, []);
      cancel.abort();
      expect(await spinning).toBe("TRANSFORM_FAILED: cancelled");
      expect(await next).toBe(`job ${nth}`);
    }
    expect(pool.figures).toEqual({ waiting: 0, running: 0, done: 3, failed: 3 });
  });

  it("does not start a job whose signal is aborted already", async () => {
    expect(await failureOf(openPool().run("spin", [], AbortSignal.abort()))).toBe("TRANSFORM_FAILED: cancelled");
  });

  it("reports what a job throws, and goes on", async () => {
    const pool = openPool();
    expect(await failureOf(pool.run("throw", []))).toBe("TRANSFORM_FAILED: decoder says no");
    expect(await pool.run("a", [])).toBe("a");
  });

  it("loses one job to a thread that dies, and goes on", async () => {
    const pool = openPool();
    const crashing = failureOf(pool.run("crash", []));
    const next = pool.run("a", []);
    expect(await crashing).toBe("TRANSFORM_FAILED: worker exited with code: 3");
    expect(await next).toBe("a");
  });
});

describe("close", () => {
  it("rejects waiting jobs, lets the running one end and takes no more", async () => {
    const pool = openPool();
    const running = pool.run("a", []);
    const waiting = failureOf(pool.run("b", []));
    const closed = pool.close();
    expect(await waiting).toBe("TRANSFORM_FAILED: transform pool is closed");
    expect(await running).toBe("a");
    await closed;
    expect(await failureOf(pool.run("c", []))).toBe("TRANSFORM_FAILED: transform pool is closed");
  });
});
