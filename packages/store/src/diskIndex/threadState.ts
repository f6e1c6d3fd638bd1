/** States of the checkpoint thread in the word it shares. The writer may replace STARTING by CANCELLED: it opens nothing then. */
export const THREAD_STATE = { STARTING: 0, OPEN: 1, CLOSED: 2, CANCELLED: 3 } as const;
