import { describe, expect, it } from "vitest";
import { PacedWorld, pattern } from "./pacing.ts";

const CAP = 1_000_000;

const total = (clients: readonly { readonly receivedBytes: number }[]): number =>
  clients.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0);

describe("the traffic cap of a host", () => {
  it.each([1, 4, 100])("BW-01 BW-05 lets %d clients have all of it together, and no more, all alike", (count) => {
    const world = new PacedWorld();
    const gate = world.gate(CAP);
    const clients = Array.from({ length: count }, () => world.connect({ gate }).sendForEver());
    world.advanceMs(2_000);
    const before = clients.map(({ receivedBytes }) => receivedBytes);
    world.advanceMs(3_000);
    const gained = clients.map(({ receivedBytes }, index) => receivedBytes - (before[index] ?? 0));
    const sum = gained.reduce((all, each) => all + each, 0);
    expect(sum / (3 * CAP)).toBeGreaterThan(0.95);
    expect(sum / (3 * CAP)).toBeLessThan(1.05);
    expect(Math.min(...gained)).toBeGreaterThan((sum / count) * 0.7);
  });

  it("BW-03 holds for sessions with caps of their own too", () => {
    const world = new PacedWorld();
    const gate = world.gate(625_000);
    const clients = Array.from({ length: 10 }, () =>
      world.connect({ gate, session: world.session(250_000) }).sendForEver(),
    );
    world.advanceMs(4_000);
    expect(total(clients)).toBeLessThan(625_000 * 4 * 1.1);
    expect(total(clients)).toBeGreaterThan(625_000 * 4 * 0.9);
  });

  it("leaves to others what slow clients and those with caps do not use", () => {
    const world = new PacedWorld();
    const gate = world.gate(CAP);
    const slow = Array.from({ length: 9 }, () => world.connect({ gate, session: world.session(10_000) }).sendForEver());
    const stuck = world.connect({ gate });
    stuck.inner.room = 0;
    stuck.sendForEver();
    const greedy = world.connect({ gate }).sendForEver();
    world.advanceMs(4_000);
    expect(total(slow)).toBeGreaterThan(9 * 10_000 * 4 * 0.9);
    expect(greedy.receivedBytes).toBeGreaterThan((CAP - 90_000) * 4 * 0.9);
  });

  it("gives a short answer to a new client at once, as long as there is room", () => {
    const world = new PacedWorld();
    const gate = world.gate(CAP);
    expect(world.connect({ gate }).paced.write(pattern(5_000))).toBe(true);
    world.connect({ gate }).sendForEver();
    const late = world.connect({ gate });
    expect(late.paced.write(pattern(1_000))).toBe(false);
    world.advanceMs(60);
    expect(late.receivedBytes).toBe(1_000);
  });

  it("follows its share of the cap", () => {
    const world = new PacedWorld();
    const gate = world.gate(CAP);
    gate.setFraction(0.25, world.nowMs);
    const client = world.connect({ gate }).sendForEver();
    world.advanceMs(1_000);
    const before = client.receivedBytes;
    world.advanceMs(1_000);
    expect((client.receivedBytes - before) / CAP).toBeCloseTo(0.25, 1);
    gate.setFraction(1, world.nowMs);
    world.gate(CAP * 2);
    const next = client.receivedBytes;
    world.advanceMs(1_000);
    expect((client.receivedBytes - next) / CAP).toBeCloseTo(2, 1);
  });

  it("tells how many sessions it has kept waiting", () => {
    const world = new PacedWorld();
    const gate = world.gate(CAP);
    const clients = Array.from({ length: 7 }, () => world.connect({ gate }).sendForEver());
    world.advanceMs(1_000);
    gate.takeUse();
    world.advanceMs(1_000);
    const use = gate.takeUse();
    expect([use.sessions, use.isShort]).toEqual([7, true]);
    expect(use.sentBytes / CAP).toBeCloseTo(1, 1);
    for (const { paced } of clients) paced.destroy();
    gate.takeUse();
    expect(gate.takeUse()).toEqual({ sessions: 0, isShort: false, sentBytes: 0 });
  });
});
