import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SessionGate, shareOf } from "../src/sessionGate.ts";
import { until } from "./support/exchange.ts";

const gateFor = (places: number, queue: number) => {
  let refused = 0;
  const limits = { places, queue };
  const gate = new SessionGate(
    () => limits,
    () => {
      refused += 1;
    },
  );
  const log: string[] = [];
  const enter = (name: string, waitMs = 0) =>
    gate.enter(
      waitMs,
      () => log.push(name),
      (error) => log.push(`${name} ${error.code}`),
    );
  return { gate, log, enter, limits, refused: () => refused };
};

describe("<MaxSessions>", () => {
  it("lets the first ones run and the others wait in order", () => {
    const { log, enter, gate } = gateFor(2, 10);
    const [a, b] = ["a", "b", "c", "d"].map((name) => enter(name));
    expect([log, gate.waiting]).toEqual([["a", "b"], 2]);
    b?.();
    a?.();
    expect(log).toEqual(["a", "b", "c", "d"]);
  });

  it("gives a place back once only", () => {
    const { log, enter } = gateFor(1, 10);
    const leave = enter("a");
    enter("b");
    enter("c");
    leave();
    leave();
    expect(log).toEqual(["a", "b"]);
  });

  it("refuses what the queue does not take, and counts it", () => {
    const { log, enter, refused } = gateFor(1, 1);
    for (const name of ["a", "b", "c"]) enter(name);
    expect([log, refused()]).toEqual([["a", "c ORIGIN_BUSY"], 1]);
    const none = gateFor(1, 0);
    for (const name of ["a", "b"]) none.enter(name);
    expect(none.log).toEqual(["a", "b ORIGIN_BUSY"]);
  });

  it("lets a request that was given up leave the queue", () => {
    const { log, enter, gate } = gateFor(1, 10);
    const a = enter("a");
    const b = enter("b");
    enter("c");
    b();
    expect(gate.waiting).toBe(1);
    a();
    expect(log).toEqual(["a", "c"]);
  });

  it("refuses a request that has waited too long, and its place in the queue is free", async () => {
    const { log, enter, gate, refused } = gateFor(1, 10);
    enter("a");
    const b = enter("b", 1);
    await until(() => log.length > 1);
    b();
    expect([log, gate.waiting, refused()]).toEqual([["a", "b ORIGIN_BUSY"], 0, 1]);
  });

  it("has no limit with 0, and follows a limit that changes", () => {
    const { log, enter, limits } = gateFor(0, 0);
    const [a, b] = ["a", "b", "c"].map((name) => enter(name));
    expect(log.length).toBe(3);
    limits.places = 2;
    limits.queue = 5;
    enter("d");
    a?.();
    expect(log.length).toBe(3);
    b?.();
    expect(log.length).toBe(4);
  });

  it("never lets more run than there are places, whatever happens", () => {
    const step = fc.record({ leaves: fc.boolean(), which: fc.nat(20) });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.nat(5),
        fc.array(step, { maxLength: 100 }),
        (places, queue, steps) => {
          let running = 0;
          const inside: { leave: () => void; isRunning: boolean }[] = [];
          const gate = new SessionGate(
            () => ({ places, queue }),
            () => {},
          );
          for (const { leaves, which } of steps) {
            if (leaves) {
              const [entry] = inside.splice(which % Math.max(1, inside.length), 1);
              if (entry?.isRunning) running -= 1;
              entry?.leave();
            } else {
              const entry = { leave: () => {}, isRunning: false };
              entry.leave = gate.enter(
                0,
                () => {
                  entry.isRunning = true;
                  running += 1;
                },
                () => {},
              );
              inside.push(entry);
            }
            expect(running).toBeLessThanOrEqual(places);
            expect(gate.waiting).toBeLessThanOrEqual(queue);
            if (gate.waiting > 0) expect(running).toBe(places);
          }
        },
      ),
    );
  });

  it.each([
    { total: 50, workers: 2, shares: [25, 25] },
    { total: 7, workers: 3, shares: [3, 2, 2] },
    { total: 1, workers: 2, shares: [1, 1] },
    { total: 0, workers: 2, shares: [0, 0] },
  ])("divides $total sessions among $workers workers", ({ total, workers, shares }) => {
    expect(shares.map((_, place) => shareOf(total, workers, place))).toEqual(shares);
  });
});
