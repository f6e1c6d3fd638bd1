import type { LineBuffer } from "./lineBuffer.ts";
import type { AppenderLog, LogAppender, LogTarget } from "./logAppender.ts";
import { type LogNotice, type LogPlan, periodTarget } from "./logPlan.ts";
import type { LogWriter } from "./logWriter.ts";
import type { SyslogSender, SyslogTarget } from "./syslog.ts";

/** The trace of everything that is handed to syslog (OPEN-S11 of spec 08). */
export const SYSLOG_TRACE = "sys";

/** A log as a process that writes lines sees it. */
export interface BookedLog {
  readonly plan: LogPlan;
  /** What its files begin with. */
  readonly header: (ms: number) => string;
  /** Who gets its lines by syslog. */
  readonly receivers: readonly SyslogTarget[];
}

/** A log of the configuration that nobody has written to, and its file. */
export interface UnopenedLog {
  readonly booked: BookedLog;
  readonly target: LogTarget | undefined;
}

export interface LogBookParts {
  /**
   * Logs that are not entered are asked for at their first line: of thousands few have any. Undefined: there is none of
   * that id.
   */
  readonly unopened?: (id: string) => UnopenedLog | undefined;
  readonly writer: LogWriter;
  readonly syslog: SyslogSender;
  /** Bytes have reached a file that is rotated by size, or read while it grows. */
  readonly onWritten: (log: string, path: string, bytes: number) => void;
  readonly onReleased: (path: string) => void;
  /** A line of a log that somebody traces; valid during the call. */
  readonly onTraced: (log: string, line: Buffer) => void;
}

interface OpenLog {
  readonly appender: LogAppender;
  booked: BookedLog;
}

/** All logs that one process writes lines of. */
export class LogBook {
  readonly #parts: LogBookParts;
  readonly #logs = new Map<string, OpenLog>();
  #traced: ReadonlySet<string> = new Set();

  constructor(parts: LogBookParts) {
    this.#parts = parts;
  }

  /** The logs of a configuration, with the files in use. */
  configure(logs: readonly BookedLog[], notices: readonly LogNotice[]): void {
    this.keepOnly(new Set(logs.map(({ plan }) => plan.id)));
    for (const booked of logs) this.enter(booked);
    this.apply(notices);
  }

  /** A log of the configuration to come; `apply` tells its file, if it has none yet. */
  enter(booked: BookedLog): void {
    const { id } = booked.plan;
    const open = this.#logs.get(id) ?? { appender: this.#parts.writer.createAppender(), booked };
    open.booked = booked;
    this.#logs.set(id, open);
    this.#listen(id, open);
  }

  /** Logs that are open go on as another configuration says, or end; what `apply` tells of their files is to follow. */
  renew(bookedOf: (id: string) => BookedLog | undefined): void {
    const kept = new Set<string>();
    for (const id of [...this.#logs.keys()]) {
      const booked = bookedOf(id);
      if (booked === undefined) continue;
      kept.add(id);
      this.enter(booked);
    }
    this.keepOnly(kept);
  }

  isOpen(id: string): boolean {
    return this.#logs.has(id);
  }

  /** Ends all logs but these. */
  keepOnly(wanted: ReadonlySet<string>): void {
    for (const [id, { appender }] of this.#logs) {
      if (wanted.has(id)) continue;
      appender.listener = undefined;
      appender.seal();
      this.#logs.delete(id);
    }
  }

  /** Files have changed; the writer of a file that is to be closed is told when its lines are written. */
  apply(notices: readonly LogNotice[]): void {
    for (const { log, target, closing } of notices) {
      const open = this.#logs.get(log);
      if (open !== undefined) open.appender.setTarget(this.#appenderLog(open.booked), target);
      if (closing === undefined) continue;
      if (open === undefined) void this.#parts.writer.flush().then(() => this.#parts.onReleased(closing));
      else open.appender.release(closing, () => this.#parts.onReleased(closing));
    }
  }

  /** Logs whose lines are wanted beside their files. */
  setTraced(logs: ReadonlySet<string>): void {
    const concerned = new Set([...this.#traced, ...logs]);
    this.#traced = logs;
    const { syslog, onTraced } = this.#parts;
    syslog.listener = logs.has(SYSLOG_TRACE) ? (line) => onTraced(SYSLOG_TRACE, line) : undefined;
    for (const id of concerned) {
      const open = logs.has(id) ? this.#open(id) : this.#logs.get(id);
      if (open !== undefined) this.#listen(id, open);
    }
  }

  find(id: string): LogAppender | undefined {
    return this.#open(id)?.appender;
  }

  /** Writes one line, where somebody wants it. */
  write(id: string, nowMs: number, write: (line: LineBuffer, atMs: number) => void): void {
    const appender = this.find(id);
    if (appender === undefined) return;
    const atMs = appender.momentOf(nowMs);
    const line = appender.begin(atMs);
    if (line === undefined) return;
    write(line, atMs);
    appender.end();
  }

  #open(id: string): OpenLog | undefined {
    const open = this.#logs.get(id);
    if (open !== undefined) return open;
    const found = this.#parts.unopened?.(id);
    if (found === undefined) return undefined;
    this.enter(found.booked);
    const entered = this.#logs.get(id);
    entered?.appender.setTarget(this.#appenderLog(found.booked), found.target);
    return entered;
  }

  #appenderLog({ plan, header }: BookedLog): AppenderLog {
    return {
      targetAt: (ms) => periodTarget(plan, ms),
      header,
      onWritten: (path, bytes) => {
        const { rule, isFollowed } = this.#logs.get(plan.id)?.booked.plan ?? plan;
        if (rule.bytes !== undefined || isFollowed === true) this.#parts.onWritten(plan.id, path, bytes);
      },
    };
  }

  #listen(id: string, { appender, booked }: OpenLog): void {
    const isTraced = this.#traced.has(id);
    const { receivers, plan } = booked;
    if (!isTraced && receivers.length === 0) {
      appender.listener = undefined;
      return;
    }
    const name = plan.kind.toUpperCase();
    appender.listener = (line) => {
      this.#parts.syslog.send(receivers, name, line);
      if (isTraced) this.#parts.onTraced(id, line);
    };
  }
}
