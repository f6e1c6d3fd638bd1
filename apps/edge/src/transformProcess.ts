import type { DeriveReply, DeriveRequest } from "@basalt/cache";
import type { EdgeConfig, TransformShare } from "@basalt/config";
import { EdgeError } from "@basalt/types";
import { CrashRecord, workKeyOf } from "./crashRecord.ts";
import type { StoreDisks } from "./hostStore.ts";
import type { LogLevel, TransformFigures } from "./protocol.ts";
import { transformSettings, transformShareOf } from "./transformSettings.ts";
import { type Spawned, spawnTransformHost } from "./transformSpawn.ts";
import { withinTime } from "./withinTime.ts";

/** A spare is made when the start of others is over. */
const SPARE_DELAY_MS = 1_000;
/** How long a process may take to become the host. */
const START_LIMIT_MS = 30_000;
/** How long a job waits for a host that takes jobs. */
const SUCCESSOR_MS = 20_000;
/** How often a job may come to a host that ends or gives way before it is done. */
const ATTEMPTS = 5;
/** Jobs beyond those that the host may have: it judges who has to leave, but there may be no host at the moment. */
const ON_THEIR_WAY = 5_000;
/** Beyond so many ends within a minute each further start is delayed. */
const FREE_RESTARTS = 3;
const RESTART_PERIOD_MS = 60_000;
const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 5_000;
/** How long a host that gives way may finish what runs, beyond the deadline of its jobs. */
const RETIRE_GRACE_MS = 2_000;

export interface TransformProcessParts {
  readonly config: () => EdgeConfig;
  readonly store: () => StoreDisks;
  readonly onDiskFailed: (disk: number) => void;
  readonly onDiskFull: (disk: number) => void;
  /** `writer`: of one process; another that gives way may write at the same time. */
  readonly nextSegment: (writer: string, disk: number) => Promise<number>;
  readonly nextFile: (disk: number) => number;
  readonly log: (level: LogLevel, text: string) => void;
  readonly onGone: (writer: string) => void;
  /** What the process runs; undefined: the transform host. */
  readonly entry?: { readonly module: string; readonly execArgv: readonly string[] };
}

interface Running extends Spawned {
  readonly startedMs: number;
  /** Resolves when the host takes jobs; rejects when it ended before. */
  readonly configured: Promise<void>;
  /** It gives way to another: its end is no crash. */
  isDismissed: boolean;
}

interface Job {
  readonly number: number;
  readonly request: DeriveRequest;
  readonly share: TransformShare;
  readonly key: () => string;
  /** A thread of the host that has it has begun. */
  isStarted: boolean;
  isAbandoned: boolean;
}

/**
 * The transform host, kept running. Jobs in flight when it dies are done once more by its successor, and one that is
 * found to kill it is refused; a host that is unfit (memory, a thread that hangs) gives way to a spare without a loss.
 */
export class TransformProcess {
  readonly #parts: TransformProcessParts;
  readonly #record = new CrashRecord();
  readonly #jobs = new Map<number, Job>();
  readonly #jobsById = new Map<number, Job>();
  #running: Running;
  /** A process with its code loaded, so that jobs wait as little as possible when the host dies. */
  #spare: Spawned | undefined;
  /** Resolves when another host has become the running one. */
  #succession = Promise.withResolvers<void>();
  #replacing = false;
  readonly #retiring = new Set<Running>();
  /** Moments of unexpected ends within the last minute. */
  #ends: number[] = [];
  #restarts = 0;
  #replacements = 0;
  #overloaded = 0;
  #nextNumber = 1;
  #nextWriter = 1;
  #isStopping = false;

  constructor(parts: TransformProcessParts) {
    this.#parts = parts;
    this.#running = this.#employ(this.#spawn());
    this.#prepareSpare();
  }

  get pid(): number {
    return this.#running.child.pid ?? 0;
  }

  /** Unexpected ends. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Hosts that gave way because they were unfit. */
  get replacements(): number {
    return this.#replacements;
  }

  /** Jobs that did not come as far as a host because there were too many. */
  get overloaded(): number {
    return this.#overloaded;
  }

  get uptimeSeconds(): number {
    return Math.floor((performance.now() - this.#running.startedMs) / 1000);
  }

  get isServing(): boolean {
    return this.#running.channel.isOpen;
  }

  /** Errors: TRANSFORM_OVERLOADED, TRANSFORM_FAILED, SHUTTING_DOWN, and those of the store. */
  async derive(request: DeriveRequest): Promise<DeriveReply> {
    const settings = transformSettings(this.#parts.config());
    if (this.#jobs.size >= settings.queueLimit + settings.threads + ON_THEIR_WAY) {
      this.#overloaded++;
      throw new EdgeError("TRANSFORM_OVERLOADED", { detail: `${this.#jobs.size} jobs under way` });
    }
    let key: string | undefined;
    const job: Job = {
      number: this.#nextNumber++,
      request,
      share: transformShareOf(this.#parts.config(), request.vhost),
      key: () => {
        key ??= workKeyOf(request);
        return key;
      },
      isStarted: false,
      isAbandoned: false,
    };
    this.#jobs.set(job.number, job);
    this.#jobsById.set(request.id, job);
    try {
      return await this.#deriveUntilDone(job);
    } finally {
      this.#jobs.delete(job.number);
      if (this.#jobsById.get(request.id) === job) this.#jobsById.delete(request.id);
    }
  }

  /** Nobody waits for that job any more; `id`: of its request. */
  abandon(id: number): void {
    const job = this.#jobsById.get(id);
    if (job === undefined) return;
    job.isAbandoned = true;
    this.#running.channel.tell("abandon", { number: job.number });
  }

  async figures(): Promise<TransformFigures | undefined> {
    return await this.#running.channel.call("figures", null).catch(() => undefined);
  }

  setStore(store: StoreDisks): void {
    for (const { channel } of this.#hosts()) channel.tell("store", store);
  }

  /** The configuration has changed. */
  applySettings(): void {
    this.#running.channel.tell("settings", transformSettings(this.#parts.config()));
  }

  stop(): void {
    this.#isStopping = true;
    this.#spare?.child.kill("SIGKILL");
    for (const { child } of this.#hosts()) child.kill("SIGKILL");
  }

  *#hosts(): Generator<Running> {
    yield this.#running;
    yield* this.#retiring;
  }

  async #deriveUntilDone(job: Job): Promise<DeriveReply> {
    for (let attempt = 1; ; attempt++) {
      try {
        if (this.#record.isEmpty) return await this.#attempt(job);
        if (this.#record.isRefused(job.key())) throw new EdgeError("TRANSFORM_FAILED", { detail: REFUSED });
        if (!this.#record.isSuspect(job.key())) return await this.#attempt(job);
        return await this.#record.alone(async () => {
          const reply = await this.#attempt(job);
          this.#record.clear(job.key());
          return reply;
        });
      } catch (cause) {
        if (EdgeError.from(cause).code !== "SHUTTING_DOWN" || this.#isStopping || attempt === ATTEMPTS) throw cause;
        if (job.isAbandoned) throw new EdgeError("TRANSFORM_FAILED", { detail: "cancelled" });
      }
    }
  }

  /** One try. SHUTTING_DOWN: its host has ended or given way, and another is in its place. */
  async #attempt(job: Job): Promise<DeriveReply> {
    const host = this.#running;
    job.isStarted = false;
    const { number, request, share } = job;
    try {
      await host.configured;
      return await host.channel.call("derive", { number, request, share });
    } catch (cause) {
      if (EdgeError.from(cause).code === "SHUTTING_DOWN" && !this.#isStopping) {
        if (job.isStarted && !host.channel.isOpen && !host.isDismissed && this.#record.blame(job.key())) {
          this.#parts.log(
            "error",
            `${request.vhost}: a transform has ended the transform host twice and is refused for a while: ${describe(request)}`,
          );
        }
        await this.#successionOf(host);
      }
      throw cause;
    }
  }

  #spawn(): Spawned {
    const spawned = spawnTransformHost(this.#parts, `transform ${this.#nextWriter++}`, {
      started: ({ number }) => {
        const job = this.#jobs.get(number);
        if (job !== undefined) job.isStarted = true;
      },
      overran: ({ number }) => this.#noteOverrun(number),
      unfit: ({ reason, isUrgent }) => this.#unfit(spawned, reason, isUrgent),
      retired: () => spawned.child.kill("SIGKILL"),
    });
    return spawned;
  }

  /** Makes a process the transform host: its threads start now. */
  #employ(spawned: Spawned): Running {
    const end = (): void => {
      spawned.child.kill("SIGKILL");
    };
    const limit = setTimeout(end, START_LIMIT_MS);
    limit.unref();
    const configured = spawned.ready
      .then(async () => {
        const settings = transformSettings(this.#parts.config());
        await spawned.channel.call("configure", { settings, store: this.#parts.store() });
      })
      .catch((cause: unknown) => {
        // One that cannot be made a host is of no use: another is tried.
        end();
        throw new EdgeError("SHUTTING_DOWN", { detail: `transform host not started: ${EdgeError.from(cause).detail}` });
      })
      .finally(() => clearTimeout(limit));
    configured.catch(() => {});
    const running = { ...spawned, startedMs: performance.now(), configured, isDismissed: false };
    // A spare may have died just now: its end is noticed when it has become the running one.
    queueMicrotask(() => spawned.channel.onClose(() => this.#ended(running)));
    return running;
  }

  #prepareSpare(): void {
    const timer = setTimeout(() => {
      if (this.#isStopping || this.#spare !== undefined) return;
      const spare = this.#spawn();
      this.#spare = spare;
      spare.channel.onClose(() => {
        if (this.#spare === spare) this.#spare = undefined;
      });
    }, SPARE_DELAY_MS);
    timer.unref();
  }

  #ended(running: Running): void {
    this.#parts.onGone(running.writer);
    this.#retiring.delete(running);
    if (this.#isStopping || running !== this.#running || this.#replacing) return;
    this.#restarts++;
    const nowMs = performance.now();
    this.#ends = [...this.#ends.filter((endMs) => nowMs - endMs < RESTART_PERIOD_MS), nowMs];
    this.#parts.log("warning", "transform host ended unexpectedly; another takes its place");
    const delayMs = delayAfter(this.#ends.length);
    if (delayMs === 0) this.#replace();
    else setTimeout(() => this.#replace(), delayMs);
  }

  #replace(): void {
    if (this.#isStopping) return;
    this.#succeed(this.#employ(this.#takeSpare()));
  }

  #takeSpare(): Spawned {
    const spare = this.#spare ?? this.#spawn();
    this.#spare = undefined;
    return spare;
  }

  #succeed(next: Running): void {
    this.#running = next;
    this.#succession.resolve();
    this.#succession = Promise.withResolvers();
    this.#prepareSpare();
    // It died while it was on its way to this place.
    if (!next.channel.isOpen) this.#ended(next);
  }

  #unfit({ channel }: Spawned, reason: string, isUrgent: boolean): void {
    const host = this.#running;
    if (this.#isStopping || host.channel !== channel) return;
    this.#parts.log("warning", `transform host is replaced: ${reason}`);
    if (isUrgent) host.child.kill("SIGKILL");
    else if (!this.#replacing) void this.#giveWay(host);
  }

  /** The spare takes the place of a host that still works. */
  async #giveWay(host: Running): Promise<void> {
    this.#replacing = true;
    const next = this.#employ(this.#takeSpare());
    await next.configured.catch(() => {});
    this.#replacing = false;
    if (this.#isStopping) return;
    this.#replacements++;
    host.isDismissed = host.channel.isOpen;
    if (host.channel.isOpen) this.#retiring.add(host);
    this.#succeed(next);
    host.channel.tell("retire", null);
    const limitMs = transformSettings(this.#parts.config()).deadlineMs + RETIRE_GRACE_MS;
    setTimeout(() => host.child.kill("SIGKILL"), limitMs).unref();
  }

  #noteOverrun(number: number): void {
    const job = this.#jobs.get(number);
    if (job === undefined) return;
    this.#record.noteOverrun(job.key());
    this.#parts.log("warning", `${job.request.vhost}: a transform took too long: ${describe(job.request)}`);
  }

  /** Resolves when another host is in the place of that one; fails when none comes. */
  async #successionOf(host: Running): Promise<void> {
    const limitMs = performance.now() + SUCCESSOR_MS;
    while (this.#running === host) {
      const leftMs = limitMs - performance.now();
      if (leftMs <= 0) throw new EdgeError("TRANSFORM_OVERLOADED", { detail: "there is no transform host" });
      await withinTime(leftMs, this.#succession.promise);
    }
  }
}

const REFUSED = "refused: it has ended the transform host, or has run too long, a while ago";

const delayAfter = (ends: number): number =>
  ends <= FREE_RESTARTS ? 0 : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (ends - FREE_RESTARTS - 1));

const describe = ({ image, operation }: DeriveRequest): string => `${operation.kind} ${image?.url ?? ""}`.trimEnd();
