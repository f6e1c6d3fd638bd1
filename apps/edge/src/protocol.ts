import type { DeriveReply, DeriveRequest, ObjectClient, ObjectService, Variant } from "@basalt/cache";
import type { MountSettings, TransformShare } from "@basalt/config";
import type { OriginOutcome, OriginView } from "@basalt/origin";
import type { MemoryUse, TrafficDemand, WorkerView } from "@basalt/policy";
import type {
  AcmeChallenges,
  OcspStaple,
  PurgeAnswer,
  PurgeCall,
  RateReport,
  TicketKey,
  TlsPlan,
} from "@basalt/server";
import type { CounterReport, LogMetricCounts } from "@basalt/telemetry";
import type { LogNotice } from "@basalt/telemetry/logs";
import type { ConfigTransfer } from "./configTransfer.ts";
import type { StoreDisks } from "./hostStore.ts";
import type { TracedLines } from "./logs/traceOutbox.ts";
import type { WorkerLogState } from "./logs/workerLogs.ts";
import type { SurvivalSettings } from "./orphanLife.ts";
import type { SearchRuleNews } from "./searchKnowledge.ts";

/** The composed conversations between the processes of an instance. */

export interface WorkerFigures {
  readonly connections: number;
  readonly requests: number;
  readonly residentBytes: number;
  readonly cpuSeconds: number;
  readonly eventLoopLagSeconds: number;
}

export type LogLevel = "notice" | "warning" | "error";

/** What the primary offers to a worker. */
export interface PrimaryService {
  readonly calls: ObjectService["calls"] & {
    purge: { readonly request: PurgeCall; readonly reply: PurgeAnswer };
    /** The worker's last word: answered when everything that it told before has been taken in. */
    drained: {
      readonly request: { readonly figures: WorkerFigures; readonly counts: CounterReport };
      readonly reply: null;
    };
  };
  readonly events: ObjectService["events"] & {
    /** The worker's code is loaded: it waits for `configure`. */
    ready: null;
    figures: WorkerFigures;
    /** Content memory, when it has changed (OPT-60). */
    memory: MemoryUse;
    /** A disk has refused an operation. */
    diskFailed: { readonly disk: number };
    diskFull: { readonly disk: number };
    /** A response's No-Vary-Search, as `EdgeServerParts.onSearchRule` tells it. */
    searchRule: SearchRuleNews;
    /** What limits of rates have let through since the last time; at most every 100 ms. */
    admitted: RateReport;
    log: { readonly level: LogLevel; readonly text: string };
    /** The mount that the worker held is gone: it has taken it away, or somebody else has. */
    unmounted: null;
    /** Bytes of lines that have reached a log file which is rotated by size. */
    logWritten: { readonly log: string; readonly path: string; readonly bytes: number };
    /** No line of this worker is on its way to the file any more. */
    logReleased: { readonly path: string };
    logTraced: TracedLines;
    /** What metric filters have counted since the last time. */
    logMetrics: { readonly counts: readonly LogMetricCounts[] };
    /** What exchanges with origin servers came to, in their order. */
    originOutcomes: { readonly outcomes: readonly OriginOutcome[] };
    /** Transactions in progress by virtual host, hosts without any left out; at most every 100 ms, when changed. */
    originTransactions: { readonly byVhost: ReadonlyMap<string, number> };
    /** What is sent under traffic caps, hosts without anything left out; at most every 100 ms, while there is any. */
    trafficDemands: { readonly byVhost: ReadonlyMap<string, TrafficDemand> };
  };
}

/** For workers of that configuration alone: the view numbers the addresses of its hosts. */
export interface OriginViewChange {
  readonly generation: number;
  readonly view: OriginView;
}

/** What a worker has of all that the workers have together. */
export interface WorkerShare {
  /** From 0. */
  readonly place: number;
  readonly workers: number;
}

export interface WorkerConfiguration {
  readonly config: ConfigTransfer;
  /** Where the index lies. */
  readonly indexPath: string;
  readonly store: StoreDisks;
  readonly isEmergency: boolean;
  /** Bytes of this worker's memory tier. */
  readonly memoryTierBytes: number;
  readonly clockOffsetMs: number;
  /** Of the virtual hosts that are new in it, or have changed. */
  readonly originViews: readonly OriginView[];
  readonly share: WorkerShare;
  readonly tls: TlsPlan;
  readonly survival: SurvivalSettings;
  readonly logs: WorkerLogState;
}

/** A request that is to be explained, as far as a worker's state depends on it. */
export interface ExplainProbe {
  readonly vhost: string;
  /** Canonical by the rules of the configuration. */
  readonly url: string;
  readonly variant: Variant;
  /** Flat, as received. */
  readonly fields: readonly string[];
  /** Of a POST that is cached; empty for all others. */
  readonly bodySelector: string;
}

/** What a worker knows of it. */
export interface ExplainSight extends Pick<WorkerView, "memory" | "waitingInvalidations"> {
  /** The URL by what No-Vary-Search has taught this worker. */
  readonly url: string;
}

/** What a worker offers to the primary. */
export interface WorkerService {
  readonly calls: ObjectClient["calls"] & {
    /** First or next configuration; answered when every later request sees it. */
    configure: { readonly request: WorkerConfiguration; readonly reply: null };
    /** Figures at this moment, for a scrape. */
    figures: { readonly request: null; readonly reply: WorkerFigures };
    /** What was counted since the last call; each answer is to be taken in. `endsInterval`: of the statistics (STAT-27). */
    counts: { readonly request: { readonly endsInterval: boolean }; readonly reply: CounterReport };
    setClock: { readonly request: { readonly offsetMs: number }; readonly reply: null };
    /**
     * The primary ends, and another one takes its place: answered when nothing is written any more. What is on its way
     * to the disk has so long to arrive there.
     */
    leave: { readonly request: { readonly limitMs: number }; readonly reply: null };
    /** Mounts the cache, and serves it; the reply says why it could not (FS-01). */
    mount: { readonly request: MountSettings; readonly reply: { readonly problem: string | undefined } };
    explain: { readonly request: ExplainProbe; readonly reply: ExplainSight };
    /** Answered when they are shown to whoever asks. */
    challenges: { readonly request: AcmeChallenges; readonly reply: null };
  };
  readonly events: ObjectClient["events"] & {
    /** Accept from this socket; the handle travels with the event. */
    listen: { readonly place: string; readonly port: number };
    unlisten: { readonly place: string };
    /** The disks in use have changed. */
    store: StoreDisks;
    emergency: { readonly isActive: boolean };
    originView: OriginViewChange;
    share: WorkerShare;
    /** Keys of session tickets; the first encrypts. */
    ticketKeys: { readonly keys: readonly TicketKey[] };
    /** OCSP responses that are new. */
    staples: { readonly staples: readonly OcspStaple[] };
    /** What another worker has let through. */
    admitted: RateReport;
    /** Of the traffic caps, by virtual host; those that have changed. */
    trafficShares: { readonly fractions: ReadonlyMap<string, number> };
    logFiles: { readonly notices: readonly LogNotice[] };
    /** Logs whose lines somebody traces. */
    logTraces: { readonly logs: readonly string[] };
    /** Should the primary die from now on, the worker serves on until the next one has workers that serve. */
    inService: null;
    /** Finish what runs, then exit. */
    drain: { readonly limitMs: number };
  };
}

/** The bounds of the transform host, resolved. */
export interface TransformSettings {
  readonly threads: number;
  readonly queueLimit: number;
  readonly deadlineMs: number;
  /** Resident memory above which no further job starts. */
  readonly memoryBytes: number;
}

/** A job as the primary hands it on. */
export interface TransformTask {
  /** Names it between primary and transform host. */
  readonly number: number;
  readonly request: DeriveRequest;
  readonly share: TransformShare;
}

/** What the transform host offers to the primary. */
export interface TransformService {
  readonly calls: {
    configure: {
      readonly request: { readonly settings: TransformSettings; readonly store: StoreDisks };
      readonly reply: null;
    };
    derive: { readonly request: TransformTask; readonly reply: DeriveReply };
    figures: { readonly request: null; readonly reply: TransformFigures };
  };
  readonly events: {
    store: StoreDisks;
    settings: TransformSettings;
    /** Nobody waits for that job any more. */
    abandon: { readonly number: number };
    /** Another one has taken its place: the jobs that wait are handed back (SHUTTING_DOWN), those that run go on. */
    retire: null;
  };
}

export interface TransformFigures {
  readonly waiting: number;
  readonly running: number;
  /** These since the process started. */
  readonly done: number;
  readonly failed: number;
  readonly refused: number;
  readonly cancelled: number;
  readonly overloaded: number;
  /** Time that the jobs of each virtual host had on threads since the last answer; of those that had any. */
  readonly spentMs: ReadonlyMap<string, number>;
  readonly residentBytes: number;
  readonly cpuSeconds: number;
}

/** What the primary offers to the transform host. */
export interface TransformOwner {
  readonly calls: Pick<ObjectService["calls"], "nextSegment" | "nextFile">;
  readonly events: {
    ready: null;
    /** A thread has begun with that job: should the process die now, the job may be why. */
    started: { readonly number: number };
    /** That job ran longer than it may. */
    overran: { readonly number: number };
    /** The process is to be replaced; `isUrgent`: at once, whatever runs. */
    unfit: { readonly reason: string; readonly isUrgent: boolean };
    /** After `retire`: nothing runs any more. */
    retired: null;
    diskFailed: { readonly disk: number };
    diskFull: { readonly disk: number };
    log: { readonly level: LogLevel; readonly text: string };
  };
}
