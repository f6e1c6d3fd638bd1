import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HistoryPoint, type HostMinute, VHOST_SLOT, VHOST_SLOT_COUNT } from "@basalt/telemetry";
import { AdjustableClock, type EpochMs, epochMs } from "@basalt/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MetricHistory } from "../src/metricHistory.ts";

const START = Date.UTC(2026, 8, 3, 12, 0, 0);
const MINUTE = 60_000;

let folder: string;
let nowMs: number;
let problems: string[];
const open = new Set<MetricHistory>();

class TestClock extends AdjustableClock {
  override now(): EpochMs {
    return epochMs(nowMs);
  }
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "basalt-history-"));
  nowMs = START;
  problems = [];
});
afterEach(async () => {
  for (const history of open) await history.close();
  open.clear();
  await rm(folder, { recursive: true });
});

const opened = (path = join(folder, "metrics.sqlite")): MetricHistory => {
  const note = (text: string) => void problems.push(text);
  const history = new MetricHistory({
    path,
    clock: new TestClock(),
    log: { warning: note, error: note },
    isDetailed: (vhost) => vhost !== "coarse.test",
  });
  open.add(history);
  return history;
};

const close = async (history: MetricHistory): Promise<void> => {
  await history.close();
  open.delete(history);
};

const hostMinute = (name: string, requests: number): HostMinute => {
  const values = new Float64Array(VHOST_SLOT_COUNT);
  values[VHOST_SLOT.clientRequests] = requests;
  return { name, seconds: 60, values, client: undefined, origin: undefined };
};

const pass = (history: MetricHistory, hosts: Readonly<Record<string, number>>): void => {
  nowMs += MINUTE;
  const minutes = Object.entries(hosts).map(([name, requests]) => hostMinute(name, requests));
  history.minuteEnded({ minuteFigures: () => ({ seconds: 60, hosts: minutes }) });
};

const requestsIn = (points: readonly (HistoryPoint | undefined)[]) =>
  points.map((point) => (point === undefined ? null : point.record.count("requests")));

/** Everything recorded so far is written when the next one is asked for behind it. */
const requests = async (history: MetricHistory, vhost: string | undefined, fromMs: number, periodSeconds: number) => {
  await history.settled();
  const periodMs = periodSeconds * 1_000;
  const toMs = Math.ceil(nowMs / periodMs) * periodMs;
  return requestsIn(await history.points(vhost, { fromMs, toMs, periodSeconds }));
};

describe("the history of metrics", () => {
  it("AWS-78 has minutes of each host and of all together", async () => {
    const history = opened();
    pass(history, { "a.test": 5, "b.test": 1 });
    pass(history, {});
    pass(history, { "b.test": 2 });
    expect(await requests(history, "a.test", START, 60)).toEqual([5, 0, 0]);
    expect(await requests(history, undefined, START, 60)).toEqual([6, 0, 2]);
    expect(await requests(history, "unheard.test", START, 60)).toEqual([0, 0, 0]);
  });

  it("AWS-78 goes on behind a restart, with a gap for the time without a server", async () => {
    const first = opened();
    for (let minute = 0; minute < 7; minute++) pass(first, { "a.test": 1 });
    await close(first);
    nowMs += 5 * MINUTE;
    const second = opened();
    for (let minute = 0; minute < 8; minute++) pass(second, { "a.test": 10 });
    expect(await requests(second, "a.test", START, 60)).toEqual([
      ...new Array<number>(7).fill(1),
      ...new Array<null>(5).fill(null),
      ...new Array<number>(8).fill(10),
    ]);
    expect(await requests(second, "a.test", START, 300)).toEqual([5, 2, 30, 50]);
    expect(problems).toEqual([]);
  });

  it("AWS-78 loses no minute of a process that was killed", async () => {
    const killed = opened();
    for (let minute = 0; minute < 8; minute++) pass(killed, { "a.test": 1 });
    await killed.settled();
    const next = opened();
    for (let minute = 0; minute < 4; minute++) pass(next, { "a.test": 1 });
    expect(await requests(next, "a.test", START, 300)).toEqual([5, 5, 2]);
  });

  it("AWS-78 counts no minute twice where a process ended between two of them", async () => {
    const first = opened();
    for (let minute = 0; minute < 7; minute++) pass(first, { "a.test": 1 });
    nowMs += 50_000;
    await close(first);
    const second = opened();
    expect(await requests(second, "a.test", START, 300)).toEqual([5, 2]);
  });

  it("AWS-78 goes on with windows of five minutes when the clock is set back", async () => {
    const history = opened();
    for (let minute = 0; minute < 5; minute++) pass(history, { "a.test": 1 });
    nowMs -= 6 * 60 * MINUTE;
    const setBackMs = nowMs;
    for (let minute = 0; minute < 240; minute++) pass(history, { "a.test": 1 });
    await history.settled();
    const question = { fromMs: setBackMs + 5 * MINUTE, toMs: setBackMs + 20 * MINUTE, periodSeconds: 300 };
    expect(requestsIn(await history.points("a.test", question))).toEqual([5, 5, 5]);
  });

  it("AWS-78 keeps single minutes for three hours and five of them for a week", async () => {
    const history = opened();
    for (let minute = 0; minute < 240; minute++) pass(history, { "a.test": 1 });
    const fine = await requests(history, "a.test", START, 60);
    expect(fine.slice(0, 45).every((point) => point === null)).toBe(true);
    expect(fine.slice(-180).every((point) => point === 1)).toBe(true);
    expect(await requests(history, "a.test", START, 300)).toEqual(new Array<number>(48).fill(5));
  });

  it("AWS-78 answers for a long time in pieces, none of which has a record of another", async () => {
    const history = opened();
    for (let minute = 0; minute < 26 * 60; minute++) pass(history, { "a.test": minute % 5 });
    for (const periodSeconds of [300, 900, 7_200]) {
      const points = await requests(history, "a.test", START, periodSeconds);
      expect(points).toEqual(new Array<number>((26 * 3_600) / periodSeconds).fill(periodSeconds / 30));
    }
    let turns = 0;
    let isAnswered = false;
    const count = (): void => {
      turns += 1;
      if (!isAnswered) setImmediate(count);
    };
    setImmediate(count);
    await requests(history, "a.test", START, 300);
    isAnswered = true;
    expect(turns).toBeGreaterThan(10);
  });

  it("AWS-91 has none of a host without detailed metrics, which is in the sum", async () => {
    const history = opened();
    pass(history, { "a.test": 5, "coarse.test": 7 });
    expect(await requests(history, "coarse.test", START, 60)).toEqual([null]);
    expect(await requests(history, undefined, START, 60)).toEqual([12]);
  });

  it("AWS-78 has the thousand hosts with the most requests, and all of them in the sum", async () => {
    const history = opened();
    const hosts = Object.fromEntries(Array.from({ length: 1_500 }, (_, index) => [`h${index}.test`, index + 1]));
    pass(history, hosts);
    expect(await requests(history, "h1499.test", START, 60)).toEqual([1_500]);
    expect(await requests(history, "h3.test", START, 60)).toEqual([0]);
    expect(await requests(history, undefined, START, 60)).toEqual([(1_500 * 1_501) / 2]);
  });

  it("AWS-78 costs nothing but itself when there is no place for it", async () => {
    await writeFile(join(folder, "file"), "");
    const history = opened(join(folder, "file", "metrics.sqlite"));
    pass(history, { "a.test": 1 });
    expect(await requests(history, "a.test", START, 60)).toEqual([null]);
    expect(problems).toHaveLength(1);
  });
});
