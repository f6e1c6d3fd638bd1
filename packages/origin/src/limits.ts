/** Most connections of one worker to one address; requests beyond wait for a free one within their connect limit. */
export const CONNECTIONS_PER_ADDRESS = 1024;

/** Longest response head. Undici's own default of 16 KB is less than some applications put into cookies. */
export const RESPONSE_HEAD_BYTES = 64 * 1024;

/** More interim responses than this before a final one are an attack or a loop. */
export const INTERIM_RESPONSES = 32;

/** Subtracted from the idle time an origin announces, so that it never closes first while a request is under way. */
export const KEEP_ALIVE_MARGIN_MS = 1000;

/** TCP keep-alive probes start after this much silence on a connection. */
export const TCP_KEEP_ALIVE_MS = 60_000;

/** Excluded addresses are looked at this often; whether a probe is due is for the clock to say. */
export const PROBE_TICK_MS = 500;
