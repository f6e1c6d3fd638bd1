import type { OriginCounters } from "./contract.ts";

export const newCounters = (): OriginCounters => ({
  requests: 0,
  requestBytes: 0,
  responseHeadBytes: 0,
  responseBodyBytes: 0,
  responses: [0, 0, 0, 0, 0, 0],
  connectFailures: 0,
  receiveTimeouts: 0,
  closedEarly: 0,
  connections: 0,
  refused: 0,
});

/** The counters that are one number each; `responses` has one for each class of status. */
export const COUNTER_NAMES = [
  "requests",
  "requestBytes",
  "responseHeadBytes",
  "responseBodyBytes",
  "connectFailures",
  "receiveTimeouts",
  "closedEarly",
  "connections",
  "refused",
] as const satisfies readonly (keyof OriginCounters)[];
