/** Most connections of one worker to one address; requests beyond wait for a free one within their connect limit. */
export const CONNECTIONS_PER_ADDRESS = 1024;

/** Longest response head. Undici's own default of 16 KB is less than some applications put into cookies. */
export const RESPONSE_HEAD_BYTES = 64 * 1024;

/** Largest trailer section that is handed on. */
export const TRAILER_BYTES = 8 * 1024;

/** More interim responses than this before a final one are an attack or a loop. */
export const INTERIM_RESPONSES = 32;

/** Subtracted from the idle time an origin announces, so that it never closes first while a request is under way. */
export const KEEP_ALIVE_MARGIN_MS = 1000;

/** TCP keep-alive probes start after this much silence on a connection. */
export const TCP_KEEP_ALIVE_MS = 60_000;

/** How often the board looks at what is due; whether something is, the clock says. */
export const BOARD_TICK_MS = 250;

/** Views of one host follow each other at this distance at least. */
export const VIEW_INTERVAL_MS = 20;

/** Views that differ in the transactions in progress alone: at this distance at least (ORG-28). */
export const TRANSACTIONS_INTERVAL_MS = 100;

/** A domain is resolved again after this long at least and at most (ORG-22). */
export const RESOLVE_MIN_SECONDS = 1;
export const RESOLVE_MAX_SECONDS = 10;

/** Name servers say 0 for "do not keep": an IP is used this long all the same (ORG-22). */
export const MIN_TTL_SECONDS = 1;

/** One resolution, whatever the resolver does. */
export const RESOLVE_TIMEOUT_MS = 5_000;

/** Life of an IP that comes from the hosts file, which says none. */
export const HOSTS_FILE_TTL_SECONDS = 10;

/** IPs of one domain that are known at a time, against name servers that never name one twice. */
export const IPS_PER_DOMAIN = 512;

/** IPs of one answer that count. */
export const IPS_PER_ANSWER = 128;

/** Limit of time for a connection of a private session that waits for the next request of its client. */
export const PRIVATE_SESSION_IDLE_MS = 24 * 3600 * 1000;
