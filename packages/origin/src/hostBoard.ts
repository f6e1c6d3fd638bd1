import { isIP } from "node:net";
import type { HealthChecker, OriginAddress } from "@basalt/config";
import type { Clock } from "@basalt/types";
import type { Connector } from "./connector.ts";
import type { OriginOutcome, OriginSettings } from "./contract.ts";
import { DueJobs, type RecurringJob } from "./dueJobs.ts";
import type { HealthSource, OriginEvent } from "./events.ts";
import { type HostServer, HostServers } from "./hostServers.ts";
import type { ResolvedIp } from "./ipTable.ts";
import { IPS_PER_ANSWER, RESOLVE_MAX_SECONDS, RESOLVE_MIN_SECONDS, RESOLVE_TIMEOUT_MS } from "./limits.ts";
import type { IpFamily, OriginResolver } from "./resolver.ts";
import { runAfter, type Scheduler } from "./scheduler.ts";
import { connectToServer } from "./serverConnect.ts";
import { type ProbePlan, type ProbeResult, probeServer } from "./serverProbe.ts";
import { hashText } from "./serverSelector.ts";
import type { TransactionListener } from "./transaction.ts";
import type { VerdictChange } from "./verdict.ts";
import { type ViewContent, ViewPublisher } from "./viewPublisher.ts";

export interface HostBoardDependencies {
  readonly clock: Clock;
  readonly schedule: Scheduler;
  readonly resolver: OriginResolver;
  readonly connector: Connector;
  readonly publish: (content: ViewContent) => void;
  readonly onEvent: (event: OriginEvent) => void;
  /** Probes and checks that are to be logged. */
  readonly onTransaction: TransactionListener | undefined;
  /** A name server has answered a question of this host, or has not. */
  readonly onQuery: (durationMs: number) => void;
  /** There may be something to do now, or nothing any longer. */
  readonly onJobsChanged: () => void;
}

const FAMILIES: readonly IpFamily[] = [4, 6];

/** What of an answer can be used; name servers may say anything. */
const usableIps = (answer: readonly ResolvedIp[], family: IpFamily): readonly ResolvedIp[] =>
  answer
    .filter(({ ip, ttlSeconds }) => isIP(ip) === family && Number.isFinite(ttlSeconds) && ttlSeconds >= 0)
    .slice(0, IPS_PER_ANSWER);

const describe = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** The name server has said that there is no such name, or none with addresses; all other errors say nothing of it. */
const isVerdict = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && (cause.code === "ENOTFOUND" || cause.code === "ENODATA");

/** One virtual host on the board: its servers, what is done about them, and who is told. */
export class HostBoard {
  readonly #dependencies: HostBoardDependencies;
  readonly #servers: HostServers;
  readonly #publisher: ViewPublisher;
  readonly #jobs: DueJobs;
  /** Resolutions in a row without an answer, by address. */
  readonly #unanswered = new Map<string, number>();
  /** Domains that are being resolved right now: their IPs wait for the outcome before they end. */
  readonly #resolving = new Set<string>();
  #transactions = 0;
  #epoch = 0;
  #listed = "";

  constructor(settings: OriginSettings, dependencies: HostBoardDependencies) {
    this.#dependencies = dependencies;
    this.#servers = new HostServers(settings);
    this.#jobs = new DueJobs(dependencies.clock);
    this.#publisher = new ViewPublisher({
      clock: dependencies.clock,
      schedule: dependencies.schedule,
      content: () => this.content,
      publish: dependencies.publish,
    });
  }

  get servers(): HostServers {
    return this.#servers;
  }

  get content(): ViewContent {
    return {
      vhost: this.#servers.settings.name,
      epoch: this.#epoch,
      inService: this.#servers.inService,
      isResolving: this.#servers.isResolving,
      suspected: this.#servers.suspected,
      transactions: this.#transactions,
    };
  }

  get hasJobs(): boolean {
    return !this.#jobs.isEmpty;
  }

  /** By name: what there is to do for the host. */
  #wantedJobs(): ReadonlyMap<string, RecurringJob> {
    const { origin, originOptions } = this.#servers.settings;
    const jobs = new Map<string, RecurringJob>();
    for (const address of this.#servers.domains) {
      jobs.set(`resolve ${address.text}`, {
        firstDelayMs: 0,
        run: (done) => this.#resolve(address, done),
      });
    }
    if (originOptions.recovery.count > 0) {
      const cycleMs = originOptions.recovery.cycleSeconds * 1000;
      for (const server of this.#servers.probed) {
        jobs.set(`recover ${server.id}`, {
          firstDelayMs: cycleMs,
          run: (done) => this.#recover(server, () => done(cycleMs)),
        });
      }
    }
    for (const checker of origin.healthCheckers) {
      const cycleMs = checker.cycleSeconds * 1000;
      for (const server of this.#servers.servers) {
        const job = `check ${server.id} ${JSON.stringify(checker)}`;
        jobs.set(job, {
          firstDelayMs: hashText(job) % Math.max(1, cycleMs),
          run: (done) => this.#check(server, checker, () => done(cycleMs)),
        });
      }
    }
    return jobs;
  }

  /** The first view, and the first resolutions. */
  begin(transactions: number): void {
    this.#transactions = transactions;
    this.#noteChange();
    this.#jobs.runDue();
  }

  configure(settings: OriginSettings): void {
    this.#servers.configure(settings);
    this.#noteChange();
    this.#jobs.runDue();
  }

  /** Does what is due. */
  tick(): void {
    this.#jobs.runDue();
    this.#expire();
  }

  report({ server, outcome }: OriginOutcome): void {
    const change = this.#servers.recordExchange(server, outcome === "ok", outcome);
    this.#tellChange(change, server, "exchanges", outcome);
    this.#publisher.noteServers();
  }

  setTransactions(count: number): void {
    if (count === this.#transactions) return;
    this.#transactions = count;
    this.#publisher.noteTransactions();
  }

  reset(): void {
    this.#servers.reset();
    this.#epoch += 1;
    this.#noteChange();
  }

  /** IPs whose time is over go, unless their domain is just being resolved again. */
  #expire(): void {
    const now = this.#dependencies.clock.monotonic();
    let isChanged = false;
    for (const address of this.#servers.domains) {
      if (!this.#resolving.has(address.text) && this.#servers.expire(address, now)) isChanged = true;
    }
    if (isChanged) this.#noteChange();
  }

  close(): void {
    this.#jobs.replace(new Map());
    this.#publisher.close();
  }

  /** Both families are asked at once; what one says counts before the other has answered. */
  #resolve(address: OriginAddress, done: (cycleMs: number) => void): () => void {
    const { clock, schedule, resolver, onQuery } = this.#dependencies;
    const askedMs = performance.now();
    this.#resolving.add(address.text);
    let open = FAMILIES.length;
    let shortestTtlSeconds = Number.POSITIVE_INFINITY;
    let isSilent = false;
    const reasons: string[] = [];
    const end = (): void => {
      stopTimer();
      open = 0;
      this.#resolving.delete(address.text);
      this.#servers.noteResolution(address, !isSilent || shortestTtlSeconds < Number.POSITIVE_INFINITY);
      this.#servers.expire(address, clock.monotonic());
      if (reasons.length > 0 && shortestTtlSeconds === Number.POSITIVE_INFINITY) {
        const durationMs = performance.now() - askedMs;
        this.#tell({ kind: "unresolved", domain: address.host, reason: reasons.join("; "), durationMs });
      }
      done(this.#nextResolution(address, shortestTtlSeconds) * 1000);
      this.#noteChange();
    };
    const take = (answer: readonly ResolvedIp[]): void => {
      open -= 1;
      if (answer.length > 0) {
        const isNews = this.#servers.renew(address, answer, clock.monotonic());
        shortestTtlSeconds = Math.min(shortestTtlSeconds, ...answer.map(({ ttlSeconds }) => ttlSeconds));
        const durationMs = performance.now() - askedMs;
        this.#tell({ kind: "resolved", domain: address.host, answer, isNews, durationMs });
        if (isNews) this.#noteChange();
      }
      if (open === 0) end();
    };
    const stopTimer = runAfter(schedule, RESOLVE_TIMEOUT_MS, () => {
      isSilent = true;
      reasons.push("no answer in time");
      end();
    });
    for (const family of FAMILIES) {
      Promise.resolve()
        .then(() => resolver.resolve(address.host, family))
        .then((answer) => {
          const usable = usableIps(answer, family);
          if (usable.length === 0) reasons.push("no address in the answer");
          return usable;
        })
        .catch((cause: unknown) => {
          isSilent ||= !isVerdict(cause);
          reasons.push(describe(cause));
          return [];
        })
        .then((answer) => {
          if (open === 0) return;
          onQuery(performance.now() - askedMs);
          take(answer);
        });
    }
    return () => {
      stopTimer();
      open = 0;
      this.#resolving.delete(address.text);
    };
  }

  /** ORG-22: as the answer asks for, within bounds; without one later and later, unless requests wait for the first. */
  #nextResolution(address: OriginAddress, shortestTtlSeconds: number): number {
    const { text } = address;
    if (shortestTtlSeconds < Number.POSITIVE_INFINITY) {
      this.#unanswered.delete(text);
      return Math.min(RESOLVE_MAX_SECONDS, Math.max(RESOLVE_MIN_SECONDS, shortestTtlSeconds));
    }
    if (this.#servers.isUnresolved(address)) return RESOLVE_MIN_SECONDS;
    const unanswered = (this.#unanswered.get(text) ?? 0) + 1;
    this.#unanswered.set(text, unanswered);
    return Math.min(RESOLVE_MAX_SECONDS, RESOLVE_MIN_SECONDS * unanswered);
  }

  /** ORG-04 to ORG-09. */
  #recover(server: HostServer, done: () => void): () => void {
    const { recovery, connectTimeoutSeconds, receiveTimeoutSeconds } = this.#servers.settings.originOptions;
    const plan: ProbePlan = {
      uri: recovery.uri,
      resCodes: recovery.resCodes,
      isWhole: false,
      connectTimeoutMs: connectTimeoutSeconds * 1000,
      receiveTimeoutMs: receiveTimeoutSeconds * 1000,
      totalTimeoutMs: 0,
      fields: [],
      purpose: "probe",
    };
    return this.#probe(server, plan, "recovery", recovery.log, (result) => {
      done();
      return this.#servers.recordProbe(server.id, result.isSuccess, result.detail);
    });
  }

  /** ORG-13 to ORG-20. */
  #check(server: HostServer, checker: HealthChecker, done: () => void): () => void {
    const timeoutMs = checker.timeoutSeconds * 1000;
    const plan: ProbePlan = {
      uri: checker.uri,
      resCodes: checker.resCodes,
      isWhole: true,
      connectTimeoutMs: timeoutMs,
      receiveTimeoutMs: timeoutMs,
      totalTimeoutMs: timeoutMs,
      fields: checker.fields,
      purpose: "healthcheck",
    };
    const record = (result: ProbeResult): VerdictChange | undefined => {
      done();
      return this.#servers.recordCheck(server.id, checker, result.isSuccess, result.detail);
    };
    return this.#probe(server, plan, "healthcheck", checker.log, record, checker.type === "tcp");
  }

  #probe(
    server: HostServer,
    plan: ProbePlan,
    source: "recovery" | "healthcheck",
    isLogged: boolean,
    record: (result: ProbeResult) => VerdictChange | undefined,
    isConnectOnly = false,
  ): () => void {
    const { clock } = this.#dependencies;
    const startedAt = clock.monotonic();
    const onTransaction = isLogged ? this.#dependencies.onTransaction : undefined;
    const probe = isConnectOnly ? connectToServer : probeServer;
    return probe(server, this.#servers.settings, plan, { ...this.#dependencies, onTransaction }, (result) => {
      const durationMs = clock.monotonic() - startedAt;
      if (isLogged) this.#tell({ kind: "probe", server: server.id, source, uri: plan.uri, durationMs, ...result });
      this.#tellChange(record(result), server.id, source, result.detail);
      this.#publisher.noteServers();
    });
  }

  #tellChange(change: VerdictChange | undefined, server: string, source: HealthSource, reason: string): void {
    if (change === undefined) return;
    if (change === "excluded") this.#tell({ kind: "excluded", server, source, reason });
    else this.#tell({ kind: "recovered", server, source });
    this.#noteChange();
  }

  #noteChange(): void {
    const inService = this.#servers.inService.map(({ id }) => id);
    const listed = inService.join("\n");
    if (listed !== this.#listed) {
      this.#listed = listed;
      this.#tell({ kind: "servers", inService });
    }
    this.#publisher.noteServers();
    this.#jobs.replace(this.#wantedJobs());
    this.#dependencies.onJobsChanged();
  }

  #tell(event: EventOfHost): void {
    this.#dependencies.onEvent({ vhost: this.#servers.settings.name, ...event });
  }
}

type WithoutVhost<Event> = Event extends unknown ? Omit<Event, "vhost"> : never;
type EventOfHost = WithoutVhost<OriginEvent>;
