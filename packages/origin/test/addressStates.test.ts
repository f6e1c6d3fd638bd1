import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AddressStates } from "../src/addressStates.ts";

const RULES = { exclusion: 3, recovery: 5 };

const fail = (states: AddressStates, index: number, times: number): boolean => {
  let excluded = false;
  for (let nth = 0; nth < times; nth += 1) excluded = states.recordFailure(index);
  return excluded;
};

const probe = (states: AddressStates, index: number, times: number): boolean => {
  let recovered = false;
  for (let nth = 0; nth < times; nth += 1) recovered = states.recordProbe(index, true);
  return recovered;
};

describe("exclusion", () => {
  it("ORG-03 excludes after that many consecutive failures", () => {
    const states = new AddressStates(["a", "b"], [], RULES);
    expect(fail(states, 0, 2)).toBe(false);
    expect(states.inService).toEqual([0, 1]);
    expect(states.recordFailure(0)).toBe(true);
    expect(states.inService).toEqual([1]);
    expect(states.recordFailure(0)).toBe(false);
  });

  it("ORG-03 starts counting again after a normal exchange: fail, fail, ok, fail, fail stays in service", () => {
    const states = new AddressStates(["a"], [], RULES);
    fail(states, 0, 2);
    states.recordSuccess(0);
    expect(fail(states, 0, 2)).toBe(false);
    expect(states.inService).toEqual([0]);
  });

  it("ORG-03 never excludes with a count of 0", () => {
    const states = new AddressStates(["a"], [], { exclusion: 0, recovery: 5 });
    expect(fail(states, 0, 100)).toBe(false);
    expect(states.inService).toEqual([0]);
  });

  it("ORG-12 leaves nothing in service when all are excluded", () => {
    const states = new AddressStates(["a", "b"], ["c"], RULES);
    for (const index of [0, 1, 2]) fail(states, index, 3);
    expect(states.inService).toEqual([]);
    expect(states.excluded).toEqual([0, 1, 2]);
  });
});

describe("recovery", () => {
  it("ORG-04 brings an address back after that many consecutive successes", () => {
    const states = new AddressStates(["a"], [], RULES);
    fail(states, 0, 3);
    expect(probe(states, 0, 4)).toBe(false);
    expect(states.recordProbe(0, true)).toBe(true);
    expect(states.inService).toEqual([0]);
    expect(fail(states, 0, 2)).toBe(false);
  });

  it("ORG-04 counts from the start after an unsuccessful probe", () => {
    const states = new AddressStates(["a"], [], RULES);
    fail(states, 0, 3);
    probe(states, 0, 4);
    states.recordProbe(0, false);
    expect(probe(states, 0, 4)).toBe(false);
    expect(states.isExcluded(0)).toBe(true);
  });

  it("ORG-04 never recovers with a count of 0, nor by an exchange that ends after the exclusion", () => {
    const states = new AddressStates(["a"], [], { exclusion: 1, recovery: 0 });
    states.recordFailure(0);
    states.recordSuccess(0);
    expect(probe(states, 0, 50)).toBe(false);
    expect(states.inService).toEqual([]);
  });

  it("ORG-12 does not depend on the order in which addresses recover", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), (order) => {
        const states = new AddressStates(["a", "b", "c"], ["d"], RULES);
        for (const index of [0, 1, 2, 3]) fail(states, index, 3);
        for (const index of order) probe(states, index, 5);
        expect(states.inService).toEqual([0, 1, 2]);
        expect(states.excluded).toEqual([]);
      }),
    );
  });
});

describe("standby", () => {
  const states = (): AddressStates => new AddressStates(["a1", "a2"], ["s1", "s2", "s3"], RULES);

  it("CFG-14 leaves standbys alone while every active works", () => {
    expect(states().inService).toEqual([0, 1]);
  });

  it("CFG-14 replaces each failed active by the next standby, and sends it back when the active recovers", () => {
    const both = states();
    fail(both, 0, 3);
    expect(both.inService).toEqual([1, 2]);
    fail(both, 1, 3);
    expect(both.inService).toEqual([2, 3]);
    probe(both, 0, 5);
    expect(both.inService).toEqual([0, 2]);
    probe(both, 1, 5);
    expect(both.inService).toEqual([0, 1]);
  });

  it("CFG-14 skips a failed standby until it has recovered", () => {
    const both = states();
    fail(both, 0, 3);
    fail(both, 2, 3);
    expect(both.inService).toEqual([1, 3]);
    probe(both, 2, 5);
    expect(both.inService).toEqual([1, 2]);
  });

  it("CFG-14 never has more in service than actives configured", () => {
    const step = fc.record({ index: fc.nat(4), successful: fc.boolean(), isProbe: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const any = new AddressStates(["a1", "a2"], ["s1", "s2", "s3"], { exclusion: 1, recovery: 2 });
        for (const { index, successful, isProbe } of steps) {
          if (isProbe) any.recordProbe(index, successful);
          else if (successful) any.recordSuccess(index);
          else any.recordFailure(index);
          expect(any.inService.length).toBeLessThanOrEqual(2);
          expect(any.inService.some((used) => any.isExcluded(used))).toBe(false);
          if (any.excluded.length < 4) expect(any.inService.length).toBeGreaterThan(0);
        }
      }),
    );
  });
});

describe("sharing", () => {
  it("ORG-21 takes over the states of the addresses both know and leaves the others", () => {
    const elsewhere = new AddressStates(["a", "gone"], ["b"], RULES);
    fail(elsewhere, 0, 3);
    fail(elsewhere, 1, 3);
    elsewhere.recordProbe(0, true);
    const here = new AddressStates(["a", "b"], [], RULES);
    here.apply(structuredClone(elsewhere.snapshot()));
    expect(here.snapshot()).toEqual([
      { address: "a", standby: false, excluded: true, failures: 3, probes: 1 },
      { address: "b", standby: false, excluded: false, failures: 0, probes: 0 },
    ]);
    expect(here.inService).toEqual([1]);
  });
});
