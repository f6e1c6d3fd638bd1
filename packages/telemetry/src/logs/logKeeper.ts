import { statSync } from "node:fs";
import { readdir, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isDraftInUse } from "./appendFile.ts";
import { LogSpace } from "./diskShortage.ts";
import {
  compressFile,
  deleteFile,
  listLogFiles,
  listLogFilesNow,
  MS_PER_DAY,
  outdatedFiles,
  presenceNow,
  presentFolders,
  sizeOf,
} from "./keptFiles.ts";
import type { LogTarget } from "./logAppender.ts";
import { type LogNotice, type LogPlan, NEVER_MS, periodTarget, type RotatedFiles, type RotatedLog } from "./logPlan.ts";
import { logFileName, nextOrdinal, parseLogFileName, periodAt, type RotationRule } from "./rotation.ts";

export interface LogKeeperParts {
  readonly now: () => number;
  /** Processes that write lines now. */
  readonly writers: () => Iterable<number>;
  /** For all of them. */
  readonly announce: (notices: readonly LogNotice[]) => void;
  /** The file is closed, and compressed where that is wanted. */
  readonly onRotated: (file: RotatedLog) => void;
  readonly onProblem: (text: string) => void;
  /** Whether a file that is too many or too old has still to be uploaded: it stays until then. */
  readonly isAwaited?: (plan: LogPlan, file: { readonly path: string; readonly startMs: number }) => boolean;
  /** Processes of an earlier run live: they may be writing to files that this one has not gone on with. */
  readonly hasEarlierWriters?: () => boolean;
  /** Free on the file system of a folder; for tests. */
  readonly freeBytes?: (folder: string) => Promise<number | undefined>;
}

const NAMED_BY_SECOND: RotationRule = { minutes: undefined, bytes: 0 };

interface KeptLog {
  plan: LogPlan;
  target: LogTarget | undefined;
  /** Every process finds the file by itself. */
  isPlain: boolean;
  startMs: number;
  bytes: number;
}

interface ClosingFile {
  readonly plan: LogPlan;
  readonly path: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly waiting: Set<number>;
}

/**
 * The files of all logs: which one is written to, when another one begins, and what becomes of those that are closed.
 * One per instance. By time every process goes over to the next file by itself, by the moment of its lines; by size this
 * one says when. A file is closed when every process has said that nothing is on the way to it.
 */
export class LogKeeper {
  readonly #parts: LogKeeperParts;
  readonly #logs = new Map<string, KeptLog>();
  readonly #closing = new Map<string, ClosingFile>();
  /** The ids of the logs, and the paths of the files that are being closed, by folder: there may be thousands of folders. */
  readonly #logsIn = new Map<string, Set<string>>();
  readonly #closingIn = new Map<string, Set<string>>();
  readonly #space: LogSpace;
  /** Logs whose folders have not been looked at for what an earlier run has left. */
  readonly #untidy = new Set<LogPlan>();
  #jobs: Promise<void> = Promise.resolve();
  /** No file ends before. */
  #dueMs = 0;
  #retainAtMs = 0;

  constructor(parts: LogKeeperParts) {
    this.#parts = parts;
    this.#space = new LogSpace({
      freeBytes: parts.freeBytes,
      onProblem: parts.onProblem,
      renew: (plan) => this.#renew(plan),
    });
  }

  /** The files in use whose names do not follow from the plans (`periodTarget`), for a process that begins to write. */
  get notices(): readonly LogNotice[] {
    const notices: LogNotice[] = [];
    for (const [log, { target, isPlain }] of this.#logs)
      if (!isPlain) notices.push({ log, target, closing: undefined });
    return notices;
  }

  /** The file in use. */
  targetOf(log: string): LogTarget | undefined {
    return this.#logs.get(log)?.target;
  }

  /** The files that wait for this process: some may have been closed before it could be told. */
  closingFor(writer: number): readonly LogNotice[] {
    const closing = [...this.#closing.values()].filter(({ waiting }) => waiting.has(writer));
    return closing.map(({ plan: { id }, path }) => ({ log: id, target: this.#logs.get(id)?.target, closing: path }));
  }

  /** Puts the logs of a configuration in place of those before; returns what `announce` would be told. */
  configure(plans: readonly LogPlan[]): readonly LogNotice[] {
    const wanted = new Set(plans.map(({ id }) => id));
    const notices: LogNotice[] = [];
    const isPresent = presenceNow();
    for (const [id, kept] of this.#logs) {
      if (wanted.has(id)) continue;
      this.#logs.delete(id);
      removeFrom(this.#logsIn, kept.plan.folder, id);
      notices.push(this.#close(kept, undefined));
    }
    for (const plan of plans) {
      const kept = this.#logs.get(plan.id);
      if (kept === undefined) {
        const begun = this.#begin(plan, isPresent);
        this.#logs.set(plan.id, begun);
        addTo(this.#logsIn, plan.folder, plan.id);
        notices.push({ log: plan.id, target: begun.target, isPlain: begun.isPlain, closing: undefined });
        this.#untidy.add(plan);
        continue;
      }
      const before = kept.plan;
      if (before === plan) continue;
      kept.plan = plan;
      removeFrom(this.#logsIn, before.folder, plan.id);
      addTo(this.#logsIn, plan.folder, plan.id);
      if (isSameFile(before, plan)) continue;
      const next = plan.isOn ? this.#freshTarget(plan, this.#parts.now()) : undefined;
      notices.push(this.#close({ ...kept, plan: before }, next));
      this.#goOn(kept, next);
    }
    this.#dueMs = 0;
    this.#tidyAll();
    return notices;
  }

  /** Whether lines may still come into a file, or it is being given its last name. */
  mayGrow(path: string): boolean {
    if (this.#parts.hasEarlierWriters?.() === true || this.#closing.has(path)) return true;
    return this.#pathsInUse(dirname(path)).has(path);
  }

  /** A process has written to a file. */
  noteWritten(log: string, path: string, bytes: number): void {
    const kept = this.#logs.get(log);
    if (kept?.target?.path !== path) return;
    kept.bytes += bytes;
    const most = kept.plan.rule.bytes;
    if (most !== undefined && kept.bytes >= most) this.#parts.announce([this.#rotate(kept)]);
  }

  noteClosed(writer: number, path: string): void {
    const closing = this.#closing.get(path);
    if (closing?.waiting.delete(writer) === true) this.#finishIfClosed(closing);
  }

  /** Its lines are written, or lost with it. */
  writerGone(writer: number): void {
    for (const closing of [...this.#closing.values()]) {
      if (closing.waiting.delete(writer)) this.#finishIfClosed(closing);
    }
    this.#tidyAll();
  }

  /** Call it about once a second. */
  tick(): void {
    const now = this.#parts.now();
    if (now < this.#dueMs) return;
    const due: KeptLog[] = [];
    let nextMs = NEVER_MS;
    for (const kept of this.#logs.values()) {
      const untilMs = kept.target?.untilMs ?? NEVER_MS;
      if (now >= untilMs) due.push(kept);
      else nextMs = Math.min(nextMs, untilMs);
    }
    this.#dueMs = nextMs;
    if (due.length > 0) this.#parts.announce(due.map((kept) => this.#rotate(kept)));
  }

  /** LOG-28, AWS-89; call it now and then. */
  keepSpace(): void {
    this.#retainByAge();
    this.#do(() =>
      this.#space.keep([...this.#logs.values()].map(({ plan, target }) => ({ plan, current: target?.path }))),
    );
  }

  /** Of the logs that are uploaded: the files that are closed and have their last names. */
  async rotatedForUpload(): Promise<readonly RotatedFiles[]> {
    const found: RotatedFiles[] = [];
    this.#do(async () => {
      for (const { plan } of [...this.#logs.values()]) {
        if (plan.ftp.length === 0) continue;
        const { folder, kind, rule } = plan;
        const inUse = this.#pathsInUse(folder);
        const names = (await listLogFiles(folder, kind)).filter(({ name }) => !inUse.has(join(folder, name)));
        const endOf = (startMs: number): number =>
          rule.minutes === undefined ? this.#parts.now() : periodAt(startMs, rule.minutes).endMs;
        const files = names.map(({ name, startMs }) => ({ path: join(folder, name), startMs, endMs: endOf(startMs) }));
        found.push({ plan, files });
      }
    });
    await this.whenIdle();
    return found;
  }

  /** Resolves when nothing is being compressed or deleted. */
  async whenIdle(): Promise<void> {
    for (let jobs: Promise<void> | undefined; jobs !== this.#jobs; ) {
      jobs = this.#jobs;
      await jobs;
    }
  }

  #renew(plan: LogPlan): void {
    const kept = this.#logs.get(plan.id);
    if (kept?.target !== undefined) this.#parts.announce([this.#rotate(kept)]);
  }

  #rotate(kept: KeptLog): LogNotice {
    const now = this.#parts.now();
    const { plan, target } = kept;
    const isDue = target !== undefined && now >= target.untilMs;
    // Processes may have begun the file of the next period already: by time all of them find the same one.
    const next = isDue ? periodTarget(plan, now) : this.#freshTarget(plan, now);
    const notice = this.#close(kept, next);
    this.#goOn(kept, next);
    return notice;
  }

  #goOn(kept: KeptLog, target: LogTarget | undefined): void {
    const now = this.#parts.now();
    kept.target = target;
    kept.isPlain = isPlain(kept.plan, target, now);
    kept.startMs = now;
    kept.bytes = 0;
    this.#dueMs = 0;
  }

  #close({ plan, target, startMs }: KeptLog, next: LogTarget | undefined): LogNotice {
    const now = this.#parts.now();
    const told = { log: plan.id, target: next, isPlain: isPlain(plan, next, now) };
    if (target === undefined) return { ...told, closing: undefined };
    const closing: ClosingFile = {
      plan,
      path: target.path,
      startMs: parseLogFileName(plan.kind, basename(target.path))?.startMs ?? startMs,
      endMs: Math.min(target.untilMs, now),
      waiting: new Set(this.#parts.writers()),
    };
    this.#closing.set(target.path, closing);
    addTo(this.#closingIn, dirname(target.path), target.path);
    if (closing.waiting.size === 0) this.#finishIfClosed(closing);
    return { ...told, closing: target.path };
  }

  /** The newest file goes on where it may, after a restart. */
  #begin(plan: LogPlan, isPresent: (folder: string) => boolean): KeptLog {
    const now = this.#parts.now();
    if (!plan.isOn) return { plan, target: undefined, isPlain: true, startMs: now, bytes: 0 };
    const { rule, folder, kind } = plan;
    const fresh = periodTarget(plan, now);
    const period = rule.minutes === undefined ? undefined : periodAt(now, rule.minutes);
    const newest = isPresent(folder) ? listLogFilesNow(folder, kind).at(-1) : undefined;
    if (newest !== undefined && !newest.isCompressed && (period === undefined || newest.startMs >= period.startMs)) {
      const path = join(folder, newest.name);
      const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
      const isNamedAlike = newest.name.length >= basename(fresh.path).length;
      if (isNamedAlike && (rule.bytes === undefined || bytes < rule.bytes)) {
        const target = { path, untilMs: fresh.untilMs };
        return { plan, target, isPlain: isPlain(plan, target, now), startMs: newest.startMs, bytes };
      }
    }
    const isUnused = newest === undefined && !this.#closingIn.has(folder);
    const target = isUnused ? fresh : this.#unusedTarget(plan, fresh, now);
    return { plan, target, isPlain: rule.minutes !== undefined && target.path === fresh.path, startMs: now, bytes: 0 };
  }

  /** A file that begins now, in the middle of its period. */
  #freshTarget(plan: LogPlan, now: number): LogTarget {
    const { rule, folder, kind } = plan;
    const { untilMs } = periodTarget(plan, now);
    const startMs = rule.bytes === undefined && rule.minutes !== undefined ? periodAt(now, rule.minutes).startMs : now;
    return this.#unusedTarget(plan, { path: join(folder, logFileName(kind, startMs, rule)), untilMs }, startMs);
  }

  /**
   * LOG-23: no name is used twice. It is behind all others, also behind those of a rule that names seconds and behind
   * those of a clock that was set back: the order of the names is that of the lines.
   */
  #unusedTarget({ folder, kind, rule }: LogPlan, target: LogTarget, ms: number): LogTarget {
    const namedMs = parseLogFileName(kind, basename(target.path))?.startMs ?? ms;
    // Lines for a file that is in use, or being closed, may not have come to the disk yet.
    const inUse = [...this.#pathsInUse(folder)].filter((path) => dirname(path) === folder);
    const files = [
      ...listLogFilesNow(folder, kind),
      ...inUse.map((path) => parseLogFileName(kind, basename(path))).filter((file) => file !== undefined),
    ];
    const startMs = files.reduce((newestMs, file) => Math.max(newestMs, file.startMs), namedMs);
    const ordinal = nextOrdinal(files, startMs);
    const name = logFileName(kind, startMs, startMs === namedMs ? rule : NAMED_BY_SECOND, ordinal);
    return { path: join(folder, name), untilMs: target.untilMs };
  }

  #finishIfClosed(closing: ClosingFile): void {
    if (closing.waiting.size > 0) return;
    this.#do(async () => {
      const { plan, startMs, endMs } = closing;
      try {
        const path = await this.#finish(plan, closing.path);
        if (path !== undefined) this.#parts.onRotated({ plan, path, startMs, endMs });
      } finally {
        this.#closing.delete(closing.path);
        removeFrom(this.#closingIn, dirname(closing.path), closing.path);
      }
      await this.#retain(plan);
    });
  }

  /** The last name of a closed file; undefined when nothing was ever written. */
  async #finish({ compress }: LogPlan, path: string): Promise<string | undefined> {
    if ((await sizeOf(path)) === 0) {
      await unlink(path).catch(() => undefined);
      return undefined;
    }
    return compress ? compressFile(path) : path;
  }

  async #retain(plan: LogPlan): Promise<void> {
    const { folder, kind, retention } = plan;
    const inUse = this.#pathsInUse(folder);
    const rotated = (await listLogFiles(folder, kind)).filter(({ name }) => !inUse.has(join(folder, name)));
    for (const { name, startMs } of outdatedFiles(rotated, retention, this.#parts.now())) {
      if (this.#parts.isAwaited?.(plan, { path: join(folder, name), startMs }) === true) continue;
      await deleteFile(folder, name);
    }
  }

  /** Once a day: files become too old also where no other one follows them. */
  #retainByAge(): void {
    const now = this.#parts.now();
    if (now < this.#retainAtMs) return;
    this.#retainAtMs = now + MS_PER_DAY;
    this.#do(async () => {
      const aging = [...this.#logs.values()].map(({ plan }) => plan).filter(({ retention }) => retention.days > 0);
      const present = await presentFolders(aging.map(({ folder }) => folder));
      for (const plan of aging) if (present.has(plan.folder)) await this.#retain(plan);
    });
  }

  #tidyAll(): void {
    if (this.#parts.hasEarlierWriters?.() === true) return;
    const untidy = [...this.#untidy];
    this.#untidy.clear();
    if (untidy.length === 0) return;
    this.#do(async () => {
      const present = await presentFolders(untidy.map(({ folder }) => folder));
      for (const plan of untidy) if (present.has(plan.folder)) await this.#tidy(plan);
    });
  }

  /** What an earlier run has left: drafts, and files that were not compressed yet. */
  async #tidy(plan: LogPlan): Promise<void> {
    const { folder, kind, compress } = plan;
    const names = await readdir(folder).catch(() => []);
    for (const name of names) {
      const isLeft = name.startsWith(`${kind}_`) && name.endsWith(".tmp") && !isDraftInUse(name);
      if (isLeft) await unlink(join(folder, name)).catch(() => undefined);
    }
    const inUse = this.#pathsInUse(folder);
    for (const { name, isCompressed } of await listLogFiles(folder, kind)) {
      if (compress && !isCompressed && !inUse.has(join(folder, name))) await compressFile(join(folder, name));
    }
    await this.#retain(plan);
  }

  #pathsInUse(folder: string): ReadonlySet<string> {
    const now = this.#parts.now();
    const paths = new Set(this.#closingIn.get(folder));
    for (const id of this.#logsIn.get(folder) ?? []) {
      const { plan, target } = this.#logs.get(id) ?? {};
      if (plan === undefined || target === undefined) continue;
      paths.add(target.path);
      // Processes may have begun the file of the next period already.
      if (now >= target.untilMs) paths.add(periodTarget(plan, now).path);
    }
    return paths;
  }

  /** One after the other, in the background. */
  #do(job: () => Promise<void>): void {
    this.#jobs = this.#jobs.then(job).catch((cause: unknown) => {
      this.#parts.onProblem(cause instanceof Error ? cause.message : String(cause));
    });
  }
}

const addTo = (sets: Map<string, Set<string>>, key: string, member: string): void => {
  const known = sets.get(key);
  if (known === undefined) sets.set(key, new Set([member]));
  else known.add(member);
};

const removeFrom = (sets: Map<string, Set<string>>, key: string, member: string): void => {
  const known = sets.get(key);
  known?.delete(member);
  if (known?.size === 0) sets.delete(key);
};

const isPlain = (plan: LogPlan, target: LogTarget | undefined, nowMs: number): boolean => {
  if (target === undefined) return !plan.isOn;
  return plan.rule.minutes !== undefined && periodTarget(plan, nowMs).path === target.path;
};

/** Whether lines by both plans can go into one file. */
const isSameFile = (one: LogPlan, other: LogPlan): boolean =>
  one.isOn === other.isOn &&
  one.folder === other.folder &&
  one.form === other.form &&
  one.rule.minutes === other.rule.minutes &&
  one.rule.bytes === other.rule.bytes;
