import type { Problem } from "@basalt/types";
import type { AccessOptions, AccessRule, ConnectionRate, ServiceAccessSettings, UserEntry } from "./accessContract.ts";
import type { AlarmSettings } from "./alarmContract.ts";
import type { ThrottlingRule, ThrottlingSettings, TrafficCapSettings } from "./bandwidthContract.ts";
import type { CompressionSettings, ContentCoding } from "./compressionContract.ts";
import type { DimsSettings } from "./dimsContract.ts";
import type { DrmSettings } from "./drmContract.ts";
import type { FileSystemSettings, MountSettings } from "./fileSystemContract.ts";
import type { Http2Settings } from "./http2Contract.ts";
import type { HttpsEntry, TlsSettings } from "./httpsContract.ts";
import type { MediaSettings } from "./mediaContract.ts";
import type { AddressShare, DrainingSettings, ForwardedSettings, StickySettings } from "./originChoiceContract.ts";
import type { Provenance } from "./provenance.ts";
import type { OverloadSettings, RequestSelection } from "./selectionContract.ts";
import type { SnmpSettings } from "./snmpContract.ts";
import type { TracingSettings } from "./tracingSettings.ts";
import type { TransformLimits, TransformShare } from "./transformContract.ts";
import type { VhostLink } from "./vhostLinkContract.ts";

/**
 * The configuration as the rest of Basalt sees it: plain, frozen data (crosses process boundaries by structured
 * clone), every value present, units in the names. What an operator writes is in the option tables; the types below
 * are what those tables produce.
 */
export interface EdgeConfig {
  /** Grows by one with every configuration put in service. */
  readonly generation: number;
  readonly server: ServerSettings;
  readonly vhosts: readonly VhostSettings[];
  /** Name of the virtual host for requests that match none (CFG-59). */
  readonly defaultVhost: string | undefined;
  readonly views: readonly StatsView[];
  /** Of the URLs that clients ask for, before a virtual host is chosen. */
  readonly urlRewrites: readonly ClientRewrite[];
}

/** Virtual hosts whose statistics are also given together; members need not exist (STAT-88). */
export interface StatsView {
  readonly name: string;
  readonly vhosts: readonly string[];
}

export type Role = "Admin" | "User" | "Looker";

export interface ServerSettings {
  readonly host: {
    readonly name: string;
    readonly admin: string;
    readonly manager: {
      readonly port: number;
      readonly httpMethod: boolean;
      readonly role: Role;
      readonly uploadMultipartName: string;
      /** Empty: loopback only (OPEN 7 of spec 01). */
      readonly allow: readonly { readonly address: string; readonly role: Role }[];
    };
    readonly serviceAccess: ServiceAccessSettings;
    readonly connectionRate: ConnectionRate;
    readonly alarms: readonly AlarmSettings[];
    readonly snmp: SnmpSettings;
  };
  readonly cache: {
    readonly storage: {
      readonly disks: readonly { readonly path: string; readonly quotaBytes: number | undefined }[];
      readonly diskFailSeconds: number;
      readonly diskFailCount: number;
      readonly onCrash: "hang" | "bypass" | "selfkill";
    };
    /** Daily upkeep of the disks (CFG-47 to CFG-49). */
    readonly cleanup: {
      /** Minutes after midnight, local time. */
      readonly timeMinutes: number;
      /** Content not accessed for this long is removed; 0 removes only for lack of space. */
      readonly ageDays: number;
      readonly emptyFolder: "delete" | "keep";
    };
    /** Memory: what is not found in memory counts as absent, and the number of objects is bounded (OPT-11). */
    readonly indexing: "Memory" | "Disk";
    /** Memory-only mode: folder (tmpfs) that holds the bodies. */
    readonly memoryPath: string;
    readonly systemMemoryRatio: number;
    readonly contentMemoryRatio: number;
    readonly systemFreeMemoryRatio: number;
    /** `init`: sessions that the memory plan reckons with (OPT-20); `topUp` is not used (OPT-21). 0: by the memory of the host. */
    readonly httpClientSession: { readonly init: number; readonly topUp: number };
    readonly emergencyMode: boolean;
    readonly syncStale: boolean;
    /** Backups of the configuration older than this are removed at cleanup time (CFG-51). */
    readonly configHistoryDays: number;
    readonly listen: readonly string[];
    /** Name servers for origin domains as `ip` or `ip:port`; empty: those of the system. */
    readonly dnsServers: readonly string[];
    readonly purge: "Normal" | "Hard";
    readonly maxSockets: number;
    readonly maxSocketsReopen: number;
    /** Accept workers; 0 in the file means one per core and is resolved here. */
    readonly workers: number;
    readonly transformThreads: number;
    readonly transforms: TransformLimits;
    readonly infoLog: LogFileSettings;
    readonly denyLog: LogFileSettings;
    readonly originErrorLog: OriginErrorLogSettings;
    /** Of the deny log and the origin error log. */
    readonly subscriptions: readonly LogSubscription[];
    /** How long a draining worker may finish its connections. */
    readonly drainSeconds: number;
    /** Limits on what clients send (our own element `<ClientLimits>`). */
    readonly clientLimits: {
      readonly targetBytes: number;
      readonly headBytes: number;
      readonly fieldCount: number;
      readonly bodyBytes: number;
      readonly headTimeoutSeconds: number;
      readonly bodyTimeoutSeconds: number;
      readonly sendTimeoutSeconds: number;
      /** Longest trailer section of a chunked body, of clients and of origins. */
      readonly trailerBytes: number;
      /** Most ranges of one request; with more, `Range` is ignored. */
      readonly ranges: number;
    };
    readonly http2: Http2Settings;
    readonly tls: TlsSettings;
    /** Whether certificates are chosen by the name that a client asks for (TLS-21). */
    readonly httpsSni: boolean;
    /** Whether suites with AES go before others of the same kind (TLS-12). */
    readonly aesNi: boolean;
    readonly fileSystem: MountSettings;
  };
  readonly ftp: readonly FtpClient[];
  readonly https: readonly HttpsEntry[];
}

/** When a client sends what is waiting; times are local. */
export type FtpTransfer =
  | { readonly kind: "rotate" }
  /** Minutes after midnight. */
  | { readonly kind: "daily"; readonly minute: number }
  /** At multiples of so many hours, counted from midnight. */
  | { readonly kind: "hourly"; readonly hours: number };

/** A client that uploads rotated logs (LOG-174 to LOG-188). */
export interface FtpClient {
  readonly name: string;
  readonly mode: "Passive" | "Active";
  readonly host: string;
  readonly port: number;
  /** Empty: anonymous. */
  readonly user: string;
  readonly password: string;
  readonly passwordType: "plain" | "enc";
  /** Connection and login. */
  readonly connectTimeoutSeconds: number;
  readonly transferTimeoutSeconds: number;
  /** In 1024 bytes a second; 0: without limit. */
  readonly trafficCapKilobytes: number;
  readonly deleteUploaded: boolean;
  readonly backupOnFail: boolean;
  /** Empty: `/{virtual host}/{file name}`. */
  readonly uploadPath: string;
  readonly transfer: FtpTransfer;
}

export interface OriginAddress extends AddressShare {
  /** As configured. */
  readonly text: string;
  /** `https` when the address begins with `https://`; its port is 443 unless written. */
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
  /** True when `host` is an IP address. */
  readonly isIp: boolean;
  /** Path prefix without trailing slash; empty when none (CFG-13). */
  readonly pathPrefix: string;
  /** Default Host field by the table of CFG-12. */
  readonly hostField: string;
}

/** `address` undefined means all addresses of `<Cache><Listen>`. */
export interface ListenAddress {
  readonly address: string | undefined;
  readonly port: number;
}

/** An active check of all origin servers of a host, active and standby (ORG-13 to ORG-20). */
export interface HealthChecker {
  /** `tcp`: a connection is all that is asked for (AWS-26); `uri` and `resCodes` say nothing then. */
  readonly type: "http" | "tcp";
  /** Fields of the request that differ from those of a probe (AWS-24), flat. */
  readonly fields: readonly string[];
  /** Path with optional query string, without the path prefix of the address. */
  readonly uri: string;
  /** Statuses that count as success; empty: any. */
  readonly resCodes: readonly number[];
  /** From the connect to the end of the transaction. */
  readonly timeoutSeconds: number;
  readonly cycleSeconds: number;
  /** Failures in a row that exclude a server. */
  readonly exclusion: number;
  /** Successes in a row that bring it back. */
  readonly recovery: number;
  /** Whether checks go into the origin log. */
  readonly log: boolean;
}

/** A port relayed to the origin as it is (BYP-21, BYP-22); bound on the addresses of `<Cache><Listen>`. */
export interface PortBypass {
  readonly port: number;
  readonly originPort: number;
}

/** One rule of `<OriginOptions><URLRewrite>` (ORG-41). */
export interface UrlRewrite {
  /** For `compilePattern` of this package, which matches in linear time; never for `RegExp`. */
  readonly pattern: string;
  /** Text with `#0` (the whole URL) to `#9`; a group that the pattern lacks is refused when the file is read. */
  readonly replace: string;
}

/** One rule of `<Vhosts><URLRewrite>` (VHT-01); `#0` is host name, path and query string. */
export interface ClientRewrite extends UrlRewrite {
  /** URL in the access log: the one that `replace` makes, or the one that was asked for. */
  readonly accessLog: "Replace" | "Pattern";
}

/** Requests that another virtual host handles (VHT-32). */
export interface SubPath {
  /** A name as configured; nothing need have it, or be active. */
  readonly vhost: string;
  /** Begins with `/`. With `/` at the end all paths that begin so, else a pattern of whole paths. */
  readonly path: string;
}

/** How bypassed requests of one method are spread over origin servers. */
export interface BypassOrigin {
  /** One server for all requests of a client (BYP-11). */
  readonly originAffinity: boolean;
  /** One origin connection for each client connection (BYP-12); written `Private`. */
  readonly isPrivate: boolean;
}

export interface VhostSettings {
  readonly name: string;
  readonly status: "Active" | "Inactive";
  /**
   * Name of the host that serves for this facade (VHT-21): of this one only names, listening, statistics of clients and
   * access log count. Nothing need have that name. Undefined for all other hosts.
   */
  readonly facadeOf: string | undefined;
  /** SNMP-24; 0: the next free one. */
  readonly snmpIndex: number;
  readonly aliases: readonly string[];
  readonly listen: readonly ListenAddress[];
  readonly origin: {
    readonly addresses: readonly OriginAddress[];
    readonly standby: readonly OriginAddress[];
    readonly healthCheckers: readonly HealthChecker[];
  };
  readonly portBypass: readonly PortBypass[];
  /** In the order in which they are compared. */
  readonly subPaths: readonly SubPath[];
  readonly link: VhostLink | undefined;
  readonly options: VhostOptions;
  readonly originOptions: OriginOptions;
  readonly media: MediaSettings;
  readonly logs: VhostLogs;
  readonly stats: StatsOptions;
  readonly conditions: ConditionFiles;
}

/** STAT-11 to STAT-15. */
export interface StatsOptions {
  readonly dirDepth: number;
  readonly dirDepthAccum: boolean;
  readonly httpsTraffic: boolean;
  /** It has series and a history of its own (AWS-91). */
  readonly detailedMetrics: boolean;
  readonly clientLocal: boolean;
  readonly originLocal: boolean;
}

/** Minutes for `time`, megabytes for `size`, both in that order for `both`; a number that is missing does not count. */
export type LogUnit = readonly number[];

export interface SyslogReceiver {
  /** PRI of the datagrams. */
  readonly priority: number;
  readonly host: string;
  readonly port: number;
}

/** What all logs have (LOG-12 to LOG-18). */
export interface LogFileSettings {
  /** Whether there is a file; traces and syslog have the lines in any case. */
  readonly enabled: boolean;
  readonly type: "time" | "size" | "both";
  readonly unit: LogUnit;
  readonly retention: number;
  /** 0: without limit. */
  readonly retentionDays: number;
  readonly compression: boolean;
  readonly sysLog: boolean;
  readonly ftp: readonly string[];
  readonly receivers: readonly SyslogReceiver[];
}

export interface AccessLogSettings extends LogFileSettings {
  readonly xff: "ON" | "OFF" | "TrimCIP";
  readonly form: "ston" | "apache" | "iis" | "custom" | "json" | "elb" | "elb-ext" | "alb";
  /** Whether requests over loopback are logged. */
  readonly local: boolean;
  /** Name in the forms `elb` and `alb`; empty: that of the server. */
  readonly balancer: string;
}

export interface OriginLogSettings extends LogFileSettings {
  readonly local: boolean;
}

export interface MonitoringLogSettings extends LogFileSettings {
  readonly form: "json" | "xml";
}

export interface OriginErrorLogSettings extends LogFileSettings {
  /** Whether bad HTTP behaviour of origins is logged (LOG-41). */
  readonly warning: boolean;
}

/** Whole heads of requests and responses (AWS-91). */
export interface DetailLogSettings extends LogFileSettings {
  /** Fields whose values are hidden beside those that are in any case, in lower case. */
  readonly mask: readonly string[];
}

export interface VhostLogs {
  /** Absolute; holds a folder for each virtual host. */
  readonly dir: string;
  /** The least grave transactions with a line in access, origin and detail log (AWS-91). */
  readonly level: "INFO" | "WARNING" | "ERROR";
  readonly access: AccessLogSettings;
  readonly accessExtra: AccessLogSettings;
  /** Line of the form `custom`. */
  readonly accessFormat: string;
  readonly origin: OriginLogSettings;
  readonly monitoring: MonitoringLogSettings;
  readonly dns: LogFileSettings;
  readonly fileSystem: LogFileSettings;
  readonly detail: DetailLogSettings;
  readonly trace: LogFileSettings;
  readonly metricFilters: readonly LogMetricFilter[];
  readonly subscriptions: readonly LogSubscription[];
}

/** Lines of an access log that make a metric (AWS-79). */
export interface LogMetricFilter {
  readonly name: string;
  readonly log: "access" | "accessextra";
  /** For `compileLogPattern` of this package. */
  readonly pattern: string;
  readonly namespace: string;
  readonly metric: string;
  /** A number, `$` with the name of a field of the pattern, or a selector such as `$.bytes_sent`. */
  readonly value: string;
  /** What a minute with lines adds in which none matched. */
  readonly defaultValue: number | undefined;
}

export type SubscribedLog =
  | "access"
  | "accessextra"
  | "origin"
  | "monitoring"
  | "dns"
  | "filesystem"
  | "detail"
  | "trace"
  | "deny"
  | "originerror";

/** Lines of a log that are sent to a receiver (AWS-86). */
export interface LogSubscription {
  /** Unique among those of its host, and fit for the name of a folder. */
  readonly name: string;
  readonly log: SubscribedLog;
  /** For `compileLogPattern` of this package. */
  readonly pattern: string;
  readonly url: string;
  readonly owner: string;
  /** Events of one call. */
  readonly events: number;
  /** How long an event waits for others. */
  readonly seconds: number;
  readonly spoolMegabytes: number;
}

/** `guide`: the rows of spec 02 and 04; `rfc9111`: a conforming shared cache. */
export type CachingProfile = "guide" | "rfc9111";

export interface VhostOptions {
  /** Who may have what (ACL-20 to ACL-44), and what goes beyond the guide. */
  readonly access: AccessOptions;
  readonly cachingProfile: CachingProfile;
  readonly ttl: {
    readonly priority: readonly ("cc_nocache" | "custom" | "cc_maxage" | "rescode")[];
    readonly res2xx: { readonly seconds: number; readonly ratio: number; readonly max: number };
    readonly noCache: {
      readonly seconds: number;
      readonly ratio: number;
      readonly max: number;
      readonly maxAge: number;
    };
    readonly res3xxSeconds: number;
    readonly res4xxSeconds: number;
    readonly res5xxSeconds: number;
    readonly connectTimeoutSeconds: number;
    readonly receiveTimeoutSeconds: number;
    readonly originBusySeconds: number;
  };
  readonly ttlExtensionBy4xx: boolean;
  readonly ttlExtensionBy5xx: boolean;
  readonly unvalidatableObjectResCode: number;
  readonly refreshExpired: boolean;
  readonly noCacheRequestExpire: boolean;
  readonly acceptEncoding: boolean;
  /** Names of Vary that count (KEY-09), in lower case; `*` alone: all. */
  readonly varyHeader: readonly string[];
  /** Fields of the origin that tags are taken from and that clients do not see, in lower case. */
  readonly tagHeader: readonly string[];
  readonly caseSensitive: boolean;
  readonly applyQueryString: boolean;
  readonly applyQueryStringCollective: boolean;
  readonly connectionHeader: "keep-alive" | "close";
  readonly clientKeepAliveSeconds: number;
  readonly keepAliveHeader: boolean;
  readonly keepAliveHeaderMax: number;
  readonly ageHeader: boolean;
  readonly etagHeader: boolean;
  readonly originalHeader: boolean;
  readonly viaHeader: boolean;
  /** Whether responses tell in Cache-Status what was done (RFC 9211). */
  readonly cacheStatusHeader: boolean;
  readonly serverHeader: boolean;
  readonly lastModifiedCheck: "exact" | "orlater";
  readonly ifRange: boolean;
  /** Whether headers.txt applies to requests and responses (HTTP-42, HTTP-43). */
  readonly modifyHeader: { readonly enabled: boolean; readonly firstOnly: boolean };
  /** Whether expires.txt decides `Expires`, and the base of rules that name none (HTTP-13, HTTP-14). */
  readonly refreshExpiresHeader: { readonly enabled: boolean; readonly base: ExpiresBase };
  /** KEY-11 to KEY-13. */
  readonly postRequest: {
    readonly enabled: boolean;
    readonly bodySensitive: boolean;
    readonly maxContentLengthBytes: number;
  };
  readonly bypassNoCacheRequest: boolean;
  readonly bypassPostRequest: boolean;
  readonly bypassGetRequest: boolean;
  readonly bypassPutRequest: boolean;
  /** Attributes of the three elements above. */
  readonly bypassOrigin: { readonly post: BypassOrigin; readonly get: BypassOrigin; readonly put: BypassOrigin };
  readonly purge2Expire: "NONE" | "ROOT" | "PATTERN" | "ALL";
  readonly rootPurgeExpire: "ON" | "PURGE" | "EXPIRE" | "OFF";
  readonly resCodeNoCtrlTarget: number;
  readonly compression: CompressionSettings;
  readonly drm: DrmSettings;
  readonly dims: DimsSettings;
  readonly transforms: TransformShare;
  readonly tracing: TracingSettings;
  readonly trafficCap: TrafficCapSettings;
  readonly throttling: ThrottlingSettings;
  readonly selection: RequestSelection;
  readonly overload: OverloadSettings;
  /** Most addresses in `X-Forwarded-For` of a request; 0: without limit (AWS-21). */
  readonly xffLimit: number;
  readonly fileSystem: FileSystemSettings;
}

export interface OriginOptions {
  readonly connectTimeoutSeconds: number;
  readonly receiveTimeoutSeconds: number;
  readonly bypassConnectTimeoutSeconds: number;
  readonly bypassReceiveTimeoutSeconds: number;
  readonly exclusion: number;
  readonly recovery: {
    readonly count: number;
    readonly cycleSeconds: number;
    readonly uri: string;
    readonly resCodes: readonly number[];
    /** Whether probes go into the origin log. */
    readonly log: boolean;
  };
  /** Longest use of one answer of a name server (ORG-23); 0: as long as it says. */
  readonly dnsMaxTtlSeconds: number;
  /** More transactions in progress than this are overload (ORG-28), counted over all workers. */
  readonly busySessionCount: number;
  /**
   * Most transactions in progress in all workers together, 0 without limit, and how many requests may wait for their
   * turn, as long as for a connection.
   */
  readonly maxSessions: { readonly count: number; readonly queue: number };
  /** For addresses with `https://`. */
  readonly tls: {
    /** Whether the certificate is checked, against `caFile` when there is one. */
    readonly verify: boolean;
    /** Absolute path of a PEM file; empty: the authorities of the system. */
    readonly caFile: string;
  };
  readonly reuseTimeoutSeconds: number;
  /** How much is fetched at a time (ORG-35); 0: whole bodies. */
  readonly partBytes: number;
  /** Whether first downloads and renewals ask for the range from 0 (ORG-37). */
  readonly fullRangeInit: boolean;
  /** Whether range requests carry `If-Range` (ORG-47). */
  readonly ifRange: boolean;
  readonly balanceMode: "RoundRobin" | "Session" | "Hash" | "Latency";
  readonly draining: DrainingSettings;
  readonly sticky: StickySettings;
  readonly forwarded: ForwardedSettings;
  /** AWS-43: clients are sent to the origin server itself for a WebSocket. */
  readonly webSocketRedirect: boolean;
  /** Empty: the table of CFG-12; `*`: the client's (ORG-42). */
  readonly host: string;
  /** `*`: the client's (ORG-43). */
  readonly userAgent: string;
  readonly userAgentBypass: boolean;
  readonly hostBypass: boolean;
  readonly xffClientIpOnly: boolean;
  readonly xffClientIpOnlyBypass: boolean;
  /** Whether `WL-Proxy-Client-IP` is sent (ORG-45). */
  readonly wlProxyClientIp: boolean;
  readonly wlProxyClientIpBypass: boolean;
  readonly originalETag: boolean;
  readonly wholeClientRequest: boolean;
  /** The first that matches the URL of a request that fills the cache gives the URL that is asked (ORG-41). */
  readonly urlRewrites: readonly UrlRewrite[];
  readonly redirectionTrace: {
    readonly enabled: boolean;
    /**
     * Where a redirect may lead beside the host's own servers and public addresses: domain names in lower case (`*` in
     * front stands for any beginning), IP addresses, IPv4 forms of CFG-64, IPv6 networks `address/bits`.
     */
    readonly allow: readonly string[];
  };
  /** Whether headers.txt applies to requests to the origin (ORG-51, ORG-52). */
  readonly modifyHeader: { readonly enabled: boolean; readonly firstOnly: boolean };
}

/** One condition line, parsed by the grammar of CFG-62 to CFG-71; terms are joined by AND. */
export interface Condition {
  readonly terms: readonly ConditionTerm[];
}

export type ConditionTerm = { readonly negated: boolean } & (
  | {
      readonly kind: "url";
      readonly pattern: string /** OPEN 11, reading B: compare with the query string too. */;
      readonly withQuery: boolean;
    }
  | { readonly kind: "ip"; readonly pattern: string }
  | {
      readonly kind: "header";
      readonly name: string;
      readonly value:
        | { readonly kind: "exists" }
        | { readonly kind: "empty" }
        | { readonly kind: "pattern"; readonly pattern: string };
    }
  | { readonly kind: "method"; readonly method: string }
  | { readonly kind: "mime"; readonly pattern: string }
  | { readonly kind: "protocol"; readonly protocol: string }
);

/** What `Expires` counts from: the moment of the request, or the origin's `Last-Modified` (HTTP-15). */
export type ExpiresBase = "access" | "modification";

/** One line of headers.txt (HTTP-44 to HTTP-50, ORG-53). */
export interface HeaderRule {
  readonly condition: Condition;
  /** `$REQ`, `$RES`, `$ORGREQ`. */
  readonly direction: "request" | "response" | "originRequest";
  readonly action: "set" | "put" | "append" | "unset";
  /** Field name as written. */
  readonly name: string;
  /** As written, with `#PROTOCOL` and `#CACHEHIT` in it; fit for a field value, empty for `unset`. */
  readonly value: string;
  /** Statuses that a `$RES` rule is for, both ends included; undefined: all. */
  readonly statuses: { readonly first: number; readonly last: number } | undefined;
  readonly line: number;
}

export interface ConditionFiles {
  /** acl.txt (ACL-30). */
  readonly acl: readonly AccessRule[];
  /** users.txt: who may enter by `<BasicAuthentication>`. */
  readonly users: readonly UserEntry[];
  /** ttl.txt (TTL-19). */
  readonly ttl: readonly { readonly condition: Condition; readonly seconds: number; readonly line: number }[];
  /** bypass.txt (BYP-06). */
  readonly bypass: readonly {
    readonly condition: Condition;
    readonly action: "cache" | "bypass" | "opposite";
    readonly line: number;
  }[];
  /** querystring.txt (KEY-06): bare URL patterns. */
  readonly querystring: readonly { readonly condition: Condition; readonly line: number }[];
  /** compression.txt (HTTP-58); undefined means the default: the methods, or the level of the method. */
  readonly compression: readonly {
    readonly condition: Condition;
    readonly compress: boolean;
    readonly method: ContentCoding | undefined;
    readonly level: number | undefined;
    readonly line: number;
  }[];
  /** headers.txt (HTTP-44). */
  readonly headers: readonly HeaderRule[];
  /** expires.txt (HTTP-15); undefined base means that of `<RefreshExpiresHeader Base>`. */
  readonly expires: readonly {
    readonly condition: Condition;
    readonly seconds: number;
    readonly base: ExpiresBase | undefined;
    readonly line: number;
  }[];
  /** postbody.txt (KEY-14). */
  readonly postbody: readonly { readonly condition: Condition; readonly line: number }[];
  /** throttling.txt (BW-20). */
  readonly throttling: readonly ThrottlingRule[];
}

/** Text of every configuration file, as read from the home folder; keys as in `Problem.file`. */
export interface ConfigSources extends ReadonlyMap<string, string> {
  /** Files that are there but could not be read. */
  readonly problems?: readonly Problem[];
  /** The bytes that the texts were decoded from. */
  readonly files?: ReadonlyMap<string, Uint8Array>;
}

export type ConfigOutcome =
  | {
      readonly ok: true;
      readonly config: EdgeConfig;
      readonly warnings: readonly Problem[];
      readonly provenance: Provenance;
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** One changed value between two configurations, for the info log and for deciding whether a restart is needed. */
export interface ConfigChange {
  /** Element path with the vhost's name, e.g. `Vhost[www.example.com]/Options/AgeHeader`. */
  readonly element: string;
  readonly from: string;
  readonly to: string;
  readonly effect: "live" | "restart";
}
