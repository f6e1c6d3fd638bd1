import type { VhostSettings } from "@basalt/config";

/** BW-01, BW-02, BW-05; undefined: without limit. */
export interface TrafficLimits {
  /** Of all clients of the host. */
  readonly hostBytesPerSecond: number | undefined;
  /** Of one client connection. */
  readonly sessionBytesPerSecond: number | undefined;
}

export const trafficLimitsOf = ({ options: { trafficCap } }: VhostSettings): TrafficLimits => ({
  hostBytesPerSecond: trafficCap.megabits > 0 ? trafficCap.megabits * 125_000 : undefined,
  sessionBytesPerSecond: trafficCap.sessionKilobits > 0 ? trafficCap.sessionKilobits * 125 : undefined,
});

/** What the clients of one worker make of its share of a host's traffic cap. */
export interface TrafficDemand {
  /** That have sent or waited. */
  readonly sessions: number;
  /** The share was not enough. */
  readonly isShort: boolean;
  readonly bytesPerSecond: number;
}

/** Of the cap: what workers have without any demand, together, so that a first client need not wait for a share. */
const IDLE_FRACTION = 0.02;

/** A worker that gets along with what it has may grow by so much until the next division. */
const GROWTH = 1.08;

/**
 * Divides a traffic cap: fractions, in the order of the workers, that are 1 together. Sessions are to get alike, whatever
 * worker they are with: each worker gets as much as it uses, as far as that is not more than its sessions are due.
 */
export const divideTraffic = (capBytesPerSecond: number, demands: readonly TrafficDemand[]): number[] => {
  const workers = demands.map(({ sessions, isShort, bytesPerSecond }) => ({
    weight: Math.max(isShort ? 1 : 0, sessions),
    wanted: isShort ? Number.POSITIVE_INFINITY : (bytesPerSecond * GROWTH) / Math.max(1, capBytesPerSecond),
    isShort,
    fraction: IDLE_FRACTION / Math.max(1, demands.length),
  }));
  let left = 1 - IDLE_FRACTION;
  let weightLeft = workers.reduce((sum, { weight }) => sum + weight, 0);
  const byNeed = workers
    .filter(({ weight }) => weight > 0)
    .toSorted((one, other) => one.wanted / one.weight - other.wanted / other.weight);
  for (const worker of byNeed) {
    const granted = Math.min(worker.wanted, (left * worker.weight) / weightLeft);
    worker.fraction += granted;
    left -= granted;
    weightLeft -= worker.weight;
  }
  if (left > 0) for (const worker of workers) worker.fraction += left / workers.length;
  return workers.map(({ fraction }) => fraction);
};
