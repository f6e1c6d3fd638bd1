export const SNMP_LIMITS = {
  /** A request with more is dropped: what asks for so many variables at once is no manager. */
  requestBytes: 8_192,
  /** Beyond it a GET is answered with tooBig. */
  answerBytes: 8_192,
  /** In a request; more are answered with tooBig. The dearest takes about half a millisecond of the primary. */
  variables: 128,
  /** Of an answer to GETBULK, which takes as many variables as fit: one Ethernet frame, so that nothing is in pieces. */
  bulkAnswerBytes: 1_472,
  /** RFC 2578, 3.5. */
  oidNumbers: 128,
  /** A string of the tree; longer ones are cut. */
  stringBytes: 1_024,
  communityBytes: 255,
  /** In a second, with as many at once; more are dropped, and managers repeat them. */
  requestsPerSecond: 1_000,
  /** What a millisecond of work counts for: requests take at most a quarter of the primary's time. */
  requestsPerBusyMs: 4,
} as const;
