import type { Problem } from "@basalt/types";

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
    readonly listen: readonly string[];
    readonly purge: "Normal" | "Hard";
    readonly maxSockets: number;
    readonly maxSocketsReopen: number;
    /** Accept workers; 0 in the file means one per core and is resolved here. */
    readonly workers: number;
    readonly transformThreads: number;
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
    };
  };
}

export interface OriginAddress {
  /** As configured. */
  readonly text: string;
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

export interface VhostSettings {
  readonly name: string;
  readonly status: "Active" | "Inactive";
  readonly aliases: readonly string[];
  readonly listen: readonly ListenAddress[];
  readonly origin: { readonly addresses: readonly OriginAddress[]; readonly standby: readonly OriginAddress[] };
  readonly options: VhostOptions;
  readonly originOptions: OriginOptions;
  readonly conditions: ConditionFiles;
}

export interface VhostOptions {
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
  readonly serverHeader: boolean;
  readonly lastModifiedCheck: "exact" | "orlater";
  readonly ifRange: boolean;
  readonly bypassNoCacheRequest: boolean;
  readonly bypassPostRequest: boolean;
  readonly bypassGetRequest: boolean;
  readonly bypassPutRequest: boolean;
  readonly purge2Expire: "NONE" | "ROOT" | "PATTERN" | "ALL";
  readonly rootPurgeExpire: "ON" | "PURGE" | "EXPIRE" | "OFF";
  readonly resCodeNoCtrlTarget: number;
  readonly compression: {
    readonly enabled: boolean;
    readonly method: "gzip";
    readonly level: number;
    readonly sourceMinBytes: number;
    readonly sourceMaxBytes: number;
  };
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
  };
  readonly reuseTimeoutSeconds: number;
  /** How much is fetched at a time (ORG-35); 0: whole bodies. */
  readonly partBytes: number;
  readonly balanceMode: "RoundRobin" | "Session" | "Hash";
  /** Empty: the table of CFG-12; `*`: the client's (ORG-42). */
  readonly host: string;
  /** `*`: the client's (ORG-43). */
  readonly userAgent: string;
  readonly userAgentBypass: boolean;
  readonly hostBypass: boolean;
  readonly xffClientIpOnly: boolean;
  readonly xffClientIpOnlyBypass: boolean;
  readonly originalETag: boolean;
  readonly wholeClientRequest: boolean;
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

export interface ConditionFiles {
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
  /** compression.txt (HTTP-58); undefined level means the default. */
  readonly compression: readonly {
    readonly condition: Condition;
    readonly compress: boolean;
    readonly level: number | undefined;
    readonly line: number;
  }[];
}

/** Text of every configuration file, as read from the home folder; keys as in `Problem.file`. */
export interface ConfigSources extends ReadonlyMap<string, string> {
  /** Files that are there but could not be read. */
  readonly problems?: readonly Problem[];
}

export type ConfigOutcome =
  | { readonly ok: true; readonly config: EdgeConfig; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** One changed value between two configurations, for the info log and for deciding whether a restart is needed. */
export interface ConfigChange {
  /** Element path with the vhost's name, e.g. `Vhost[www.example.com]/Options/AgeHeader`. */
  readonly element: string;
  readonly from: string;
  readonly to: string;
  readonly effect: "live" | "restart";
}
