import { CACHE_RESULTS, type CacheResult, type ErrorCode } from "@basalt/types";
import { CounterLayout } from "./counterLayout.ts";

/** Codes under which a client's request or connection is refused before it reaches a virtual host. */
export const REJECTION_CODES = [
  "REQUEST_MALFORMED",
  "REQUEST_TIMEOUT",
  "REQUEST_TARGET_TOO_LONG",
  "REQUEST_HEAD_TOO_LARGE",
  "REQUEST_BODY_TOO_LARGE",
  "EXPECTATION_FAILED",
  "METHOD_NOT_IMPLEMENTED",
  "VERSION_NOT_SUPPORTED",
  "TRANSFER_CODING_NOT_IMPLEMENTED",
  "VHOST_UNKNOWN",
  "CONNECTION_LIMIT",
  "SHUTTING_DOWN",
] as const satisfies readonly ErrorCode[];

export const ORIGIN_FAILURE_CODES = [
  "ORIGIN_UNAVAILABLE",
  "ORIGIN_CONNECT_FAILED",
  "ORIGIN_CONNECT_TIMEOUT",
  "ORIGIN_RECEIVE_TIMEOUT",
  "ORIGIN_CLOSED",
  "ORIGIN_MALFORMED",
] as const satisfies readonly ErrorCode[];

/** Upper bounds of the response-time histogram, inclusive, in seconds. */
export const RESPONSE_TIME_BOUNDS_SECONDS = [
  0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10,
] as const;

/** Who ended a connection on a bypassed port; `idle`: nothing moved for too long. */
const PORT_BYPASS_ENDS = ["client", "origin", "idle"] as const;

const RESPONSE_CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;

const processLayout = new CounterLayout();

/** Slots of the process-wide part: indices into `CounterBlock.values` as they are. */
export const PROCESS_SLOT = Object.freeze({
  connectionsAccepted: processLayout.counter("client_connections_accepted", { doc: "Client connections accepted." }),
  connectionsOpen: processLayout.gauge("client_connections_open", { doc: "Client connections open now." }),
  connectionsRefused: processLayout.counter("client_connections_refused", {
    doc: "Client connections closed at once because a limit was reached.",
  }),
  /** First of REJECTION_CODES.length slots; see `rejectionSlot`. */
  rejections: processLayout.labelled("client_requests_rejected", "code", REJECTION_CODES, {
    doc: "Requests refused before a virtual host was chosen, by code of the error register.",
  }),
  memoryTierBytes: processLayout.gauge("memory_tier_used", {
    unit: "bytes",
    doc: "Bytes of objects held in the memory tiers.",
  }),
  memoryTierObjects: processLayout.gauge("memory_tier_objects", { doc: "Objects held in the memory tiers." }),
  memoryTierEvictions: processLayout.counter("memory_tier_evictions", {
    doc: "Objects that left a memory tier for lack of room.",
  }),
  fillsRunning: processLayout.gauge("fills_running", { doc: "Origin responses being stored now." }),
  originConnectionsOpen: processLayout.gauge("origin_connections_open", { doc: "Origin connections open now." }),
  storeFailures: processLayout.counter("store_failures", { doc: "Objects that could not be written or read back." }),
  storeDamaged: processLayout.counter("store_damaged", {
    doc: "Stored records and blocks whose checksum or form did not match; they count as absent.",
  }),
  storeMissing: processLayout.counter("store_missing", {
    doc: "Stored records and files that were gone when they were asked for.",
  }),
  storeFailed: processLayout.counter("store_disk_failures", { doc: "Reads and writes that a disk refused." }),
  /** The slots from here to `emergencyMode` are the primary's. */
  storedObjects: processLayout.gauge("stored_objects", { doc: "Objects that the index knows." }),
  storedBodyBytes: processLayout.gauge("stored_body", { unit: "bytes", doc: "Bytes of their bodies." }),
  evictedObjects: processLayout.counter("store_evicted_objects", {
    doc: "Stored objects that were removed for lack of room or by cleanup.",
  }),
  evictedBytes: processLayout.counter("store_evicted", { unit: "bytes", doc: "Bytes of the bodies of these objects." }),
  readmittedObjects: processLayout.counter("store_readmitted_objects", {
    doc: "Objects in use that were written anew before their segment was deleted.",
  }),
  recoveredObjects: processLayout.counter("store_recovered_objects", {
    doc: "Objects entered in the index again at a start after a crash.",
  }),
  emergencyMode: processLayout.gauge("emergency_mode", { doc: "1 while emergency mode is in force, else 0." }),
  contentMemoryLimitBytes: processLayout.gauge("content_memory_limit", {
    unit: "bytes",
    doc: "Memory that content may take in the workers.",
  }),
  contentMemoryUsedBytes: processLayout.gauge("content_memory_used", {
    unit: "bytes",
    doc: "Memory that content takes in the workers: memory tiers and what is on its way.",
  }),
});

const vhostLayout = new CounterLayout();

/** Slots of a virtual host's block: add the offset that `CounterBlock.vhost` returned. */
export const VHOST_SLOT = Object.freeze({
  clientRequests: vhostLayout.counter("client_requests", { doc: "Requests of clients." }),
  clientRequestBytes: vhostLayout.counter("client_request", {
    unit: "bytes",
    doc: "Bytes received from clients, heads and bodies.",
  }),
  clientResponseHeadBytes: vhostLayout.counter("client_response_head", {
    unit: "bytes",
    doc: "Bytes of response heads sent to clients.",
  }),
  clientResponseBodyBytes: vhostLayout.counter("client_response_body", {
    unit: "bytes",
    doc: "Bytes of response bodies sent to clients.",
  }),
  /** First of 5 slots; see `clientResponseClassSlot`. */
  clientResponseClass: vhostLayout.labelled("client_responses", "class", RESPONSE_CLASSES, {
    doc: "Responses to clients by class of status.",
  }),
  /** First of CACHE_RESULTS.length slots; see `cacheResultSlot`. */
  cacheResult: vhostLayout.labelled("cache_results", "result", CACHE_RESULTS, {
    doc: "Requests by the way they were answered.",
  }),
  clientNotModified: vhostLayout.counter("client_not_modified", { doc: "Responses 304 to clients." }),
  clientRanges: vhostLayout.counter("client_ranges", { doc: "Responses 206 to clients." }),
  clientBypassed: vhostLayout.counter("client_bypassed", { doc: "Requests handed to the origin without the cache." }),
  clientAborted: vhostLayout.counter("client_aborted", { doc: "Responses that the client did not wait for." }),
  responseSeconds: vhostLayout.histogram("client_response", RESPONSE_TIME_BOUNDS_SECONDS, {
    unit: "seconds",
    doc: "Time from the complete request head to the first byte of the response.",
  }),
  originRequests: vhostLayout.counter("origin_requests", { doc: "Requests sent to origins." }),
  originRequestBytes: vhostLayout.counter("origin_request", { unit: "bytes", doc: "Bytes sent to origins." }),
  originResponseBytes: vhostLayout.counter("origin_response", { unit: "bytes", doc: "Bytes received from origins." }),
  /** First of 5 slots; see `originResponseClassSlot`. */
  originResponseClass: vhostLayout.labelled("origin_responses", "class", RESPONSE_CLASSES, {
    doc: "Responses of origins by class of status.",
  }),
  /** First of ORIGIN_FAILURE_CODES.length slots; see `originFailureSlot`. */
  originFailures: vhostLayout.labelled("origin_failures", "kind", ORIGIN_FAILURE_CODES, {
    doc: "Failed exchanges with origins, by code of the error register.",
  }),
  originRefused: vhostLayout.counter("origin_requests_refused", {
    doc: "Requests that found no free session within `<MaxSessions>` in time.",
  }),
  /** The slots from here to `originUnresolved` are the primary's. */
  originServersInService: vhostLayout.gauge("origin_servers_in_service", {
    doc: "Origin servers that requests are sent to.",
  }),
  originAddressesExcluded: vhostLayout.gauge("origin_addresses_excluded", {
    doc: "Configured origin addresses that failures or health checks hold out; a domain when all its servers are.",
  }),
  originExclusions: vhostLayout.counter("origin_exclusions", { doc: "Times that an origin server was excluded." }),
  originRecoveries: vhostLayout.counter("origin_recoveries", { doc: "Times that one came back." }),
  originUnresolved: vhostLayout.counter("origin_dns_failures", {
    doc: "Attempts to resolve a domain of the origin that brought no address.",
  }),
  portBypassConnections: vhostLayout.counter("port_bypass_connections", {
    doc: "Connections on bypassed ports that were relayed to an origin server.",
  }),
  portBypassOpen: vhostLayout.gauge("port_bypass_connections_open", {
    doc: "Connections on bypassed ports that are open now.",
  }),
  portBypassFailures: vhostLayout.counter("port_bypass_failures", {
    doc: "Connections on bypassed ports for which no origin server could be connected.",
  }),
  /** First of PORT_BYPASS_ENDS.length slots; see `portBypassEndSlot`. */
  portBypassEnds: vhostLayout.labelled("port_bypass_ended", "by", PORT_BYPASS_ENDS, {
    doc: "Relayed connections that have ended, by who ended them first.",
  }),
  portBypassClientBytes: vhostLayout.counter("port_bypass_client", {
    unit: "bytes",
    doc: "Bytes of clients relayed to origins.",
  }),
  portBypassOriginBytes: vhostLayout.counter("port_bypass_origin", {
    unit: "bytes",
    doc: "Bytes of origins relayed to clients.",
  }),
  fills: vhostLayout.counter("fills", { doc: "Origin responses stored." }),
  coalescedRequests: vhostLayout.counter("coalesced_requests", {
    doc: "Requests answered from a fill that another request had started.",
  }),
  transforms: vhostLayout.counter("transforms", { doc: "Objects derived by a transform." }),
});

export const PROCESS_COUNTERS = processLayout.counters;
export const VHOST_COUNTERS = vhostLayout.counters;
export const PROCESS_SLOT_COUNT = processLayout.size;
export const VHOST_SLOT_COUNT = vhostLayout.size;

export const cacheResultSlot = (result: CacheResult): number => VHOST_SLOT.cacheResult + CACHE_RESULTS.indexOf(result);

export const rejectionSlot = (code: (typeof REJECTION_CODES)[number]): number =>
  PROCESS_SLOT.rejections + REJECTION_CODES.indexOf(code);

export const originFailureSlot = (code: (typeof ORIGIN_FAILURE_CODES)[number]): number =>
  VHOST_SLOT.originFailures + ORIGIN_FAILURE_CODES.indexOf(code);

export const portBypassEndSlot = (by: (typeof PORT_BYPASS_ENDS)[number]): number =>
  VHOST_SLOT.portBypassEnds + PORT_BYPASS_ENDS.indexOf(by);

/** A status outside 100 to 599 counts with its nearest class. */
const classIndex = (status: number): number => Math.min(4, Math.max(0, Math.trunc(status / 100) - 1));

export const clientResponseClassSlot = (status: number): number => VHOST_SLOT.clientResponseClass + classIndex(status);

export const originResponseClassSlot = (status: number): number => VHOST_SLOT.originResponseClass + classIndex(status);

const BUCKET_COUNT = RESPONSE_TIME_BOUNDS_SECONDS.length;

/** Slot of the bucket that a response time falls into; the last is for everything above 10 s. */
export const responseTimeSlot = (responseSeconds: number): number => {
  let index = 0;
  while (index < BUCKET_COUNT && responseSeconds > (RESPONSE_TIME_BOUNDS_SECONDS[index] ?? 0)) index += 1;
  return VHOST_SLOT.responseSeconds + index;
};

export const RESPONSE_TIME_SUM_SLOT: number = VHOST_SLOT.responseSeconds + BUCKET_COUNT + 1;
