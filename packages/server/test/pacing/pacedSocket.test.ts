import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PacedWorld, pattern } from "./pacing.ts";

const RATE = 100_000;

describe("a paced socket", () => {
  it("BW-02 BW-05 sends at its rate, over any second within a tenth, and never more than 100 ms of it at once", () => {
    const world = new PacedWorld();
    const client = world.connect({ session: world.session(RATE) }).sendForEver();
    const reached: number[] = [];
    let last = 0;
    world.advanceMs(5_000, () => {
      const now = client.receivedBytes;
      expect(now - last).toBeLessThanOrEqual(RATE / 10 + 1);
      last = now;
      reached.push(now);
    });
    for (let from = 0; from + 100 < reached.length; from++) {
      const inOneSecond = (reached[from + 100] ?? 0) - (reached[from] ?? 0);
      expect(inOneSecond).toBeLessThanOrEqual(RATE * 1.1);
      expect(inOneSecond).toBeGreaterThanOrEqual(RATE * 0.9);
    }
  });

  it("BW-05 makes up for moments in which the process was late, and never more than a tenth too much a second", () => {
    const world = new PacedWorld();
    const client = world.connect({ session: world.session(RATE) }).sendForEver();
    world.advanceMs(1_000);
    const before = client.receivedBytes;
    for (let late = 0; late < 4; late++) {
      world.clock.advanceSeconds(0.25);
      world.pacer.tick();
      let last = client.receivedBytes;
      for (let second = 0; second < 4; second++) {
        world.advanceMs(1_000);
        expect(client.receivedBytes - last).toBeLessThanOrEqual(RATE * 1.1);
        last = client.receivedBytes;
      }
    }
    expect((client.receivedBytes - before) / (RATE * 17)).toBeGreaterThan(0.985);
  });

  it("hands everything on in its order, whatever is written and however the client takes it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.nat(3_000), fc.nat(3_000)), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 2_000, max: 500_000 }),
        fc.option(fc.integer({ min: 1, max: 900 }), { nil: undefined }),
        (writes, rate, takenPerStep) => {
          const world = new PacedWorld();
          const client = world.connect({ session: world.session(rate), gate: world.gate(rate * 2) });
          if (takenPerStep !== undefined) client.inner.room = 0;
          const sent: Buffer[] = [];
          for (const [isPair, headBytes, bodyBytes] of writes) {
            const [head, body] = [pattern(headBytes + 1), pattern(bodyBytes)];
            sent.push(head, ...(isPair ? [body] : []));
            if (isPair) client.paced.writePair(head, body);
            else client.paced.write(head);
          }
          const whole = Buffer.concat(sent);
          client.paced.end();
          for (let step = 0; step < 200_000 && !client.inner.isEnding; step++) {
            world.advanceMs(100);
            expect(client.paced.unsentBytes).toBe(whole.length - client.receivedBytes);
            if (takenPerStep !== undefined) client.inner.take(takenPerStep);
          }
          if (takenPerStep !== undefined) client.inner.take(whole.length);
          expect(client.inner.received.equals(whole)).toBe(true);
          expect(client.inner.lateBytes).toBe(0);
          expect(world.defects).toEqual([]);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("tells of a drain when everything has been taken, and only then", () => {
    const world = new PacedWorld();
    const client = world.connect({ session: world.session(RATE) });
    expect(client.paced.write(pattern(RATE / 20))).toBe(true);
    expect(client.paced.write(pattern(RATE))).toBe(false);
    expect(client.paced.isHeldBack).toBe(true);
    world.advanceMs(500);
    expect(client.drains).toBe(0);
    world.advanceMs(600);
    expect([client.drains, client.paced.unsentBytes]).toEqual([1, 0]);
  });

  it("waits for a client that takes nothing, and owes it no more than a burst afterwards", () => {
    const world = new PacedWorld();
    const client = world.connect({ session: world.session(RATE) });
    client.inner.room = 1_000;
    client.paced.write(pattern(RATE * 3));
    world.advanceMs(1_000);
    expect(client.receivedBytes).toBe(1_000);
    expect(client.paced.isHeldBack).toBe(false);
    client.inner.room = 0;
    client.inner.take(RATE * 10);
    expect(client.receivedBytes).toBeLessThanOrEqual(RATE / 5 + 1_000);
    world.advanceMs(1_000);
    expect(client.receivedBytes).toBeLessThanOrEqual(RATE * 1.3);
  });

  it("ends when everything has been handed on; what it was asked for is done once", () => {
    const world = new PacedWorld();
    const client = world.connect({ session: world.session(RATE) });
    client.paced.write(pattern(RATE / 2));
    client.paced.endWriting();
    client.paced.end();
    expect([client.inner.hasEndedWriting, client.inner.isEnding]).toEqual([false, false]);
    world.advanceMs(600);
    expect([client.receivedBytes, client.inner.isEnding, client.drains]).toEqual([RATE / 2, true, 0]);
  });

  it("sends no more once it is destroyed, and holds nothing", () => {
    const world = new PacedWorld();
    const client = world.connect({ session: world.session(RATE), gate: world.gate(RATE) });
    client.paced.write(pattern(RATE));
    const before = client.receivedBytes;
    client.paced.reset();
    world.advanceMs(1_000);
    const held: Buffer[] = [];
    client.paced.visitUnsent((data) => held.push(data));
    expect([client.receivedBytes, client.paced.unsentBytes, held.length]).toEqual([before, 0, 0]);
    expect(client.inner.isReset).toBe(true);
  });

  it("shows the very memory that waits", () => {
    const world = new PacedWorld();
    const client = world.connect({ session: world.session(RATE) });
    const [first, second] = [pattern(RATE), pattern(RATE)];
    client.paced.writePair(first, second);
    const held = new Set<ArrayBufferLike>();
    client.paced.visitUnsent(({ buffer }) => held.add(buffer));
    expect([held.has(first.buffer), held.has(second.buffer)]).toEqual([true, true]);
  });

  it("sends what waits when its limits are taken away", () => {
    const world = new PacedWorld();
    const client = world.connect({ session: world.session(RATE) });
    client.paced.write(pattern(RATE));
    client.paced.limit({ response: undefined, session: undefined, gate: undefined });
    expect(client.receivedBytes).toBe(RATE);
  });

  it.each([
    [125, 16 * 1024],
    [1_000_000, 250_000],
    [100_000_000, 256 * 1024],
  ])("asks of a body for clients at %d bytes a second for pieces of %d", (rate, pieceBytes) => {
    const world = new PacedWorld();
    expect(world.connect({ session: world.session(rate) }).paced.pieceBytes).toBe(pieceBytes);
  });
});

describe("the pacer", () => {
  it("calls each of many when it is due, once, and not one that has left", () => {
    const world = new PacedWorld();
    const called: number[] = [];
    const waiting = Array.from({ length: 500 }, (_, index) => ({
      dueTick: -1,
      due: () => {
        called.push(index);
      },
    }));
    for (const [index, each] of waiting.entries()) world.pacer.wait(each, index);
    for (const each of waiting.slice(0, 100)) world.pacer.cancel(each);
    world.advanceMs(260);
    expect(called.length).toBeGreaterThan(120);
    expect(Math.max(...called)).toBeLessThan(270);
    world.advanceMs(600);
    expect(called.toSorted((one, other) => one - other)).toEqual(waiting.map((_, index) => index).slice(100));
  });

  it("calls all that was due in a time in which the process did nothing", () => {
    const world = new PacedWorld();
    let calls = 0;
    for (let index = 0; index < 50; index++) world.pacer.wait({ dueTick: -1, due: () => void calls++ }, index * 30);
    world.clock.advanceSeconds(10);
    world.pacer.tick();
    expect(calls).toBe(50);
  });

  it("forgets nobody who waits anew while the time of a standstill is made up for", () => {
    const world = new PacedWorld();
    let calls = 0;
    for (let index = 0; index < 60; index++) {
      const waiting = {
        dueTick: -1,
        due: (): void => {
          calls++;
          if (calls <= 60) world.pacer.wait(waiting, index * 20);
        },
      };
      world.pacer.wait(waiting, index * 20);
    }
    world.clock.advanceSeconds(1.3);
    world.pacer.tick();
    expect(calls).toBe(60);
    world.advanceMs(1_400);
    expect(calls).toBe(120);
  });

  it("goes on when one of those who wait fails", () => {
    const world = new PacedWorld();
    let calls = 0;
    const fail = (): void => {
      throw new Error("broken");
    };
    world.pacer.wait({ dueTick: -1, due: fail }, 10);
    world.pacer.wait({ dueTick: -1, due: () => void calls++ }, 10);
    world.advanceMs(100);
    expect([calls, world.defects.length]).toEqual([1, 1]);
  });
});
