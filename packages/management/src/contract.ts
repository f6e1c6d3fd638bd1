import type { Readable } from "node:stream";
import type { HistoryPoint, HistoryQuestion, MetricReport, ServiceMap } from "@basalt/telemetry";
import type { Problem } from "@basalt/types";
import type { ConfigurationControl } from "./configuration/contract.ts";
import type { ExplainOutcome, ExplainQuestion } from "./explanation.ts";
import type { GraphQuestion } from "./graphs/question.ts";
import type { LogQueryOutcome, LogQueryQuestion } from "./logQuery.ts";
import type { CacheResourceReport, ColdFileReport, HardwareReport, ProcessorReport } from "./machine.ts";
import type { StatisticsAnswer, StatisticsQuestion } from "./statisticsQuestion.ts";

/** What the management API may do, and all it may do: implemented by the primary's composition root. */
/** What a cipher string gives, in its order. */
export type CipherSuiteReport =
  | {
      readonly ok: true;
      readonly suites: readonly {
        readonly Name: string;
        readonly Ver: string;
        readonly Kx: string;
        readonly Au: string;
        readonly Enc: string;
        readonly Mac: string;
      }[];
    }
  | { readonly ok: false; readonly reason: string };

export interface Control {
  readonly vhostNames: () => readonly string[];
  purge(request: PurgeRequest): Promise<PurgeOutcome>;
  /** AWS-53: the latest jobs, and one of them. */
  invalidations(question: InvalidationPageQuestion): InvalidationPage;
  invalidation(id: string): InvalidationJob | undefined;
  fileInfo(url: string): Promise<readonly FileInfo[]>;
  /** A dry run against the live state: changes nothing and asks no origin. */
  explain(question: ExplainQuestion): Promise<ExplainOutcome>;
  reload(): Promise<ReloadOutcome>;
  readonly configuration: ConfigurationControl;
  /** LOG-179: in a form that only this instance can read back. */
  encryptPassword(plain: string): Promise<string>;
  /** Replaces the workers one at a time; resolves when done. `full` restarts the primary too and resolves at once. */
  restart(how: "rolling" | "full"): Promise<void>;
  /** AWS-28: without a plan at once, and as long as the configuration lets workers drain. */
  terminate(plan?: TerminationPlan): void;
  /** False from the moment at which the instance is to end: a balancer in front is to send nobody any more. */
  readonly isReady: boolean;
  scale(workers: number): Promise<void>;
  /** CFG-52; undefined: the age that is configured. Resolves when the cleanup is done, which may take long. */
  cleanup(ageDays: number | undefined): Promise<CleanupReport>;
  /** OPT-76; `disk` as configured. */
  mount(disk: string): Promise<DiskOutcome>;
  /** OPT-75. */
  unmount(disk: string): Promise<DiskOutcome>;
  /** Deletes every object (CFG-27); resolves when none can be served any more. */
  clearCache(): Promise<void>;
  /** Deletes the objects of one virtual host (CFG-28); false when there is none of that name. */
  clearVhost(name: string): Promise<boolean>;
  /** ORG-26; undefined without such a host. Without a name all hosts. */
  originMonitoring(vhost: string | undefined): OriginMonitoring | undefined;
  /** ORG-27; false without such a host. Without a name all hosts. */
  resetOrigin(vhost: string | undefined): boolean;
  /** New lines of a log from now on (LOG-191); `vhost` where each host has one. Undefined: too many are open. */
  traceLog(log: TracedLog, vhost: string | undefined): Readable | undefined;
  /** AWS-88. */
  queryLogs(question: LogQueryQuestion): Promise<LogQueryOutcome>;
  /** ORG-57. */
  dnsList(): readonly ResolvedDomain[];
  status(): StatusReport;
  /** STAT-01. */
  statistics(question: StatisticsQuestion): StatisticsAnswer;
  /** AWS-100, of the last minutes; undefined without such a host. Without a name all hosts with traffic. */
  serviceMap(minutes: number, vhost: string | undefined): ServiceMap | undefined;
  /** AWS-75, in the order of the configuration. */
  alarms(): readonly AlarmReport[];
  /** AWS-70, of the last second (1) or of so many seconds in whole minutes; else as `serviceMap`. */
  metricStatistics(periodSeconds: number, vhost: string | undefined): MetricReport | undefined;
  /**
   * AWS-78: what was counted in each period; undefined where nothing was. Undefined without such a host. Without a name
   * of all together.
   */
  metricHistory(
    vhost: string | undefined,
    question: HistoryQuestion,
  ): Promise<readonly (HistoryPoint | undefined)[] | undefined>;
  /** GRAPH-01. */
  graph(question: GraphQuestion): Promise<GraphOutcome>;
  /** The clock that the instance goes by. */
  nowMs(): number;
  /** CFG-24. */
  hardware(): Promise<HardwareReport>;
  processors(): ProcessorReport;
  cacheResource(): CacheResourceReport;
  /** TLS-16. */
  cipherSuites(cipherString: string): Promise<CipherSuiteReport>;
  /** ACL-17; undefined where no folder is configured. */
  geoIpFiles(): Promise<GeoIpReport | undefined>;
  signUrl(request: SigningRequest): SigningOutcome;
  /** Of one virtual host, or of all. Looks at every row of the index, behind the service; some seconds old at times. */
  coldFiles(vhost: string | undefined): Promise<ColdFileReport>;
  /** Prometheus text format. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** Only in test mode: moves the clock of every process. */
  advanceClock?(milliseconds: number): Promise<void>;
}

export type GraphOutcome =
  | { readonly kind: "picture"; readonly png: Uint8Array }
  | { readonly kind: "unknownVhost" }
  /** GRAPH-05: too many others wait. */
  | { readonly kind: "busy" };

export interface TerminationPlan {
  /** So long it serves on as before, but is not ready. */
  readonly leaveSeconds: number;
  /** So long transactions may go on then; undefined: as configured. */
  readonly drainSeconds: number | undefined;
}

/** AWS-75: an alarm and how it stands, ready for JSON. */
export interface AlarmReport {
  readonly Name: string;
  readonly State: "OK" | "ALARM" | "INSUFFICIENT_DATA";
  /** Empty: all together. */
  readonly Vhost: string;
  readonly Metric: string;
  readonly Statistic: string;
  readonly Minutes: number;
  readonly Periods: number;
  readonly Comparison: string;
  readonly Threshold: number;
  /** Of the last period; null without samples. */
  readonly Value: number | null;
  /** When the state became what it is. */
  readonly Changed: string;
}

/** Logs that can be followed live. */
export type TracedLog =
  | "info"
  /** What goes to syslog. */
  | "sys"
  | "deny"
  | "originerror"
  | "access"
  | "accessextra"
  | "origin"
  | "monitoring"
  | "dns"
  | "filesystem"
  | "detail"
  | "trace";

export type PurgeVerb = "purge" | "expire" | "expireafter" | "hardpurge";

export interface PurgeRequest {
  readonly verb: PurgeVerb;
  /** Raw text after `url=`: targets separated by `|` (PRG-05 to PRG-09). */
  readonly targets: string;
  /** Objects with one of these tags instead, of one virtual host or of all. */
  readonly tagged?: { readonly tags: readonly string[]; readonly vhost: string | undefined };
  /** For expireafter. */
  readonly seconds: number;
  /** Only counts what would be affected. */
  readonly isDryRun?: boolean;
  /** AWS-53: a later call with it does nothing anew. Without meaning for a dry run. */
  readonly reference?: string;
}

export type PurgeOutcome =
  | {
      readonly kind: "done";
      readonly count: number;
      readonly bytes: number;
      readonly elapsedMs: number /** Answer code: 200 or `<ResCodeNoCtrlTarget>`. */;
      readonly status: number;
      /** Undefined for a dry run. */
      readonly job?: Pick<InvalidationJob, "id" | "state">;
      /** Of an earlier call with the same reference; nothing was done. */
      readonly isRepetition?: boolean;
    }
  | { readonly kind: "unknownVhost" }
  | { readonly kind: "malformed"; readonly reason: string }
  /** AWS-52. */
  | { readonly kind: "tooMany" }
  /** The reference stands for a call that asked for something else. */
  | { readonly kind: "conflict" };

/** AWS-53: a call of the purge family. */
export interface InvalidationJob {
  /** Later ids are larger, as text. */
  readonly id: string;
  readonly state: "InProgress" | "Completed";
  readonly createdMs: number;
  /** What was done, so expire for a soft purge. */
  readonly verb: PurgeVerb;
  /** As named by the call; a long list is cut. */
  readonly targets: string;
  readonly reference: string | undefined;
  /** Undefined until the call has returned. */
  readonly result: { readonly count: number; readonly bytes: number; readonly elapsedMs: number } | undefined;
}

export interface InvalidationPageQuestion {
  /** Only jobs before the one of this id. */
  readonly marker: string | undefined;
  readonly limit: number;
}

export interface InvalidationPage {
  /** The latest first. */
  readonly jobs: readonly InvalidationJob[];
  /** Of the next page; undefined on the last one. */
  readonly nextMarker: string | undefined;
}

export type ReloadOutcome =
  | {
      readonly kind: "applied";
      readonly generation: number;
      readonly changes: number;
      /** Element paths of those changes that are in force after a restart only. */
      readonly needRestart: readonly string[];
      readonly warnings: readonly Problem[];
    }
  | { readonly kind: "refused"; readonly problems: readonly Problem[] };

type Listed<Value> = readonly Readonly<Record<string, Value>>[];

/** Body of `/monitoring/origin`, key by key; every list holds objects of one pair. */
export interface OriginMonitoring {
  readonly origin: readonly {
    readonly VirtualHost: string;
    readonly Address: Listed<"Active" | "Inactive">;
    readonly Address2: Listed<"Active" | "Inactive">;
    /** IP to the seconds left of its TTL. */
    readonly ActiveIP: Listed<number>;
    readonly InactiveIP: Listed<number>;
    /** AWS-25, beyond the guide: each server, and its last failure. */
    readonly State: readonly {
      readonly Server: string;
      readonly State: "InService" | "OutOfService";
      readonly Reason: string;
    }[];
  }[];
}

/** What a domain of a virtual host resolves to. */
export interface ResolvedDomain {
  readonly vhost: string;
  readonly domain: string;
  /** Until the first of the IPs ends. */
  readonly ttlSeconds: number;
  readonly ips: readonly string[];
}

export interface CleanupReport {
  /** Objects that were removed, and the bytes of their bodies. */
  readonly objects: number;
  readonly bytes: number;
  /** Segment files and empty folders that were deleted. */
  readonly segments: number;
  readonly folders: number;
  readonly elapsedMs: number;
}

export type DiskOutcome =
  | { readonly kind: "done" }
  | { readonly kind: "unknownDisk" }
  | { readonly kind: "failed"; readonly reason: string };

/** Keys and value forms of STAT-96, in that order; values ready for JSON. */
export type FileInfo = Readonly<Record<string, string | number>>;

export interface StatusReport {
  readonly version: string;
  readonly pid: number;
  readonly uptimeSeconds: number;
  readonly generation: number;
  /** OPT-68. */
  readonly state: "Healthy" | "Emergency";
  readonly workers: readonly WorkerStatus[];
  readonly transform: WorkerStatus;
  readonly objects: number;
  readonly bodyBytes: number;
  readonly disks: readonly DiskStatus[];
  readonly listening: readonly string[];
}

export interface SigningRequest {
  /** `[{scheme}://]{host}{path}[?{query}]`. */
  readonly url: string;
  readonly seconds: number;
  /** The signature is to be good for all paths that begin so. */
  readonly prefix: string | undefined;
}

export type SigningOutcome =
  | { readonly kind: "signed"; readonly url: string }
  | { readonly kind: "refused"; readonly reason: string };

/** Country databases. */
export interface GeoIpReport {
  readonly folder: string;
  readonly files: readonly { readonly file: string; readonly sizeBytes: number }[];
}

export interface DiskStatus {
  /** As configured; in memory-only mode the folder that holds the bodies. */
  readonly path: string;
  /** OPT-77. */
  readonly state: "Normal" | "Invalid" | "Unmounted";
  /** What content takes. */
  readonly usedBytes: number;
  /** Null without a quota. */
  readonly quotaBytes: number | null;
  /** Free on its file system. */
  readonly availableBytes: number;
}

export interface WorkerStatus {
  readonly slot: number;
  readonly pid: number;
  readonly state: "starting" | "serving" | "draining" | "waiting";
  readonly uptimeSeconds: number;
  readonly restarts: number;
  readonly connections: number;
  readonly requests: number;
  readonly rssBytes: number;
}
