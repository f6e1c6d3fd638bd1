/** Positions in REQUEST_PHASES: small integers, because a cache hit goes through nine of them. */
export const PHASE = {
  RECEIVE: 0,
  REWRITE_URL: 1,
  SELECT_VHOST: 2,
  CHECK_ACCESS: 3,
  DECIDE_BYPASS: 4,
  DERIVE_KEY: 5,
  LOOKUP: 6,
  HIT: 7,
  REVALIDATE: 8,
  MISS: 9,
  BYPASS: 10,
  DERIVE: 11,
  JOIN_VARIANTS: 12,
  DELIVER: 13,
  /** The phase goes on asynchronously. */
  WAIT: 14,
  /** The response is out, or never will be. */
  DONE: 15,
} as const;

export type PhaseCode = (typeof PHASE)[keyof typeof PHASE];
