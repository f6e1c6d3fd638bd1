import { describe, expect, it, vi } from "vitest";
import { WorkerPool } from "../src/workerPool.ts";

/** A worker without a process: its start is as long as the scene wants. */
const FakeWorker = vi.hoisted(() => {
  return class FakeWorker {
    static readonly all: FakeWorker[] = [];
    readonly id = FakeWorker.all.push(this);
    readonly starting = Promise.withResolvers<void>();
    readonly ending = Promise.withResolvers<number>();
    readonly gone = this.ending.promise;
    readonly startedMs = -10_000;
    slot = -1;
    state = "starting";

    takeSlot(slot: number): void {
      this.slot = slot;
    }

    async start(): Promise<boolean> {
      await Promise.race([this.starting.promise, this.gone]);
      if (this.state === "starting") this.state = "serving";
      return this.state === "serving";
    }

    enterService(): void {}

    drain(): void {
      this.state = "draining";
    }

    kill(): void {
      this.die();
    }

    die(): void {
      this.state = "gone";
      this.ending.resolve(1);
    }
  };
});

vi.mock("../src/workerProcess.ts", () => ({ WorkerProcess: FakeWorker }));

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
};

describe("a pool whose first worker cannot be started", () => {
  it("serves when the one in its place does: until then the workers of the last primary are wanted", async () => {
    FakeWorker.all.length = 0;
    const pool = new WorkerPool({
      calls: () => expect.fail("no process is made"),
      events: () => expect.fail("no process is made"),
      configuration: () => Object.create(null),
      places: () => [],
      onEntering: () => Promise.resolve(),
      onServing: () => {},
      onGone: () => {},
    });
    let isServing = false;
    void pool.serving.then(() => {
      isServing = true;
    });
    const scaling = pool.scale(1, 0);
    await turns();
    FakeWorker.all[0]?.die();
    await scaling;
    await turns();
    expect(isServing).toBe(false);
    FakeWorker.all[1]?.starting.resolve();
    await turns();
    expect(isServing).toBe(true);
  });
});

describe("a rolling restart", () => {
  it.each([
    ["the replacement", [1, 2]],
    ["the other one", [2, 1]],
  ] as const)(
    "in which the old worker dies leaves one worker in its place, when %s is ready first",
    async (_, order) => {
      FakeWorker.all.length = 0;
      const pool = new WorkerPool({
        calls: () => expect.fail("no process is made"),
        events: () => expect.fail("no process is made"),
        configuration: () => Object.create(null),
        places: () => [],
        onEntering: () => Promise.resolve(),
        onServing: () => {},
        onGone: () => {},
      });
      const scaling = pool.scale(1, 0);
      await turns();
      FakeWorker.all[0]?.starting.resolve();
      await scaling;
      const replacing = pool.replaceAll(0);
      await turns();
      FakeWorker.all[0]?.die();
      await turns();
      for (const place of order) {
        FakeWorker.all[place]?.starting.resolve();
        await turns();
      }
      await replacing;
      expect(FakeWorker.all.map(({ state }) => state).toSorted()).toEqual(["draining", "gone", "serving"]);
      expect([...pool.living()].map(({ id }) => id).toSorted()).toEqual([2, 3]);
      await turns();
    },
  );
});
