import type { EdgeConfig, VhostSettings } from "@basalt/config";
import { isLoopback, type OriginTransaction } from "@basalt/origin";
import type { ClientTransaction, LogMetricCounts, RecordedHeads } from "@basalt/telemetry";
import {
  type AccessFormat,
  asBytes,
  type BookedLog,
  compileAccessFormat,
  detailLine,
  type LogAppender,
  LogBook,
  type LoggedFileAccess,
  type LogNotice,
  type LogPlan,
  type LogTarget,
  LogWriter,
  openAppendFile,
  periodTarget,
  rankOf,
  rankOfTransaction,
  StonFormat,
  SyslogSender,
  secretFields,
  type UnopenedLog,
  writeDenyLine,
  writeFileSystemLine,
} from "@basalt/telemetry/logs";
import { type Clock, EdgeError, PRODUCT_NAME, PRODUCT_VERSION } from "@basalt/types";
import { BackendMemory } from "./backendFacts.ts";
import { type ConfiguredLog, findLog, logId, logsLinks, logsTraces, UNKNOWN_HOST } from "./logPlans.ts";
import { LogMetricCounters, type LogMetricFilters } from "./metricFilters.ts";
import { OriginLogs } from "./originLogs.ts";
import { syslogName, TAG_PREFIX } from "./syslogNames.ts";
import { type TracedLines, TraceOutbox } from "./traceOutbox.ts";

/** What a worker has to know of the logs beside the configuration. */
export interface WorkerLogState {
  readonly home: string;
  readonly notices: readonly LogNotice[];
  readonly traced: readonly string[];
}

export interface WorkerLogsParts {
  readonly clock: Clock;
  readonly tellWritten: (log: string, path: string, bytes: number) => void;
  readonly tellReleased: (path: string) => void;
  readonly tellTraced: (lines: TracedLines) => void;
  readonly warn: (text: string) => void;
  readonly onDropped: (lines: number) => void;
}

interface AccessLog {
  readonly appender: LogAppender;
  readonly format: AccessFormat;
  readonly isLocalLogged: boolean;
  /** Transactions below it have no line. */
  readonly leastRank: number;
  /** Undefined: it has none. */
  readonly metrics: LogMetricFilters | undefined;
}

const NO_LOGS: readonly AccessLog[] = [];

/** The forms of cloud balancers. */
const tellsOfBackends = ({ form }: VhostSettings["logs"]["access"]): boolean =>
  form === "elb" || form === "elb-ext" || form === "alb";

/** The lines that arise in a worker: of client requests and of those to origins. */
export class WorkerLogs {
  readonly #clock: Clock;
  readonly #writer: LogWriter;
  readonly #book: LogBook;
  readonly #syslog: SyslogSender;
  readonly #backends = new BackendMemory();
  readonly #origins: OriginLogs;
  readonly #metrics = new LogMetricCounters();
  /** By what hosts add to those that are hidden in any case. */
  readonly #secrets = new WeakMap<readonly string[], ReadonlySet<string>>();
  #needsBackends = false;
  /** Of the hosts that have had requests. */
  #accessLogs = new Map<string, readonly AccessLog[]>();
  #config: EdgeConfig | undefined;
  #vhosts: ReadonlyMap<string, VhostSettings> = new Map();
  #home = "";
  /** Files that do not follow from the plans, of logs that are not open. */
  readonly #told = new Map<string, LogTarget | undefined>();

  constructor({ clock, tellWritten, tellReleased, tellTraced, warn, onDropped }: WorkerLogsParts) {
    this.#clock = clock;
    this.#writer = new LogWriter({
      open: openAppendFile,
      onDropped,
      onProblem: (path, cause) => warn(`the log ${path} cannot be written: ${EdgeError.from(cause).detail}`),
    });
    this.#syslog = new SyslogSender({
      hostName: syslogName(),
      tagPrefix: TAG_PREFIX,
      now: () => clock.now(),
      onDropped,
    });
    const outbox = new TraceOutbox(tellTraced);
    this.#book = new LogBook({
      unopened: (id) => this.#unopened(id),
      writer: this.#writer,
      syslog: this.#syslog,
      onWritten: tellWritten,
      onReleased: tellReleased,
      onTraced: (log, line) => outbox.add(log, line),
    });
    this.#origins = new OriginLogs(this.#book);
  }

  /** Makes the logs of a configuration ready in small steps; the result puts them in service. */
  *prepare(config: EdgeConfig, { home, notices, traced }: WorkerLogState): Generator<void, () => void> {
    const vhosts = new Map<string, VhostSettings>();
    const counted: VhostSettings[] = [];
    let needsBackends = false;
    for (const vhost of config.vhosts) {
      const { access, accessExtra, metricFilters } = vhost.logs;
      vhosts.set(vhost.name, vhost);
      if (metricFilters.length > 0) counted.push(vhost);
      needsBackends ||= tellsOfBackends(access) || tellsOfBackends(accessExtra);
      yield;
    }
    return () => {
      this.#config = config;
      this.#vhosts = vhosts;
      this.#home = home;
      this.#needsBackends = needsBackends;
      this.#book.renew((id) => this.#bookedLog(id));
      this.apply(notices);
      for (const id of this.#told.keys()) if (this.#findLog(id) === undefined) this.#told.delete(id);
      this.#book.setTraced(new Set(traced));
      this.#origins.configure(config);
      this.#accessLogs = new Map();
      this.#metrics.begin();
      for (const vhost of counted) this.#accessLogs.set(vhost.name, this.#logsOf(vhost.name, vhost, true));
    };
  }

  apply(notices: readonly LogNotice[]): void {
    for (const { log, target, isPlain } of notices) {
      if (this.#book.isOpen(log) || isPlain === true) this.#told.delete(log);
      else this.#told.set(log, target);
    }
    this.#book.apply(notices);
  }

  setTraced(logs: readonly string[]): void {
    this.#book.setTraced(new Set(logs));
  }

  /** One request of a client is over. */
  readonly logAccess = (transaction: ClientTransaction): void => {
    const vhostName = transaction.vhostName ?? UNKNOWN_HOST;
    const logs = this.#accessLogs.get(vhostName) ?? this.#openAccessLogs(vhostName);
    if (this.#needsBackends) this.#backends.begin();
    if (transaction.heads !== undefined) this.#logDetail(vhostName, transaction, transaction.heads);
    for (const { appender, format, isLocalLogged, leastRank, metrics } of logs) {
      if ((!appender.isActive && metrics === undefined) || (!isLocalLogged && isLoopback(transaction.clientIp)))
        continue;
      const isGrave = leastRank === 0 || rankOfTransaction(transaction) >= leastRank;
      if (!isGrave && metrics === undefined) continue;
      const atMs = appender.momentOf(transaction.startedAtMs + transaction.elapsedMs);
      const line = isGrave ? appender.begin(atMs) : undefined;
      if (line === undefined) {
        metrics?.count(transaction, atMs, undefined, 0);
        continue;
      }
      const lineStart = line.length;
      format.write(line, transaction, atMs);
      metrics?.count(transaction, atMs, line, lineStart);
      appender.end();
    }
  };

  /** AWS-91. */
  #logDetail(vhostName: string, transaction: ClientTransaction, heads: RecordedHeads): void {
    const { logs } = this.#vhosts.get(vhostName) ?? {};
    if (logs === undefined || rankOfTransaction(transaction) < rankOf(logs.level)) return;
    const endedAtMs = transaction.startedAtMs + transaction.elapsedMs;
    this.#book.write(logId("detail", vhostName), endedAtMs, (line, atMs) =>
      line.text(detailLine(transaction, heads, this.#secretsOf(logs.detail.mask), atMs)),
    );
  }

  #secretsOf(mask: readonly string[]): ReadonlySet<string> {
    const known = this.#secrets.get(mask);
    if (known !== undefined) return known;
    const secrets = secretFields(mask);
    this.#secrets.set(mask, secrets);
    return secrets;
  }

  /** LOG-36: `rule` is what refused the client. */
  logDenied(clientIp: string, rule: string): void {
    this.#book.write("deny", this.#clock.now(), (line, atMs) => writeDenyLine(line, clientIp, rule, atMs));
  }

  /** One transaction with an origin is over. */
  readonly logOrigin = (transaction: OriginTransaction): void => {
    if (this.#needsBackends) this.#backends.note(transaction);
    this.#origins.log(transaction, this.#clock.now());
  };

  /** LOG-148: one use of the mounted file system is over. */
  readonly logFileAccess = (vhost: string, access: LoggedFileAccess): void => {
    this.#book.write(logId("filesystem", vhost), this.#clock.now(), (line, atMs) =>
      writeFileSystemLine(line, access, atMs),
    );
  };

  /** A segment document of a sampled request (AWS-98). */
  readonly logTrace = (vhost: string, document: () => string): void => {
    this.#book.write(logId("trace", vhost), this.#clock.now(), (line) => line.text(asBytes(document())));
  };

  /** What metric filters have counted since the last call. */
  takeMetrics(): readonly LogMetricCounts[] {
    return this.#metrics.takeReport();
  }

  flush(): Promise<void> {
    return this.#writer.flush();
  }

  async close(): Promise<void> {
    await this.#writer.close();
    this.#syslog.close();
  }

  #findLog(id: string): ConfiguredLog | undefined {
    return this.#config === undefined ? undefined : findLog(id, this.#config, this.#vhosts, this.#home);
  }

  #unopened(id: string): UnopenedLog | undefined {
    const booked = this.#bookedLog(id);
    if (booked === undefined) return undefined;
    const { plan } = booked;
    const plain = (): LogTarget | undefined => (plan.isOn ? periodTarget(plan, this.#clock.now()) : undefined);
    const target = this.#told.has(id) ? this.#told.get(id) : plain();
    this.#told.delete(id);
    return { booked, target };
  }

  #bookedLog(id: string): BookedLog | undefined {
    const log = this.#findLog(id);
    if (log === undefined) return undefined;
    const { plan, receivers } = log;
    const format = this.#formatOf(plan);
    return { plan, receivers, header: format === undefined ? this.#origins.headerOf(plan) : (ms) => format.header(ms) };
  }

  #formatOf({ kind, vhost: name }: Pick<LogPlan, "kind" | "vhost">): AccessFormat | undefined {
    if (this.#config === undefined || (kind !== "access" && kind !== "accessextra")) return undefined;
    const vhost = this.#vhosts.get(name);
    if (vhost === undefined) {
      return new StonFormat({ xff: this.#config.vhosts[0]?.logs.access.xff ?? "ON", withHost: true });
    }
    const settings = kind === "access" ? vhost.logs.access : vhost.logs.accessExtra;
    return compileAccessFormat({
      form: settings.form,
      xff: settings.xff,
      customFormat: vhost.logs.accessFormat,
      balancer: settings.balancer === "" ? this.#config.server.host.name : settings.balancer,
      software: `${PRODUCT_NAME}/${PRODUCT_VERSION}`,
      backendOf: ({ sessionText, startedAtMs }) => this.#backends.take(sessionText, startedAtMs),
      isTraced: logsTraces(vhost, (target) => this.#vhosts.get(target)),
      isLinked: logsLinks(vhost, (target) => this.#vhosts.get(target)),
    });
  }

  #openAccessLogs(name: string): readonly AccessLog[] {
    const settings = name === UNKNOWN_HOST ? this.#config?.vhosts[0] : this.#vhosts.get(name);
    if (settings === undefined) return NO_LOGS;
    const logs = this.#logsOf(name, settings, false);
    this.#accessLogs.set(name, logs);
    return logs;
  }

  #logsOf(vhost: string, settings: VhostSettings, isCounted: boolean): readonly AccessLog[] {
    return (["access", "accessextra"] as const).flatMap((kind) => {
      const appender = this.#book.find(logId(kind, vhost));
      const format = this.#formatOf({ kind, vhost });
      if (appender === undefined || format === undefined) return [];
      const { local: isLocalLogged, form, xff } = kind === "access" ? settings.logs.access : settings.logs.accessExtra;
      const metrics = isCounted ? this.#metrics.filtersOf(settings, kind, { form, xff, format }) : undefined;
      const leastRank = vhost === UNKNOWN_HOST ? 0 : rankOf(settings.logs.level);
      return [{ appender, format, isLocalLogged, leastRank, metrics }];
    });
  }
}
