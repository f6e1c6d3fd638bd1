import type { OriginCounters } from "./contract.ts";

export const newCounters = (): OriginCounters => ({
  requests: 0,
  requestHeadBytes: 0,
  requestBodyBytes: 0,
  responseHeadBytes: 0,
  responseBodyBytes: 0,
  responses: [0, 0, 0, 0, 0, 0],
  completed: [0, 0, 0, 0, 0, 0],
  firstByteTime: [0, 0, 0, 0, 0, 0],
  completeTime: [0, 0, 0, 0, 0, 0],
  connectFailures: 0,
  receiveTimeouts: 0,
  closedEarly: 0,
  malformed: 0,
  connections: 0,
  connectionsClosed: 0,
  connectTime: 0,
  connectionsActive: 0,
  refused: 0,
});

/** The counters that are one number each. */
export const COUNTER_NAMES = [
  "requests",
  "requestHeadBytes",
  "requestBodyBytes",
  "responseHeadBytes",
  "responseBodyBytes",
  "connectFailures",
  "receiveTimeouts",
  "closedEarly",
  "malformed",
  "connections",
  "connectionsClosed",
  "connectTime",
  "connectionsActive",
  "refused",
] as const satisfies readonly (keyof OriginCounters)[];

/** The others: one for each class of status. */
export const CLASS_COUNTER_NAMES = [
  "responses",
  "completed",
  "firstByteTime",
  "completeTime",
] as const satisfies readonly (keyof OriginCounters)[];

const HUNDREDTHS_PER_MS = 100;

/** Sums of times are whole, so that they stay exact however many are added. */
export const inHundredthsOfMs = (durationMs: number): number => Math.round(durationMs * HUNDREDTHS_PER_MS);

/** Counts for a pool; what is counted on a tally made of another counts there too. */
export class OriginTally {
  readonly counters: OriginCounters = newCounters();
  readonly #whole: OriginTally | undefined;
  #interval = 0;

  constructor(whole?: OriginTally) {
    this.#whole = whole;
  }

  /** Names the present interval of the figures. */
  get interval(): number {
    return this.#whole?.interval ?? this.#interval;
  }

  beginInterval(): void {
    this.#interval += 1;
  }

  add(name: (typeof COUNTER_NAMES)[number], amount: number): void {
    this.counters[name] += amount;
    this.#whole?.add(name, amount);
  }

  addOfClass(name: (typeof CLASS_COUNTER_NAMES)[number], status: number, amount: number): void {
    const statusClass = Math.floor(status / 100);
    const sums = this.counters[name];
    sums[statusClass] = (sums[statusClass] ?? 0) + amount;
    this.#whole?.addOfClass(name, status, amount);
  }
}

/** Loopback addresses: the servers that `<OriginLocal>` is about. */
export const isLoopback = (ip: string): boolean =>
  ip.startsWith("127.") || ip === "::1" || ip.startsWith("::ffff:127.");
