import { CACHE_RESULTS, type CacheResult, type ErrorCode } from "@basalt/types";
import type { PlacedCounter } from "./contract.ts";
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

/** Upper bounds of the histograms of times, inclusive, in 0.01 ms. */
const TIME_BOUNDS = [
  10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
] as const;

export const HUNDREDTHS_PER_SECOND = 100_000;

export const TIME_BOUNDS_SECONDS: readonly number[] = TIME_BOUNDS.map((bound) => bound / HUNDREDTHS_PER_SECOND);

/** Versions of TLS as OpenSSL names them. */
const TLS_VERSIONS = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const;

/** `malformed`: what came in is no TLS. `refused`: one side did not agree, or the client left. */
const TLS_FAILURES = ["malformed", "refused", "timeout", "limit"] as const;

export type TlsFailure = (typeof TLS_FAILURES)[number];

/** Who ended a connection on a bypassed port; `idle`: nothing moved for too long. */
const PORT_BYPASS_ENDS = ["client", "origin", "idle"] as const;

/** Where records of traces go, beside their log. */
const TRACE_OUTPUTS = ["collector", "otlp"] as const;

/** What became of a datagram that the SNMP agent received. */
export const SNMP_OUTCOMES = [
  "answered",
  "address",
  "rate",
  "malformed",
  "version",
  "community",
  "tooBig",
  "failed",
] as const;

export type SnmpOutcome = (typeof SNMP_OUTCOMES)[number];

/** What became of a request or an exchange, as the service map tells them apart; `throttle`: 429. */
export const SERVICE_OUTCOMES = ["ok", "error", "throttle", "fault"] as const;

export type ServiceOutcome = (typeof SERVICE_OUTCOMES)[number];

export const RESPONSE_CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;

const inSeconds = (slot: number) => ({ slot, width: RESPONSE_CLASSES.length, perUnit: HUNDREDTHS_PER_SECOND });

/** What stands for the objects made of others: pictures and compressed copies have the same figures. */
const conversionSlots = (layout: CounterLayout, name: string, what: string, isInternal: boolean) => ({
  requests: layout.counter(`${name}_requests`, { doc: `Requests for ${what}.`, isInternal }),
  converted: layout.counter(`${name}_converted`, { doc: `${what} made.`, isInternal }),
  failed: layout.counter(`${name}_failed`, { doc: `${what} that could not be made.`, isInternal }),
  sourceBytes: layout.counter(`${name}_source`, { unit: "bytes", doc: `Sources of ${what}.`, isInternal }),
  resultBytes: layout.counter(`${name}_result`, { unit: "bytes", doc: `${what} made.`, isInternal }),
  time: layout.counter(`${name}_time`, { unit: "hundredths", doc: `Time that ${what} took.`, isInternal: true }),
});

const processLayout = new CounterLayout();

/** The jobs of the transform host, whatever virtual host they are for. */
const transformSlots = (layout: CounterLayout) => ({
  waiting: layout.gauge("transform_jobs_waiting", { doc: "Jobs that wait in the transform host." }),
  running: layout.gauge("transform_jobs_running", { doc: "Jobs that have a thread of the transform host." }),
  done: layout.counter("transform_jobs_done", { doc: "Jobs that threads of the transform host have ended." }),
  failed: layout.counter("transform_jobs_failed", {
    doc: "Jobs that failed, or were given up because they ran too long.",
  }),
  refused: layout.counter("transform_jobs_refused", {
    doc: "Jobs done of which nothing came because the source or the command is at fault.",
  }),
  cancelled: layout.counter("transform_jobs_cancelled", {
    doc: "Jobs given up before they began because all clients had left.",
  }),
  overloaded: layout.counter("transform_jobs_overloaded", {
    doc: "Jobs given up because the queue was full, or had not moved for too long.",
  }),
  crashes: layout.counter("transform_host_crashes", { doc: "Unexpected ends of the transform host." }),
  replacements: layout.counter("transform_host_replacements", {
    doc: "Transform hosts that gave way to another because of their memory or a thread that did not end.",
  }),
});

/** Slots of the process-wide part: indices into `CounterBlock.values` as they are. */
export const PROCESS_SLOT = Object.freeze({
  connectionsAccepted: processLayout.counter("client_connections_accepted", { doc: "Client connections accepted." }),
  connectionsOpen: processLayout.gauge("client_connections_open", { doc: "Client connections open now." }),
  connectionsClosed: processLayout.counter("client_connections_closed", {
    doc: "Client connections that have ended, refused ones left out.",
  }),
  connectionsRefused: processLayout.counter("client_connections_refused", {
    doc: "Client connections closed at once because a limit was reached.",
  }),
  /** First of REJECTION_CODES.length slots; see `rejectionSlot`. */
  rejections: processLayout.labelled("client_requests_rejected", "code", REJECTION_CODES, {
    doc: "Requests refused before a virtual host was chosen, by code of the error register.",
  }),
  http2Connections: processLayout.counter("client_http2_connections", { doc: "HTTP/2 connections begun." }),
  http2ConnectionsOpen: processLayout.gauge("client_http2_connections_open", {
    doc: "HTTP/2 connections that are open now.",
  }),
  http2Streams: processLayout.counter("client_http2_streams", { doc: "Streams that clients have opened." }),
  http2StreamsOpen: processLayout.gauge("client_http2_streams_open", { doc: "Streams that are open now." }),
  http2StreamsReset: processLayout.counter("client_http2_streams_reset", {
    doc: "Streams that clients broke off before their end.",
  }),
  http2Floods: processLayout.counter("client_http2_floods", {
    doc: "HTTP/2 connections that were closed because the client sent too much of something.",
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
  originConnectionsMade: processLayout.counter("origin_connections", { doc: "Connections made to origins." }),
  originConnectionsClosed: processLayout.counter("origin_connections_closed", {
    doc: "Connections to origins that have ended.",
  }),
  accessAllowed: processLayout.counter("service_access_allowed", {
    doc: "Client connections that the access list of the server let in.",
  }),
  accessDenied: processLayout.counter("service_access_denied", {
    doc: "Client connections that the access list of the server or the rate of new connections turned away.",
  }),
  rewrittenUrls: processLayout.counter("rewritten_urls", {
    doc: "URLs that a rule of `<Vhosts><URLRewrite>` has changed.",
  }),
  storeFailures: processLayout.counter("store_failures", { doc: "Objects that could not be written or read back." }),
  storeDamaged: processLayout.counter("store_damaged", {
    doc: "Stored records and blocks whose checksum or form did not match; they count as absent.",
  }),
  storeMissing: processLayout.counter("store_missing", {
    doc: "Stored records and files that were gone when they were asked for.",
  }),
  storeFailed: processLayout.counter("store_disk_failures", { doc: "Reads and writes that a disk refused." }),
  logLinesDropped: processLayout.counter("log_lines_dropped", {
    doc: "Lines of logs that a slow or full disk, or a slow receiver, has cost.",
  }),
  logEventsDelivered: processLayout.counter("log_events_delivered", {
    doc: "Lines of logs that receivers of subscriptions have taken.",
  }),
  logEventsDropped: processLayout.counter("log_events_dropped", {
    doc: "Lines of logs for subscriptions that their spool had no room for, or that are longer than a receiver takes.",
  }),
  logSpoolBytes: processLayout.gauge("log_spool_used", {
    unit: "bytes",
    doc: "Disk space of lines that receivers of subscriptions have not taken yet.",
  }),
  logDeliveriesFailed: processLayout.counter("log_deliveries_failed", {
    doc: "Calls to receivers of subscriptions that were not answered by 2xx.",
  }),
  tracedRequests: processLayout.counter("traced_requests", { doc: "Requests whose traces were recorded." }),
  traceSpansExported: processLayout.counter("trace_spans_exported", {
    doc: "Spans that a receiver of OTLP has taken.",
  }),
  /** First of TRACE_OUTPUTS.length slots; see `traceDropSlot`. */
  traceDrops: processLayout.labelled("trace_records_dropped", "output", TRACE_OUTPUTS, {
    doc: "Requests, and parts that came late, whose record did not go out to a collector or was not taken by a receiver of OTLP.",
  }),
  /** First of 4 slots; see `tlsHandshakeSlot`. */
  tlsHandshakes: processLayout.labelled("client_tls_handshakes", "version", TLS_VERSIONS, {
    doc: "TLS handshakes with clients that were completed, by version.",
  }),
  tlsResumed: processLayout.counter("client_tls_resumed", {
    doc: "TLS handshakes among these that resumed an earlier session.",
  }),
  /** First of 4 slots; see `tlsFailureSlot`. */
  tlsFailures: processLayout.labelled("client_tls_handshakes_failed", "reason", TLS_FAILURES, {
    doc: "TLS handshakes with clients that were not completed, by reason.",
  }),
  tlsUnderWay: processLayout.gauge("client_tls_handshakes_open", { doc: "TLS handshakes under way now." }),
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
  transforms: transformSlots(processLayout),
  emergencyMode: processLayout.gauge("emergency_mode", { doc: "1 while emergency mode is in force, else 0." }),
  contentMemoryLimitBytes: processLayout.gauge("content_memory_limit", {
    unit: "bytes",
    doc: "Memory that content may take in the workers.",
  }),
  contentMemoryUsedBytes: processLayout.gauge("content_memory_used", {
    unit: "bytes",
    doc: "Memory that content takes in the workers: memory tiers and what is on its way.",
  }),
  /** First of SNMP_OUTCOMES.length slots; see `snmpSlot`. The primary's, as the next one. */
  snmpDatagrams: processLayout.labelled("snmp_datagrams", "outcome", SNMP_OUTCOMES, {
    doc: "Datagrams that the SNMP agent received, by what became of them.",
  }),
  snmpVariables: processLayout.counter("snmp_variables", { doc: "Variables that the SNMP agent has answered with." }),
});

const originSlots = (layout: CounterLayout) => {
  layout.side("origin");
  const originFirstByteTime = layout.labelled("origin_first_byte", "class", RESPONSE_CLASSES, {
    unit: "hundredths",
    doc: "Time from the sent request to the first byte of the response, by class of status.",
    isInternal: true,
  });
  return {
    originRequests: layout.counter("origin_requests", { doc: "Requests sent to origins." }),
    originRequestBytes: layout.counter("origin_request", { unit: "bytes", doc: "Bytes sent to origins." }),
    originRequestBodyBytes: layout.counter("origin_request_body", {
      unit: "bytes",
      doc: "Bytes of request bodies sent to origins.",
    }),
    originResponseBytes: layout.counter("origin_response", { unit: "bytes", doc: "Bytes received from origins." }),
    originResponseBodyBytes: layout.counter("origin_response_body", {
      unit: "bytes",
      doc: "Bytes of response bodies received from origins.",
    }),
    /** First of 5 slots; see `originResponseClassSlot`. */
    originResponseClass: layout.labelled("origin_responses", "class", RESPONSE_CLASSES, {
      doc: "Responses of origins by class of status, counted when they end.",
    }),
    /** First of 5 slots, as those before. */
    originCompleted: layout.labelled("origin_responses_completed", "class", RESPONSE_CLASSES, {
      doc: "Responses of origins that came whole, by class of status.",
    }),
    /** First of 5 slots. */
    originFirstByteTime,
    /** First of 5 slots. */
    originCompleteTime: layout.labelled("origin_complete", "class", RESPONSE_CLASSES, {
      unit: "hundredths",
      doc: "Time from the sent request to the end of the response, by class of status.",
      isInternal: true,
    }),
    originFirstByteSeconds: layout.histogram("origin_first_byte", TIME_BOUNDS_SECONDS, inSeconds(originFirstByteTime), {
      unit: "seconds",
      doc: "Time from the sent request to the first byte of the origin's response.",
    }),
    /** First of ORIGIN_FAILURE_CODES.length slots; see `originFailureSlot`. */
    originFailures: layout.labelled("origin_failures", "kind", ORIGIN_FAILURE_CODES, {
      doc: "Failed exchanges with origins, by code of the error register.",
    }),
    originConnects: layout.counter("origin_host_connections", { doc: "Connections made to the origins of the host." }),
    originConnectTime: layout.counter("origin_connect", {
      unit: "hundredths",
      doc: "Time that they took.",
      isInternal: true,
    }),
    originSessions: layout.gauge("origin_sessions", { doc: "Connections to the origins of the host that are open." }),
    originSessionsActive: layout.counter("origin_sessions_active", {
      doc: "Connections to origins that carried data, once for each second in which they did.",
      isInternal: true,
    }),
  };
};

const edgeSlots = (layout: CounterLayout) => {
  layout.side("edge");
  return {
    originRefused: layout.counter("origin_requests_refused", {
      doc: "Requests that found no free session within `<MaxSessions>` in time.",
    }),
    /** The slots from here to `dnsTime` are the primary's. */
    originServersInService: layout.gauge("origin_servers_in_service", {
      doc: "Origin servers that requests are sent to.",
    }),
    originAddressesExcluded: layout.gauge("origin_addresses_excluded", {
      doc: "Configured origin addresses that failures or health checks hold out; a domain when all its servers are.",
    }),
    originExclusions: layout.counter("origin_exclusions", { doc: "Times that an origin server was excluded." }),
    originRecoveries: layout.counter("origin_recoveries", { doc: "Times that one came back." }),
    originUnresolved: layout.counter("origin_dns_failures", {
      doc: "Attempts to resolve a domain of the origin that brought no address.",
    }),
    dnsQueries: layout.counter("origin_dns_queries", { doc: "Questions to name servers for the origins of the host." }),
    dnsTime: layout.counter("origin_dns", {
      unit: "hundredths",
      doc: "Time until they were answered, or given up.",
      isInternal: true,
    }),
    ...portBypassSlots(layout),
    fills: layout.counter("fills", { doc: "Origin responses stored." }),
    coalescedRequests: layout.counter("coalesced_requests", {
      doc: "Requests answered from a fill that another request had started.",
    }),
    transforms: layout.counter("transforms", { doc: "Objects derived by a transform." }),
    /** The primary's. */
    transformSeconds: layout.counter("transform_thread", {
      unit: "seconds",
      doc: "Time on threads of the transform host that jobs of the virtual host took.",
    }),
    memoryBytes: layout.gauge("memory_tier_host_used", {
      unit: "bytes",
      doc: "Bytes of the host's objects in the memory tiers.",
      isInternal: true,
    }),
    swappedObjects: layout.counter("swapped_objects", {
      doc: "Objects of the host that left a memory tier for lack of room.",
      isInternal: true,
    }),
    swappedBytes: layout.counter("swapped", { unit: "bytes", doc: "Bytes of these objects.", isInternal: true }),
    erasedObjects: layout.counter("erased_objects", { doc: "Stored objects that were removed.", isInternal: true }),
    purgedObjects: layout.counter("purged_objects", { doc: "Stored objects that were purged.", isInternal: true }),
    expiredObjects: layout.counter("expired_objects", {
      doc: "Stored objects that were expired by force.",
      isInternal: true,
    }),
    diskReads: layout.counter("store_reads", { doc: "Reads of the host's objects from disk." }),
    diskReadBytes: layout.counter("store_read", { unit: "bytes", doc: "Bytes of these reads." }),
    diskWrites: layout.counter("store_writes", { doc: "Writes of the host's objects to disk." }),
    diskWrittenBytes: layout.counter("store_written", { unit: "bytes", doc: "Bytes of these writes." }),
    filesCreated: layout.counter("body_files_created", { doc: "Files made for one long body.", isInternal: true }),
    filesOpened: layout.counter("body_files_opened", { doc: "Such files opened.", isInternal: true }),
    filesDeleted: layout.counter("body_files_deleted", { doc: "Such files deleted.", isInternal: true }),
    filesOpen: layout.gauge("body_files_open", { doc: "Such files that are open.", isInternal: true }),
    compression: conversionSlots(layout, "compression", "compressed copies", false),
    dims: conversionSlots(layout, "dims", "pictures", true),
    fileSystem: fileSystemSlots(layout),
  };
};

const portBypassSlots = (layout: CounterLayout) => ({
  portBypassConnections: layout.counter("port_bypass_connections", {
    doc: "Connections on bypassed ports that were relayed to an origin server.",
  }),
  portBypassOpen: layout.gauge("port_bypass_connections_open", {
    doc: "Connections on bypassed ports that are open now.",
  }),
  portBypassFailures: layout.counter("port_bypass_failures", {
    doc: "Connections on bypassed ports for which no origin server could be connected.",
  }),
  /** First of PORT_BYPASS_ENDS.length slots; see `portBypassEndSlot`. */
  portBypassEnds: layout.labelled("port_bypass_ended", "by", PORT_BYPASS_ENDS, {
    doc: "Relayed connections that have ended, by who ended them first.",
  }),
  portBypassClientBytes: layout.counter("port_bypass_client", {
    unit: "bytes",
    doc: "Bytes of clients relayed to origins.",
  }),
  portBypassOriginBytes: layout.counter("port_bypass_origin", {
    unit: "bytes",
    doc: "Bytes of origins relayed to clients.",
  }),
});

/** Access through mounted folders: what counts it comes with that feature. */
const fileSystemSlots = (layout: CounterLayout) => {
  const counter = (name: string, unit: PlacedCounter["unit"], doc: string): number =>
    layout.counter(`file_system_${name}`, { unit, doc, isInternal: true });
  return {
    sentBytes: counter("sent", "bytes", "Bytes read through mounted folders."),
    threads: layout.gauge("file_system_threads", { doc: "Calls on mounted folders that run.", isInternal: true }),
    attributeTime: counter("getattr_time", "hundredths", "Time of getattr."),
    attributeFiles: counter("getattr_files", "count", "Calls of getattr answered with a file."),
    attributeFolders: counter("getattr_folders", "count", "Calls of getattr answered with a folder."),
    attributeFailures: counter("getattr_failures", "count", "Calls of getattr that failed."),
    openTime: counter("open_time", "hundredths", "Time of open."),
    opens: counter("opens", "count", "Calls of open."),
    readTime: counter("read_time", "hundredths", "Time of read."),
    reads: counter("reads", "count", "Calls of read."),
    readAskedBytes: counter("read_asked", "bytes", "Bytes that calls of read asked for."),
    readGivenBytes: counter("read_given", "bytes", "Bytes that they got."),
    result: layout.labelled("file_system_results", "result", CACHE_RESULTS, {
      doc: "Accesses through mounted folders by the way they were answered.",
      isInternal: true,
    }),
  };
};

const vhostLayout = new CounterLayout();

vhostLayout.side("client");

/** Client traffic; what is counted by folder too, so that it comes first. */
const TRAFFIC = {
  clientRequests: vhostLayout.counter("client_requests", { doc: "Requests of clients." }),
  clientRequestBytes: vhostLayout.counter("client_request", {
    unit: "bytes",
    doc: "Bytes received from clients, heads and bodies.",
  }),
  clientRequestBodyBytes: vhostLayout.counter("client_request_body", {
    unit: "bytes",
    doc: "Bytes of request bodies received from clients.",
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
  /** First of 5 slots, as those before. */
  clientCompleted: vhostLayout.labelled("client_responses_completed", "class", RESPONSE_CLASSES, {
    doc: "Responses to clients that were sent whole, by class of status.",
  }),
  /** First of 5 slots. */
  clientFirstByteTime: vhostLayout.labelled("client_first_byte", "class", RESPONSE_CLASSES, {
    unit: "hundredths",
    doc: "Time from the complete request head to the first byte of the response, by class of status.",
    isInternal: true,
  }),
  /** First of 5 slots. */
  clientCompleteTime: vhostLayout.labelled("client_complete", "class", RESPONSE_CLASSES, {
    unit: "hundredths",
    doc: "Time from the complete request head to the end of the response, by class of status.",
    isInternal: true,
  }),
  /** First of CACHE_RESULTS.length slots; see `cacheResultSlot`. */
  cacheResult: vhostLayout.labelled("cache_results", "result", CACHE_RESULTS, {
    doc: "Requests by the way they were answered.",
  }),
  tlsReceivedBytes: vhostLayout.counter("client_tls_received", {
    unit: "bytes",
    doc: "HTTPS bytes received from clients.",
    isInternal: true,
  }),
  tlsSentBytes: vhostLayout.counter("client_tls_sent", {
    unit: "bytes",
    doc: "HTTPS bytes sent to clients.",
    isInternal: true,
  }),
};

/** The first slots of a block, which folders have too. */
export const TRAFFIC_SLOT_COUNT = vhostLayout.size;

/** Slots of a block: add the offset that `CounterBlock.vhost` returned. */
export const VHOST_SLOT = Object.freeze({
  ...TRAFFIC,
  clientNotModified: vhostLayout.counter("client_not_modified", { doc: "Responses 304 to clients." }),
  clientRanges: vhostLayout.counter("client_ranges", { doc: "Responses 206 to clients." }),
  clientThrottled: vhostLayout.counter("client_throttled", { doc: "Responses 429 to clients." }),
  clientTraced: vhostLayout.counter("client_traced", {
    doc: "Requests of the host whose traces were recorded.",
    isInternal: true,
  }),
  clientBypassed: vhostLayout.counter("client_bypassed", { doc: "Requests handed to the origin without the cache." }),
  clientAborted: vhostLayout.counter("client_aborted", { doc: "Responses that the client did not wait for." }),
  clientSessions: vhostLayout.gauge("client_sessions", {
    doc: "Client connections whose last request was for the host.",
  }),
  clientSessionsActive: vhostLayout.counter("client_sessions_active", {
    doc: "Client connections that carried data, once for each second in which they did.",
    isInternal: true,
  }),
  clientFirstByteSeconds: vhostLayout.histogram(
    "client_response",
    TIME_BOUNDS_SECONDS,
    inSeconds(TRAFFIC.clientFirstByteTime),
    { unit: "seconds", doc: "Time from the complete request head to the first byte of the response." },
  ),
  clientCompleteSeconds: vhostLayout.histogram(
    "client_completion",
    TIME_BOUNDS_SECONDS,
    inSeconds(TRAFFIC.clientCompleteTime),
    { unit: "seconds", doc: "Time from the complete request head to the end of the response." },
  ),
  ...originSlots(vhostLayout),
  ...edgeSlots(vhostLayout),
});

const originServerLayout = new CounterLayout();

/** Slots of a row of one origin of one virtual host: these rows are for the service map alone (AWS-100). */
export const ORIGIN_SERVER_SLOT = Object.freeze({
  /** First of SERVICE_OUTCOMES.length slots; see `originOutcomeSlot`. */
  exchanges: originServerLayout.labelled("origin_server_exchanges", "outcome", SERVICE_OUTCOMES, {
    doc: "Exchanges with the origin by what became of them; those that failed are faults.",
    isInternal: true,
  }),
  time: originServerLayout.counter("origin_server_time", {
    unit: "hundredths",
    doc: "Time that they took, from the beginning of the connection to the end of the response.",
    isInternal: true,
  }),
  traced: originServerLayout.counter("origin_server_traced", {
    doc: "Those among them that belong to a recorded trace.",
    isInternal: true,
  }),
});

export const ORIGIN_SERVER_SLOT_COUNT = originServerLayout.size;

export const originOutcomeSlot = (outcome: ServiceOutcome): number =>
  ORIGIN_SERVER_SLOT.exchanges + SERVICE_OUTCOMES.indexOf(outcome);

/** Of a status that was answered. */
export const outcomeOf = (status: number): ServiceOutcome => {
  if (status === 429) return "throttle";
  if (status >= 500) return "fault";
  return status >= 400 ? "error" : "ok";
};

export const PROCESS_COUNTERS = processLayout.counters;
export const VHOST_COUNTERS = vhostLayout.counters;
export const PROCESS_SLOT_COUNT = processLayout.size;
export const VHOST_SLOT_COUNT = vhostLayout.size;

export const cacheResultSlot = (result: CacheResult): number => VHOST_SLOT.cacheResult + CACHE_RESULTS.indexOf(result);

export const rejectionSlot = (code: (typeof REJECTION_CODES)[number]): number =>
  PROCESS_SLOT.rejections + REJECTION_CODES.indexOf(code);

const TLS_VERSION_INDEXES: ReadonlyMap<string, number> = new Map(
  TLS_VERSIONS.map((version, index) => [version, index]),
);

/** `version` as OpenSSL names it. */
export const tlsHandshakeSlot = (version: string): number =>
  PROCESS_SLOT.tlsHandshakes + (TLS_VERSION_INDEXES.get(version) ?? 0);

export const tlsFailureSlot = (reason: TlsFailure): number => PROCESS_SLOT.tlsFailures + TLS_FAILURES.indexOf(reason);

export const originFailureSlot = (code: (typeof ORIGIN_FAILURE_CODES)[number]): number =>
  VHOST_SLOT.originFailures + ORIGIN_FAILURE_CODES.indexOf(code);

export const traceDropSlot = (output: (typeof TRACE_OUTPUTS)[number]): number =>
  PROCESS_SLOT.traceDrops + TRACE_OUTPUTS.indexOf(output);

export const snmpSlot = (outcome: SnmpOutcome): number => PROCESS_SLOT.snmpDatagrams + SNMP_OUTCOMES.indexOf(outcome);

export const portBypassEndSlot = (by: (typeof PORT_BYPASS_ENDS)[number]): number =>
  VHOST_SLOT.portBypassEnds + PORT_BYPASS_ENDS.indexOf(by);

/** Position of a status among RESPONSE_CLASSES; one outside 100 to 599 counts with its nearest class. */
export const classIndexOf = (status: number): number => Math.min(4, Math.max(0, Math.trunc(status / 100) - 1));

export const clientResponseClassSlot = (status: number): number =>
  VHOST_SLOT.clientResponseClass + classIndexOf(status);

export const originResponseClassSlot = (status: number): number =>
  VHOST_SLOT.originResponseClass + classIndexOf(status);

const BUCKET_COUNT = TIME_BOUNDS.length;

/** Position of the bucket that a time in 0.01 ms falls into; the last is for everything above 10 s. */
export const timeBucketOf = (hundredths: number): number => {
  let index = 0;
  while (index < BUCKET_COUNT && hundredths > (TIME_BOUNDS[index] ?? 0)) index += 1;
  return index;
};
