import type { EdgeConfig, VhostSettings } from "@basalt/config";
import { isLoopback, type OriginTransaction } from "@basalt/origin";
import type { ClientTransaction, LogMetricCounts } from "@basalt/telemetry";
import {
  type AccessFormat,
  asBytes,
  type BookedLog,
  compileAccessFormat,
  type LogAppender,
  LogBook,
  type LogNotice,
  LogWriter,
  openAppendFile,
  StonFormat,
  SyslogSender,
  writeDenyLine,
} from "@basalt/telemetry/logs";
import { type Clock, EdgeError, PRODUCT_NAME, PRODUCT_VERSION } from "@basalt/types";
import { BackendMemory } from "./backendFacts.ts";
import { type ConfiguredLog, configuredLogsInSteps, logId, logsTraces, UNKNOWN_HOST } from "./logPlans.ts";
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
  /** Undefined: it has none. */
  readonly metrics: LogMetricFilters | undefined;
}

const NOTICES_AT_ONCE = 100;

const NO_LOGS: readonly AccessLog[] = [];

/** The lines that arise in a worker: of client requests and of those to origins. */
export class WorkerLogs {
  readonly #clock: Clock;
  readonly #writer: LogWriter;
  readonly #book: LogBook;
  readonly #syslog: SyslogSender;
  readonly #backends = new BackendMemory();
  readonly #origins: OriginLogs;
  readonly #metrics = new LogMetricCounters();
  #needsBackends = false;
  #accessLogs: ReadonlyMap<string, readonly AccessLog[]> = new Map();

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
    const formats = new Map<string, AccessFormat>();
    const vhosts = new Map(config.vhosts.map((vhost) => [vhost.name, vhost]));
    const wanted = new Set<string>();
    this.#book.setTraced(new Set(traced));
    for (const logs of configuredLogsInSteps(config, home)) {
      for (const log of logs) {
        wanted.add(log.plan.id);
        this.#book.enter(this.#bookedLog(log, config, vhosts, formats));
      }
      yield;
    }
    for (let from = 0; from < notices.length; from += NOTICES_AT_ONCE) {
      this.#book.apply(notices.slice(from, from + NOTICES_AT_ONCE));
      yield;
    }
    const accessLogs = yield* this.#accessLogsOf(config, formats);
    const counted = config.vhosts.filter(({ logs }) => logs.metricFilters.length > 0);
    return () => {
      this.#metrics.begin();
      for (const vhost of counted) accessLogs.set(vhost.name, this.#logsOf(vhost.name, vhost, formats, true));
      this.#book.keepOnly(wanted);
      this.#origins.configure(config);
      this.#needsBackends = config.vhosts.some(({ logs }) =>
        [logs.access, logs.accessExtra].some(({ form }) => form.startsWith("elb")),
      );
      this.#accessLogs = accessLogs;
    };
  }

  apply(notices: readonly LogNotice[]): void {
    this.#book.apply(notices);
  }

  setTraced(logs: readonly string[]): void {
    this.#book.setTraced(new Set(logs));
  }

  /** One request of a client is over. */
  readonly logAccess = (transaction: ClientTransaction): void => {
    const logs = this.#accessLogs.get(transaction.vhostName ?? UNKNOWN_HOST) ?? NO_LOGS;
    for (const { appender, format, isLocalLogged, metrics } of logs) {
      if ((!appender.isActive && metrics === undefined) || (!isLocalLogged && isLoopback(transaction.clientIp)))
        continue;
      const atMs = appender.momentOf(transaction.startedAtMs + transaction.elapsedMs);
      const line = appender.begin(atMs);
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

  /** LOG-36: `rule` is what refused the client. */
  logDenied(clientIp: string, rule: string): void {
    this.#book.write("deny", this.#clock.now(), (line, atMs) => writeDenyLine(line, clientIp, rule, atMs));
  }

  /** One transaction with an origin is over. */
  readonly logOrigin = (transaction: OriginTransaction): void => {
    if (this.#needsBackends) this.#backends.note(transaction);
    this.#origins.log(transaction, this.#clock.now());
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

  #bookedLog(
    log: ConfiguredLog,
    config: EdgeConfig,
    vhosts: ReadonlyMap<string, VhostSettings>,
    formats: Map<string, AccessFormat>,
  ): BookedLog {
    const { plan, receivers } = log;
    const format = this.#formatOf(log, config, vhosts);
    if (format === undefined) return { plan, receivers, header: this.#origins.headerOf(plan) };
    formats.set(plan.id, format);
    return { plan, receivers, header: (ms) => format.header(ms) };
  }

  #formatOf(
    { plan }: ConfiguredLog,
    config: EdgeConfig,
    vhosts: ReadonlyMap<string, VhostSettings>,
  ): AccessFormat | undefined {
    const vhost = vhosts.get(plan.vhost);
    if (plan.kind !== "access" && plan.kind !== "accessextra") return undefined;
    if (vhost === undefined) {
      return new StonFormat({ xff: config.vhosts[0]?.logs.access.xff ?? "ON", withHost: true });
    }
    const settings = plan.kind === "access" ? vhost.logs.access : vhost.logs.accessExtra;
    return compileAccessFormat({
      form: settings.form,
      xff: settings.xff,
      customFormat: vhost.logs.accessFormat,
      balancer: settings.balancer === "" ? config.server.host.name : settings.balancer,
      software: `${PRODUCT_NAME}/${PRODUCT_VERSION}`,
      backendOf: ({ sessionText, startedAtMs }) => this.#backends.take(sessionText, startedAtMs),
      isTraced: logsTraces(vhost, (name) => vhosts.get(name)),
    });
  }

  *#accessLogsOf(
    config: EdgeConfig,
    formats: ReadonlyMap<string, AccessFormat>,
  ): Generator<void, Map<string, readonly AccessLog[]>> {
    const [first] = config.vhosts;
    const all = new Map<string, readonly AccessLog[]>();
    if (first !== undefined) all.set(UNKNOWN_HOST, this.#logsOf(UNKNOWN_HOST, first, formats, false));
    for (const vhost of config.vhosts) {
      if (vhost.logs.metricFilters.length === 0) all.set(vhost.name, this.#logsOf(vhost.name, vhost, formats, false));
      yield;
    }
    return all;
  }

  #logsOf(
    vhost: string,
    settings: VhostSettings,
    formats: ReadonlyMap<string, AccessFormat>,
    isCounted: boolean,
  ): readonly AccessLog[] {
    return (["access", "accessextra"] as const).flatMap((kind) => {
      const appender = this.#book.find(logId(kind, vhost));
      const format = formats.get(logId(kind, vhost));
      if (appender === undefined || format === undefined) return [];
      const { local: isLocalLogged, form, xff } = kind === "access" ? settings.logs.access : settings.logs.accessExtra;
      const metrics = isCounted ? this.#metrics.filtersOf(settings, kind, { form, xff, format }) : undefined;
      return [{ appender, format, isLocalLogged, metrics }];
    });
  }
}
