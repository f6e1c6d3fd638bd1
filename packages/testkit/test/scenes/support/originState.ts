import { setTimeout as pause } from "node:timers/promises";
import type { TestEdge } from "../../../src/index.ts";

const POLL_MS = 25;

/** Resolves when the answer is yes; rejects with what it was about after `limitMs`. */
export const until = async (
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  limitMs = 60_000,
): Promise<void> => {
  const limit = Date.now() + limitMs;
  while (!(await isTrue())) {
    if (Date.now() > limit) throw new Error(`not within ${limitMs} ms: ${what}`);
    await pause(POLL_MS);
  }
};

/** `/monitoring/origin` of one host; pairs of the lists as records. */
export interface OriginState {
  readonly addresses: Readonly<Record<string, string>>;
  readonly standby: Readonly<Record<string, string>>;
  readonly activeIps: Readonly<Record<string, number>>;
  readonly inactiveIps: Readonly<Record<string, number>>;
}

const recordOf = <Value>(host: object, key: string, isValue: (value: unknown) => value is Value) => {
  const list: unknown = Reflect.get(host, key);
  const record: Record<string, Value> = {};
  if (!Array.isArray(list)) throw new Error(`no list ${key} in ${JSON.stringify(host)}`);
  for (const item of list) {
    const pairs = Object.entries(typeof item === "object" && item !== null ? item : {});
    const [[name, value] = []] = pairs;
    if (pairs.length !== 1 || name === undefined || !isValue(value))
      throw new Error(`no pair: ${JSON.stringify(item)}`);
    record[name] = value;
  }
  return record;
};

const isText = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number => typeof value === "number";

export const originState = async (edge: TestEdge, vhost = edge.defaultHost): Promise<OriginState> => {
  const { status, text } = await edge.api(`/monitoring/origin?vhost=${vhost}`);
  const parsed: unknown = JSON.parse(text);
  const hosts: unknown = typeof parsed === "object" && parsed !== null ? Reflect.get(parsed, "origin") : undefined;
  const host: unknown = Array.isArray(hosts) ? hosts[0] : undefined;
  if (status !== 200 || typeof host !== "object" || host === null) throw new Error(`${status} ${text}`);
  return {
    addresses: recordOf(host, "Address", isText),
    standby: recordOf(host, "Address2", isText),
    activeIps: recordOf(host, "ActiveIP", isNumber),
    inactiveIps: recordOf(host, "InactiveIP", isNumber),
  };
};

/** Workers are told a moment after the board, which is what can be asked. */
const TOLD_MS = 250;

export const untilAddress = async (
  edge: TestEdge,
  address: string,
  state: "Active" | "Inactive",
  vhost = edge.defaultHost,
): Promise<void> => {
  await until(`${address} is ${state}`, async () => (await originState(edge, vhost)).addresses[address] === state);
  await pause(TOLD_MS);
};

/**
 * Requests on connections of their own, at least `least`, until every worker has answered some. The number of those sent.
 */
export const askAllWorkers = async (
  edge: TestEdge,
  path: string,
  least: number,
  host = edge.defaultHost,
): Promise<number> => {
  const before = new Map((await edge.status()).workers.map(({ pid, requests }) => [pid, requests]));
  let sent = 0;
  await until("all workers have answered", async () => {
    for (let round = 0; round < least; round++) {
      await edge.get(`${path}?${sent}`, { host }).expect(200);
      sent += 1;
    }
    const { workers } = await edge.status();
    return workers.every(({ pid, requests }) => requests > (before.get(pid) ?? 0));
  });
  return sent;
};
