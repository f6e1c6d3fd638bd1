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
