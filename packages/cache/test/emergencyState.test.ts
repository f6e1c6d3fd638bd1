import { describe, expect, it } from "vitest";
import { EmergencyState } from "../src/index.ts";

const MIB = 1024 * 1024;
const ACTIVATED = { isActive: true, level: "warning" };
const INACTIVATED = { isActive: false, level: "notice", text: "Emergency mode inactivated." };

const use = (limitMib: number, pinnedMib: number) => ({ limitBytes: limitMib * MIB, pinnedBytes: pinnedMib * MIB });

describe("emergency mode of the host", () => {
  it("OPT-69 says in the log when it begins, by how much memory is overused, and when it ends", () => {
    const state = new EmergencyState(true);
    expect(state.accept(1, use(500, 400))).toBeUndefined();
    expect(state.accept(1, use(500, 600.23))).toEqual({
      ...ACTIVATED,
      text: "Emergency mode activated. (Memory overused: +100.23MB)",
    });
    expect(state.accept(1, use(500, 700))).toBeUndefined();
    expect(state.accept(1, use(500, 451))).toBeUndefined();
    expect(state.accept(1, use(500, 449))).toEqual(INACTIVATED);
  });

  it("OPT-60 memory is short when that of all workers together is", () => {
    const state = new EmergencyState(true);
    expect(state.accept(1, use(100, 90))).toBeUndefined();
    expect(state.accept(2, use(100, 105))).toBeUndefined();
    expect(state.accept(1, use(100, 98))?.text).toBe("Emergency mode activated. (Memory overused: +3.00MB)");
    expect(state.use).toEqual(use(200, 203));
    expect(state.accept(2, use(100, 60))).toEqual(INACTIVATED);
  });

  it("OPT-61 OFF: it never begins, and a reload that switches it off ends it", () => {
    const state = new EmergencyState(false);
    expect(state.accept(1, use(100, 500))).toBeUndefined();
    expect(state.setOn(true)).toMatchObject(ACTIVATED);
    expect(state.setOn(true)).toBeUndefined();
    expect(state.setOn(false)).toEqual(INACTIVATED);
  });

  it("OPT-61 ends with the worker whose clients pinned the memory", () => {
    const state = new EmergencyState(true);
    state.accept(1, use(100, 10));
    expect(state.accept(2, use(100, 300))).toMatchObject(ACTIVATED);
    expect(state.forget(3)).toBeUndefined();
    expect(state.forget(2)).toEqual(INACTIVATED);
    expect(state.use).toEqual(use(100, 10));
    expect(state.forget(1)).toBeUndefined();
  });

  it("OPT-68 Host.State is Emergency while it is in force, Healthy before and after", () => {
    const state = new EmergencyState(true);
    const seen = [state.hostState];
    for (const pinned of [200, 10]) {
      state.accept(1, use(100, pinned));
      seen.push(state.hostState);
    }
    expect(seen).toEqual(["Healthy", "Emergency", "Healthy"]);
  });
});
