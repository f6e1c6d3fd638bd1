import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cacheResultSlot, evaluate, NotSummedYet, VHOST_FIELDS, VHOST_SLOT } from "../../src/index.ts";
import { SAMPLE, statisticsOf, subject, type TestStatistics } from "./support.ts";

const ALL = 0;

/** The groups that are asked for: all hosts, then one of these. */
const groupsOf = (...names: readonly string[]) => [{ names: undefined }, { names: new Set(names) }];

const valueIn = (json: string, figures: Parameters<typeof evaluate>[1]): number | string | undefined => {
  const source = VHOST_FIELDS.find((field) => field.json === json)?.source;
  if (source === undefined || source.kind === "fact") throw new Error(json);
  return evaluate(source, figures, undefined);
};

const endSeconds = (test: TestStatistics, count: number): void => {
  for (let second = 0; second < count; second++) test.endSecond();
};

const slot = VHOST_SLOT.clientRequests;

describe("figures over any minutes of the last hour", () => {
  it("SNMP-38 SNMP-A6: 600 requests spread over five minutes are 600, and 2 a second", () => {
    const test = statisticsOf(subject("a.com"));
    test.statistics.windows.setGroups(groupsOf());
    for (let second = 0; second < 300; second++) {
      test.count("a.com", slot, 2);
      test.endSecond();
    }
    const { windows } = test.statistics;
    const five = windows.vhost(subject("a.com"), 5);
    expect([five.values[slot], five.seconds]).toEqual([600, 300]);
    expect(valueIn("OriginTraffic.HttpReqCount", five)).toBe(0);
    expect(Math.trunc((five.values[slot] ?? 0) / five.seconds)).toBe(2);
    expect(windows.vhost(subject("a.com"), 1).values[slot]).toBe(120);
    expect(windows.vhost(subject("a.com"), 60).values[slot]).toBe(600);
  });

  it("SNMP-02 SNMP-18: 0 is the last second alone, and a minute is there when it is over", () => {
    const test = statisticsOf(subject("a.com"));
    test.statistics.windows.setGroups(groupsOf());
    test.count("a.com", slot, 7);
    test.endSecond();
    const { windows } = test.statistics;
    const asked = () => [0, 1, 60].map((minutes) => windows.vhost(subject("a.com"), minutes).values[slot]);
    expect(asked()).toEqual([7, 0, 0]);
    endSeconds(test, 59);
    expect(asked()).toEqual([0, 7, 7]);
  });

  it("GRAPH-16 minutes that were taken stay the same while others end", () => {
    const test = statisticsOf(subject("a.com"));
    for (let minute = 1; minute <= 3; minute++) {
      test.count("a.com", slot, minute);
      endSeconds(test, 60);
    }
    const kept = test.statistics.windows.kept(2);
    test.count("a.com", slot, 100);
    endSeconds(test, 60);
    const figures = kept.vhost(subject("a.com"));
    expect([kept.seconds, figures.seconds, figures.values[slot]]).toEqual([120, 120, 5]);
    const all = test.statistics.windows.kept(60);
    expect([all.seconds, all.vhost(subject("a.com")).values[slot]]).toEqual([240, 106]);
  });

  it("SNMP-06 folders are summed in their host, whatever the depth of its statistics", () => {
    const deep = subject("a.com", { stats: { ...subject("a.com").stats, dirDepth: 2 } });
    const test = statisticsOf(deep);
    const block = test.block.vhost("a.com");
    test.block.add(block + slot, 5);
    endSeconds(test, 60);
    expect(test.statistics.windows.vhost(deep, 1).values[slot]).toBe(5);
  });

  it("SNMP-A7 what origins sent beyond what clients got is a negative ratio", () => {
    const test = statisticsOf(subject("a.com"));
    test.statistics.windows.setGroups(groupsOf());
    test.count("a.com", VHOST_SLOT.clientResponseBodyBytes, 1_000);
    test.count("a.com", VHOST_SLOT.originResponseBytes, 3_000);
    endSeconds(test, 60);
    expect(valueIn("ByteHitRatio", test.statistics.windows.vhost(subject("a.com"), 1))).toBe(-20_000);
    expect(valueIn("ByteHitRatio", test.statistics.windows.group(ALL, 1))).toBe(-20_000);
  });

  it("SNMP-09 REG-282 of all hosts amounts are sums, times and ratios true means", () => {
    const hosts = [subject("a.com"), subject("b.com"), subject("quiet.com")];
    const test = statisticsOf(...hosts);
    test.statistics.windows.setGroups(groupsOf());
    test.count("a.com", cacheResultSlot("TCP_HIT"), 9);
    test.count("b.com", cacheResultSlot("TCP_MISS"), 1);
    test.count("a.com", VHOST_SLOT.originConnects, 1);
    test.count("a.com", VHOST_SLOT.originConnectTime, 100);
    test.count("b.com", VHOST_SLOT.originConnects, 3);
    test.count("b.com", VHOST_SLOT.originConnectTime, 700);
    endSeconds(test, 60);
    const all = test.statistics.windows.group(ALL, 1);
    expect(valueIn("RequestHitRatio", all)).toBe(9_000);
    expect(valueIn("OriginTraffic.Connect.AvgConnTime", all)).toBe(200);
    expect(all.values[VHOST_SLOT.originConnects]).toBe(4);
  });

  it("SNMP-A9 SNMP-A10 SNMP-39: hosts add up to what a view and all hosts have, over any minutes, as in the documents", () => {
    const names = ["a.com", "b.com", "c.com"];
    const event = fc.record({
      host: fc.nat(2),
      slot: fc.constantFrom(slot, VHOST_SLOT.originRequests, VHOST_SLOT.clientResponseBodyBytes),
      amount: fc.integer({ min: 1, max: 1_000 }),
      seconds: fc.integer({ min: 1, max: 80 }),
    });
    fc.assert(
      fc.property(
        fc.array(event, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 0, max: 20 }),
        (events, minutes) => {
          const test = statisticsOf(...names.map((name) => subject(name)));
          const { windows } = test.statistics;
          windows.setGroups(groupsOf("a.com", "c.com", "none"));
          for (const { host, slot: counted, amount, seconds } of events) {
            test.count(names[host] ?? "", counted, amount);
            endSeconds(test, seconds);
            windows.group(ALL, minutes);
          }
          const rows = names.map((name) => windows.vhost(subject(name), minutes).values);
          const all = windows.group(ALL, minutes);
          const view = windows.group(1, minutes);
          rows[0]?.forEach((_, index) => {
            const [a = 0, b = 0, c = 0] = rows.map((row) => row[index] ?? 0);
            expect([all.values[index], view.values[index]]).toEqual([a + b + c, a + c]);
          });
          if (minutes === 0) return;
          const report = test.statistics.report({ kind: "minutes", minutes });
          expect(report.vhosts.map(({ values }) => [...values])).toEqual(rows.map((row) => [...row]));
          expect(report.seconds).toBe(all.seconds);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("sessions are means of the seconds, of hosts and of all together", () => {
    const test = statisticsOf(subject("a.com"), subject("b.com"));
    test.statistics.windows.setGroups(groupsOf());
    test.count("a.com", VHOST_SLOT.clientSessions, 4);
    test.count("b.com", VHOST_SLOT.clientSessions, 2);
    endSeconds(test, 30);
    test.count("a.com", VHOST_SLOT.clientSessions, 4);
    endSeconds(test, 30);
    const { windows } = test.statistics;
    expect(valueIn("Session.Client", windows.vhost(subject("a.com"), 1))).toBe(6);
    expect(valueIn("Session.Client", windows.vhost(subject("a.com"), 0))).toBe(8);
    expect(valueIn("Session.Client", windows.group(ALL, 1))).toBe(8);
    expect(valueIn("Session.Client", windows.group(ALL, 0))).toBe(10);
  });

  it("SNMP-27 REG-285 a view that changes is summed anew, from what is kept", () => {
    const test = statisticsOf(subject("a.com"), subject("b.com"));
    test.statistics.windows.setGroups(groupsOf());
    test.count("a.com", slot, 5);
    test.count("b.com", slot, 6);
    endSeconds(test, 60);
    const { windows } = test.statistics;
    const sum = (...names: readonly string[]) => {
      windows.setGroups(groupsOf(...names));
      return windows.group(1, 1).values[slot];
    };
    expect(sum("a.com")).toBe(5);
    expect(sum("a.com", "b.com")).toBe(11);
  });

  it("what a host counts at all is decided when it is asked for (STAT-14)", () => {
    const test = statisticsOf(subject("a.com"));
    test.statistics.windows.setGroups(groupsOf());
    test.block.add(test.block.block("a.com\u0000local") + slot, 3);
    endSeconds(test, 60);
    const { windows } = test.statistics;
    expect(windows.group(ALL, 1).values[slot]).toBe(0);
    const counting = subject("a.com", { stats: { ...subject("a.com").stats, clientLocal: true } });
    test.vhosts = [counting];
    windows.forget();
    expect([windows.group(ALL, 1).values[slot], windows.vhost(counting, 1).values[slot]]).toEqual([3, 3]);
  });

  it("SNMP-39 REG-285 sums that are lacking are made a few in each second, whoever asks, and then they are there", () => {
    const names = Array.from({ length: 5_000 }, (_, index) => `${index}.com`);
    const test = statisticsOf(...names.map((name) => subject(name)));
    const { windows } = test.statistics;
    const counted = Array.from({ length: 30 }, (_, index) => VHOST_SLOT.clientRequests + index);
    const minutes = 5;
    for (let minute = 0; minute < minutes; minute++) {
      for (const name of names) for (const each of counted) test.count(name, each, 1);
      endSeconds(test, 60);
    }
    windows.setGroups(groupsOf("1.com", "2.com"));
    const sums = () => [ALL, 1].map((group) => windows.group(group, minutes).values[slot]);
    expect(sums).toThrow(NotSummedYet);
    expect(sums).toThrow(NotSummedYet);
    expect(windows.vhost(subject("1.com"), minutes).values[slot]).toBe(minutes);
    let seconds = 0;
    for (let isDone = false; !isDone; seconds++) {
      endSeconds(test, 1);
      try {
        isDone = sums().length === 2;
      } catch (cause) {
        expect(cause).toBeInstanceOf(NotSummedYet);
      }
    }
    expect(seconds).toBeLessThanOrEqual(minutes);
    expect(sums()).toEqual([names.length * minutes, 2 * minutes]);
  });

  it("a host that is gone is in no sum any more", () => {
    const test = statisticsOf(subject("a.com"), subject("b.com"));
    test.statistics.windows.setGroups(groupsOf());
    test.count("a.com", slot, 5);
    test.count("b.com", slot, 6);
    endSeconds(test, 60);
    test.vhosts = [subject("b.com")];
    test.statistics.windows.forget();
    expect(test.statistics.windows.group(ALL, 1).values[slot]).toBe(6);
  });
});

describe("the machine over minutes", () => {
  it("SNMP-18 SNMP-67 to SNMP-107: levels are means of the seconds, what grows is what has grown", () => {
    const test = statisticsOf(subject("a.com"));
    const cpu = (user: number, idle: number) => ({ ...SAMPLE.cpu, user, idle });
    const memory = (freeBytes: number) => ({ ...SAMPLE.memory, freeBytes });
    for (let second = 1; second <= 120; second++) {
      test.sample = { ...SAMPLE, cpu: cpu(second * 25, second * 75), memory: memory(second <= 60 ? 1_000 : 3_000) };
      test.endSecond();
    }
    const { windows } = test.statistics;
    const of = (minutes: number) => {
      const { machine } = windows.host(minutes);
      return [machine.now.cpu.user - machine.before.cpu.user, machine.now.memory.freeBytes];
    };
    expect([of(0), of(1), of(2), of(60)]).toEqual([
      [25, 3_000],
      [1_500, 3_000],
      [3_000, 2_000],
      [3_000, 2_000],
    ]);
  });

  it("SNMP-15 SNMP-115 to SNMP-125: what a disk did within the minutes", () => {
    const test = statisticsOf(subject("a.com"));
    for (let second = 1; second <= 120; second++) {
      test.sample = { ...SAMPLE, disks: SAMPLE.disks.map((disk) => ({ ...disk, reads: second * 2 })) };
      test.endSecond();
    }
    const reads = (minutes: number) =>
      test.statistics.windows.disks(minutes).map(({ path, now, before }) => [path, now.reads - before.reads]);
    expect([reads(0), reads(1), reads(2)]).toEqual([[["cache1", 2]], [["cache1", 120]], [["cache1", 240]]]);
  });

  it("before a minute is over there is the last second", () => {
    const test = statisticsOf(subject("a.com"));
    test.endSecond();
    expect(test.statistics.windows.host(5).machine.now.memory.freeBytes).toBe(SAMPLE.memory.freeBytes);
  });
});
