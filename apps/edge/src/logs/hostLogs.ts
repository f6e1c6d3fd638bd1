import type { Readable } from "node:stream";
import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";
import type { EdgeConfig, VhostSettings } from "@basalt/config";
import type { OriginEvent, OriginTransaction } from "@basalt/origin";
import type { InfoLogFile } from "@basalt/telemetry";
import {
  type BookedLog,
  LogBook,
  LogKeeper,
  type LogKeeperParts,
  type LogNotice,
  LogWriter,
  openAppendFile,
  type RotatedFiles,
  type RotatedLog,
  SyslogSender,
  writeDenyLine,
  writeDnsLine,
} from "@basalt/telemetry/logs";
import { type Clock, EdgeError } from "@basalt/types";
import { withinTime } from "../withinTime.ts";
import { configuredLogs, findLog, logId } from "./logPlans.ts";
import { LogTraces } from "./logTraces.ts";
import { OriginLogs } from "./originLogs.ts";
import { syslogName, TAG_PREFIX } from "./syslogNames.ts";
import type { TracedLines } from "./traceOutbox.ts";
import type { WorkerLogState } from "./workerLogs.ts";

/** The primary as a writer of lines, beside its workers. */
const OWN_WRITER = 0;
/** Workers of an earlier primary, as long as there are any. */
const ORPHANS = -1;
const TICK_MS = 250;
const SPACE_EVERY_MS = 10_000;
const CLOSE_LIMIT_MS = 2_000;
/** Records of the monitoring log. */
const RECORDS_AT_ONCE = 50;
/** A disk that stalls costs records rather than to have them wait for ever. */
const FLUSH_LIMIT_MS = 1_000;

export interface HostLogsParts {
  readonly home: string;
  readonly clock: Clock;
  readonly log: InfoLogFile;
  /** Ids of the workers that write lines. */
  readonly workers: () => Iterable<number>;
  /** For all workers. */
  readonly tellNotices: (notices: readonly LogNotice[]) => void;
  readonly tellTraced: (logs: readonly string[]) => void;
  readonly onDropped: (lines: number) => void;
  /** A file has its last name and gets no more lines. */
  readonly onRotated?: (file: RotatedLog) => void;
  /** It has still to be uploaded. */
  readonly isAwaited?: LogKeeperParts["isAwaited"];
  /** Lines have come into a file of a log. */
  readonly onWritten?: (log: string) => void;
}

/** The primary's part of the logs: files of all, lines of its own, traces. */
export class HostLogs {
  readonly #parts: HostLogsParts;
  readonly #writer: LogWriter;
  readonly #syslog: SyslogSender;
  readonly #book: LogBook;
  readonly #keeper: LogKeeper;
  readonly #origins: OriginLogs;
  readonly #traces: LogTraces;
  readonly #unlisten: () => void;
  #config: EdgeConfig;
  #vhosts: ReadonlyMap<string, VhostSettings> = new Map();
  #hasOrphans = true;
  #ticking: NodeJS.Timeout | undefined;
  #lastSpaceMs = 0;
  readonly #untold: LogNotice[] = [];
  #changed: readonly LogNotice[] = [];
  /** Hosts with an exclusion or recovery whose server list is to follow. */
  readonly #changedHosts = new Set<string>();

  constructor(parts: HostLogsParts, config: EdgeConfig) {
    this.#parts = parts;
    this.#config = config;
    const { clock, log, onDropped } = parts;
    this.#writer = new LogWriter({
      open: openAppendFile,
      onDropped,
      onProblem: (path, cause) => log.warning(`the log ${path} cannot be written: ${EdgeError.from(cause).detail}`),
    });
    this.#syslog = new SyslogSender({
      hostName: syslogName(),
      tagPrefix: TAG_PREFIX,
      now: () => clock.now(),
      onDropped,
    });
    this.#keeper = new LogKeeper({
      now: () => clock.now(),
      writers: () => this.#writers(),
      announce: (notices) => this.#announce(notices),
      onRotated: (file) => parts.onRotated?.(file),
      isAwaited: (plan, file) => parts.isAwaited?.(plan, file) ?? false,
      onProblem: (text) => log.warning(`logs: ${text}`),
      hasEarlierWriters: () => this.#hasOrphans,
    });
    this.#traces = new LogTraces((traced) => {
      this.#book.setTraced(traced);
      parts.tellTraced([...traced]);
    });
    this.#book = new LogBook({
      unopened: (id) => {
        const booked = this.#bookedLog(id);
        return booked === undefined ? undefined : { booked, target: this.#keeper.targetOf(id) };
      },
      writer: this.#writer,
      syslog: this.#syslog,
      onWritten: (id, path, bytes) => this.noteWritten(id, path, bytes),
      onReleased: (path) => this.#keeper.noteClosed(OWN_WRITER, path),
      onTraced: (id, line) => this.offerTraced({ log: id, lines: Buffer.concat([line, LINE_END]), lost: 0 }),
    });
    this.#origins = new OriginLogs(this.#book);
    this.#unlisten = log.listen((line) => this.#passInfoLine(line));
    this.configure(config);
    this.#tick();
  }

  /** Before the workers are configured; `tellChanges` is to follow. */
  configure(config: EdgeConfig): void {
    this.#config = config;
    const before = this.#vhosts;
    this.#vhosts = new Map(config.vhosts.map((vhost) => [vhost.name, vhost]));
    const notices = this.#keeper.configure(configuredLogs(config, this.#parts.home).map(({ plan }) => plan));
    this.#book.renew((id) => this.#bookedLog(id));
    this.#book.apply(notices);
    this.#origins.configure(config);
    this.#parts.log.configure(config.server.cache.infoLog);
    for (const notice of notices) if (notice.closing !== undefined) this.#untold.push(notice);
    // Of thousands of new hosts nobody has to be told anything: no process has their logs open.
    const isOfNewHost = (log: string): boolean => {
      const vhost = log.slice(log.indexOf(" ") + 1);
      return this.#vhosts.has(vhost) && !before.has(vhost);
    };
    const isNews = ({ log, isPlain, closing }: LogNotice): boolean =>
      isPlain !== true || closing !== undefined || !isOfNewHost(log);
    this.#changed = notices.filter(isNews).map((notice) => ({ ...notice, closing: undefined }));
  }

  /** The workers have the configuration: none of them writes lines of the earlier forms into the new files. */
  tellChanges(): void {
    const notices = this.#untold.splice(0);
    if (notices.length > 0) this.#parts.tellNotices(notices);
  }

  get workerState(): WorkerLogState {
    return { home: this.#parts.home, notices: this.#keeper.notices, traced: [...this.#traces.traced] };
  }

  /** For a worker that has the logs of the configuration before: what the last `configure` has changed. */
  get workerChanges(): WorkerLogState {
    return { home: this.#parts.home, notices: this.#changed, traced: [...this.#traces.traced] };
  }

  /** For a worker that serves now: it may have been told of older files while it was started. */
  closingFor(worker: number): readonly LogNotice[] {
    return this.#keeper.closingFor(worker);
  }

  /** Logs whose lines somebody traces. */
  get traced(): readonly string[] {
    return [...this.#traces.traced];
  }

  noteWritten(log: string, path: string, bytes: number): void {
    this.#keeper.noteWritten(log, path, bytes);
    this.#parts.onWritten?.(log);
  }

  /** Whether lines may still come into a file of some log. */
  mayGrow(path: string): boolean {
    return this.#keeper.mayGrow(path);
  }

  noteReleased(worker: number, path: string): void {
    this.#keeper.noteClosed(worker, path);
  }

  workerGone(worker: number): void {
    this.#keeper.writerGone(worker);
  }

  /** The workers of an earlier primary have ended: nothing of theirs is on the way any more. */
  orphansGone(): void {
    this.#hasOrphans = false;
    this.#keeper.writerGone(ORPHANS);
  }

  /** Probes and checks (ORG-08, ORG-19). */
  readonly logOrigin = (transaction: OriginTransaction): void => {
    this.#origins.log(transaction, this.#parts.clock.now());
  };

  /** Exclusion and recovery (LOG-40), resolutions (LOG-49). */
  noteOriginEvent(event: OriginEvent): void {
    const now = this.#parts.clock.now();
    switch (event.kind) {
      case "excluded":
        this.#origins.comment(event.vhost, `${ipOf(event.server)} excluded from service`, now);
        this.#changedHosts.add(event.vhost);
        return;
      case "recovered":
        this.#origins.comment(event.vhost, `${ipOf(event.server)} recovered back in service`, now);
        this.#changedHosts.add(event.vhost);
        return;
      case "servers": {
        if (!this.#changedHosts.delete(event.vhost)) return;
        const servers = event.inService.map(ipOf).join(",");
        this.#origins.comment(event.vhost, `Origin server list: ${servers}`, now);
        return;
      }
      case "resolved": {
        const ips = event.answer.map(({ ip }) => ip);
        const ttlSeconds = Math.min(...event.answer.map((answer) => answer.ttlSeconds));
        this.#logResolution(event.vhost, event.domain, ttlSeconds, ips, event.durationMs, now);
        return;
      }
      case "unresolved":
        this.#logResolution(event.vhost, event.domain, 0, [], event.durationMs, now);
        return;
      default:
        return;
    }
  }

  /**
   * LOG-146, LOG-147: the records of a window of five minutes that has ended. A few at a time: those of thousands of
   * hosts would hold this process for seconds, and would not find room in memory together.
   */
  async logMonitoring(
    recordsOf: (formOf: (vhost: string) => "json" | "xml" | undefined) => Iterable<readonly [string, string]>,
  ): Promise<void> {
    const now = this.#parts.clock.now();
    const forms = new Map(this.#config.vhosts.map(({ name, logs }) => [name, logs.monitoring.form]));
    const formOf = (vhost: string) =>
      this.#book.find(logId("monitoring", vhost))?.isActive === true ? forms.get(vhost) : undefined;
    let records = 0;
    for (const [vhost, record] of recordsOf(formOf)) {
      const bytes = Buffer.from(record, "utf8").toString("latin1");
      this.#book.write(logId("monitoring", vhost), now, (line) => line.plain(bytes));
      records++;
      if (records % RECORDS_AT_ONCE === 0)
        await withinTime(
          FLUSH_LIMIT_MS,
          this.#writer.flush().then(() => nextTurn()),
        );
    }
  }

  /** LOG-36: `rule` is what refused the client. */
  noteDenied(clientIp: string, rule: string): void {
    this.#book.write("deny", this.#parts.clock.now(), (line, atMs) => writeDenyLine(line, clientIp, rule, atMs));
  }

  /** Of logs that FTP clients upload. */
  rotatedForUpload(): Promise<readonly RotatedFiles[]> {
    return this.#keeper.rotatedForUpload();
  }

  /** Undefined when too many are open. `vhost` where the log is that of a host. */
  trace(log: string): Readable | undefined {
    return this.#traces.open(log);
  }

  endTraces(): void {
    this.#traces.close();
  }

  offerTraced(lines: TracedLines): void {
    this.#traces.offer(lines);
  }

  async close(): Promise<void> {
    clearTimeout(this.#ticking);
    this.#unlisten();
    await this.#writer.close();
    // What is not done by then is done after the next start.
    await Promise.race([this.#keeper.whenIdle(), pause(CLOSE_LIMIT_MS, undefined, { ref: false })]);
    this.#syslog.close();
  }

  #logResolution(
    vhost: string,
    domain: string,
    ttlSeconds: number,
    ips: readonly string[],
    durationMs: number,
    nowMs: number,
  ): void {
    this.#book.write(logId("dns", vhost), nowMs, (line, atMs) =>
      writeDnsLine(line, { domain, ttlSeconds, ips, durationMs }, atMs),
    );
  }

  #bookedLog(id: string): BookedLog | undefined {
    const log = findLog(id, this.#config, this.#vhosts, this.#parts.home);
    return log === undefined ? undefined : { ...log, header: this.#origins.headerOf(log.plan) };
  }

  #announce(notices: readonly LogNotice[]): void {
    this.#parts.tellNotices(notices);
    this.#book.apply(notices);
  }

  #writers(): number[] {
    return [OWN_WRITER, ...(this.#hasOrphans ? [ORPHANS] : []), ...this.#parts.workers()];
  }

  #tick(): void {
    this.#ticking = setTimeout(() => {
      this.#keeper.tick();
      if (performance.now() - this.#lastSpaceMs > SPACE_EVERY_MS) {
        this.#lastSpaceMs = performance.now();
        this.#keeper.keepSpace();
      }
      this.#tick();
    }, TICK_MS);
  }

  #passInfoLine(line: string): void {
    const text = line.endsWith("\n") ? line.slice(0, -1) : line;
    const bytes = Buffer.from(text, "utf8");
    const { sysLog, receivers } = this.#config.server.cache.infoLog;
    if (sysLog) this.#syslog.send(receivers, "INFO", bytes);
    if (this.#traces.traced.has("info")) this.offerTraced({ log: "info", lines: Buffer.from(`${text}\n`), lost: 0 });
  }
}

const LINE_END = Buffer.from("\n");

/** Of the id of a server, which begins with the domain where there is one. */
const ipOf = (server: string): string => server.split(" ").at(-1) ?? server;
