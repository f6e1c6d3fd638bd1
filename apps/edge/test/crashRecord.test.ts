import { describe, expect, it } from "vitest";
import { CrashRecord } from "../src/crashRecord.ts";

const open = () => {
  let nowMs = 1_000;
  const record = new CrashRecord(() => nowMs);
  const passMinutes = (minutes: number): void => {
    nowMs += minutes * 60_000;
  };
  return { record, passMinutes };
};

describe("what is known of jobs that ended their process", () => {
  it("makes a job a suspect once, and refuses it after the second time", () => {
    const { record, passMinutes } = open();
    expect(record.isEmpty).toBe(true);
    expect(record.blame("job")).toBe(false);
    expect([record.isSuspect("job"), record.isRefused("job")]).toEqual([true, false]);
    expect(record.blame("job")).toBe(true);
    expect(record.isRefused("job")).toBe(true);
    expect(record.isRefused("other")).toBe(false);
    passMinutes(11);
    expect([record.isSuspect("job"), record.isRefused("job"), record.isEmpty]).toEqual([false, false, true]);
  });

  it("refuses a job that ran too long for a minute", () => {
    const { record, passMinutes } = open();
    record.noteOverrun("job");
    expect([record.isSuspect("job"), record.isRefused("job")]).toEqual([false, true]);
    passMinutes(1);
    expect(record.isRefused("job")).toBe(false);
  });

  it("acquits a suspect that was done", () => {
    const { record } = open();
    record.blame("job");
    record.clear("job");
    expect(record.isSuspect("job")).toBe(false);
  });

  it("tries one suspect at a time, in their order, whatever comes of it", async () => {
    const { record } = open();
    const order: string[] = [];
    const trial = (name: string, fails: boolean) =>
      record.alone(async () => {
        order.push(`${name} begins`);
        await new Promise((resolve) => setImmediate(resolve));
        order.push(`${name} ends`);
        if (fails) throw new Error(name);
      });
    await Promise.allSettled([trial("a", true), trial("b", false), trial("c", true)]);
    expect(order).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  });

  it("remembers a bounded number of jobs", () => {
    const { record } = open();
    for (let nth = 0; nth < 1_500; nth++) record.blame(`job ${nth}`);
    expect(record.isSuspect("job 0")).toBe(false);
    expect(record.isSuspect("job 1499")).toBe(true);
  });
});
