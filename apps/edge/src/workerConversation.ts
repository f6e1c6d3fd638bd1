import type { ObjectCoordinator } from "@basalt/cache";
import type { EdgeConfig } from "@basalt/config";
import type { CallHandlers, EventHandlers } from "@basalt/ipc";
import { decideAccess, type PurgeOutcome, type PurgeRequest } from "@basalt/management";
import type { MemoryUse } from "@basalt/policy";
import type { PurgeAnswer, PurgeCall, RateReport } from "@basalt/server";
import type { CounterReport, InfoLog, LogMetricCounts } from "@basalt/telemetry";
import { EdgeError, epochMs, PRODUCT_VERSION } from "@basalt/types";
import type { HostStore } from "./hostStore.ts";
import type { HostLogs } from "./logs/hostLogs.ts";
import type { OriginServers } from "./originServers.ts";
import type { LogLevel, PrimaryService } from "./protocol.ts";
import type { SearchRuleNews } from "./searchKnowledge.ts";
import type { TrafficShares } from "./trafficShares.ts";
import { sourceOf, type WorkerProcess } from "./workerProcess.ts";

export interface WorkerConversationParts {
  readonly coordinator: ObjectCoordinator;
  readonly store: HostStore;
  readonly origins: OriginServers;
  readonly log: InfoLog;
  readonly logs: HostLogs;
  readonly config: () => EdgeConfig;
  readonly purge: (request: PurgeRequest) => Promise<PurgeOutcome>;
  readonly onUnmounted: (worker: WorkerProcess) => void;
  readonly onSearchRule: (news: SearchRuleNews) => void;
  readonly countryOf: (address: string) => string | undefined;
  /** For all workers but this one. */
  readonly traffic: TrafficShares;
  readonly onAdmitted: (worker: WorkerProcess, report: RateReport) => void;
  readonly onCounted: (worker: WorkerProcess, counts: CounterReport) => void;
  readonly onLogMetrics: (counts: readonly LogMetricCounts[]) => void;
  readonly onMemory: (worker: WorkerProcess, use: MemoryUse) => void;
}

/** What the primary answers its workers, and does at their word. */
export class WorkerConversation {
  readonly #parts: WorkerConversationParts;

  constructor(parts: WorkerConversationParts) {
    this.#parts = parts;
  }

  calls(worker: WorkerProcess): CallHandlers<PrimaryService> {
    return {
      acquire: (request) => this.#parts.coordinator.acquire(worker.id, request),
      acquirePart: (request) => this.#parts.coordinator.acquirePart(worker.id, request),
      fallBack: (request) => this.#parts.coordinator.fallBack(request) ?? null,
      nextSegment: ({ disk }) => {
        if (worker.state === "gone") throw new EdgeError("SHUTTING_DOWN", { detail: `worker ${worker.id} is gone` });
        return this.#parts.store.space.grantSegment(sourceOf(worker), disk);
      },
      nextFile: () => this.#parts.store.index.nextFileId(),
      derive: (request) => this.#parts.coordinator.derive(request),
      outdated: ({ vhost, urls }) => this.#parts.coordinator.outdated(vhost, urls),
      purge: (call) => this.purge(call),
      drained: ({ figures, counts }) => {
        worker.figures = figures;
        this.#parts.onCounted(worker, counts);
        return null;
      },
    };
  }

  events(worker: WorkerProcess): Omit<EventHandlers<PrimaryService>, "ready" | "figures"> {
    const { log } = this.#parts;
    const { space } = this.#parts.store;
    return {
      unmounted: () => this.#parts.onUnmounted(worker),
      fillShared: ({ fillId, shared }) => this.#parts.coordinator.fillShared(fillId, shared),
      fillProgress: ({ fillId, progress }) => this.#parts.coordinator.fillProgress(fillId, progress),
      fillEnd: (end) => {
        this.#parts.coordinator.fillEnd(end);
        if (end.kind === "stored" && end.row.location.file !== 0) space.noteWritten();
      },
      partProgress: ({ partId, progress }) => {
        this.#parts.coordinator.partProgress(partId, progress);
        space.noteWritten();
      },
      partEnd: ({ partId, missingBytes }) => {
        this.#parts.coordinator.partEnd(partId, missingBytes);
        space.noteWritten();
      },
      memory: (use) => {
        // What comes behind the end of a worker would count for ever.
        if (worker.state !== "gone") this.#parts.onMemory(worker, use);
      },
      diskFailed: ({ disk }) => this.#parts.store.noteFailure(disk),
      diskFull: ({ disk }) => void this.#parts.store.noteFull(disk),
      originOutcomes: ({ outcomes }) => this.#parts.origins.report(outcomes),
      originTransactions: ({ byVhost }) => {
        // What comes behind the end of a worker would count for ever.
        if (worker.state !== "gone") this.#parts.origins.reportTransactions(worker.id, byVhost);
      },
      trafficDemands: ({ byVhost }) => {
        if (worker.state !== "gone") this.#parts.traffic.report(worker.id, byVhost);
      },
      abandonDerivation: ({ id }) => this.#parts.coordinator.abandonDerivation(id),
      touched: ({ keys, atMs }) => this.#parts.coordinator.touched(keys, epochMs(atMs)),
      damaged: ({ key, location }) => this.#parts.coordinator.damaged(key, location),
      lost: ({ key, file }) => this.#parts.coordinator.lost(key, file),
      logWritten: ({ log: id, path, bytes }) => this.#parts.logs.noteWritten(id, path, bytes),
      logReleased: ({ path }) => this.#parts.logs.noteReleased(worker.id, path),
      logTraced: (lines) => this.#parts.logs.offerTraced(lines),
      logMetrics: ({ counts }) => this.#parts.onLogMetrics(counts),
      searchRule: (news) => this.#parts.onSearchRule(news),
      admitted: (report) => this.#parts.onAdmitted(worker, report),
      log: ({ level, text }: { level: LogLevel; text: string }) => log[level](`worker ${worker.slot}: ${text}`),
    };
  }

  /** PURGE and its kind on a service port: the caller is checked against the manager's list (PRG-26, PRG-27). */
  async purge(call: PurgeCall): Promise<PurgeAnswer> {
    const { manager } = this.#parts.config().server.host;
    if (manager.httpMethod && !call.isOfMount) {
      const access = decideAccess(manager, call.clientIp, this.#parts.countryOf);
      if (access.kind === "refused" || access.role !== "Admin") return { status: 401, body: "" };
    }
    const outcome = await this.#parts.purge({
      verb: call.verb,
      targets: call.target.replaceAll("|", "%7C"),
      seconds: call.expireAfterSeconds ?? 86_400,
    });
    const envelope = { version: PRODUCT_VERSION, method: call.verb };
    switch (outcome.kind) {
      case "done": {
        this.#parts.log.notice(`${call.verb} ${call.target} from ${call.clientIp}: ${outcome.count} objects`);
        const result = { Count: outcome.count, Size: outcome.bytes, Time: Math.round(outcome.elapsedMs) };
        const body = { ...envelope, status: "OK", result, invalidation: outcome.job };
        return { status: outcome.status, body: JSON.stringify(body) };
      }
      case "unknownVhost":
        return { status: 502, body: JSON.stringify({ ...envelope, status: "Fail", result: "unknown virtual host" }) };
      case "malformed":
        return { status: 400, body: JSON.stringify({ ...envelope, status: "Fail", result: outcome.reason }) };
      case "tooMany":
        return {
          status: 429,
          body: JSON.stringify({ ...envelope, status: "Fail", result: "TooManyInvalidationsInProgress" }),
        };
      case "conflict":
        return {
          status: 409,
          body: JSON.stringify({ ...envelope, status: "Fail", result: "InvalidationBatchAlreadyExists" }),
        };
    }
  }
}
