import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideEmergency, type EmergencyFacts } from "../src/index.ts";

const MIB = 1024 * 1024;

const ON: EmergencyFacts = { isOn: true, isActive: false, limitBytes: 1000, pinnedBytes: 0 };
const IN_FORCE: EmergencyFacts = { ...ON, isActive: true };

const bytes = fc.integer({ min: 0, max: 2 ** 40 });
const facts = fc.record({ isOn: fc.boolean(), isActive: fc.boolean(), limitBytes: bytes, pinnedBytes: bytes });

/** The mode after the decision. */
const next = (given: EmergencyFacts): boolean => {
  const { kind } = decideEmergency(given);
  return kind === "keep" ? given.isActive : kind === "activate";
};

describe("emergency mode", () => {
  it.each<[string, EmergencyFacts, ReturnType<typeof decideEmergency>]>([
    ["nothing pinned", ON, { kind: "keep" }],
    ["all of the limit pinned, but no more", { ...ON, pinnedBytes: 1000 }, { kind: "keep" }],
    ["more than the limit", { ...ON, pinnedBytes: 1001 }, { kind: "activate", overusedBytes: 1 }],
    ["no limit at all", { ...ON, limitBytes: 0, pinnedBytes: MIB }, { kind: "activate", overusedBytes: MIB }],
    ["switched off", { ...ON, isOn: false, pinnedBytes: 5000 }, { kind: "keep" }],
    ["in force, still more than the limit", { ...IN_FORCE, pinnedBytes: 1200 }, { kind: "keep" }],
    ["in force, a little below the limit", { ...IN_FORCE, pinnedBytes: 900 }, { kind: "keep" }],
    ["in force, below nine tenths of it", { ...IN_FORCE, pinnedBytes: 899 }, { kind: "inactivate" }],
    ["in force, without worker", { ...IN_FORCE, limitBytes: 0 }, { kind: "inactivate" }],
    ["in force, then switched off", { ...IN_FORCE, isOn: false, pinnedBytes: 5000 }, { kind: "inactivate" }],
  ])("OPT-61: %s", (_, given, decision) => {
    expect(decideEmergency(given)).toEqual(decision);
  });

  it("OPT-61: is settled once decided, and never in force while it is switched off", () => {
    fc.assert(
      fc.property(facts, (given) => {
        const isActive = next(given);
        expect(next({ ...given, isActive })).toBe(isActive);
        expect(isActive && !given.isOn).toBe(false);
      }),
    );
  });

  it("OPT-61: more pinned memory never ends it, less never begins it", () => {
    fc.assert(
      fc.property(facts, bytes, (given, moreBytes) => {
        const more = { ...given, pinnedBytes: given.pinnedBytes + moreBytes };
        expect(next(given) && !next(more)).toBe(false);
      }),
    );
  });
});
