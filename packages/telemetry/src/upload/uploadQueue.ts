import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { UploadJob } from "./contract.ts";

/** The newest file of a log that was queued: what is newer has not been. */
export interface QueueMark {
  readonly startMs: number;
  readonly ordinal: number;
}

const VERSION = 1;
/** Between two writes, since each writes all. */
const WRITE_GAP_MS = 250;

/** Files that may wait: of one log for one client, and in all. */
export interface QueueLimits {
  readonly filesOfLog: number;
  readonly files: number;
}

const LIMITS: QueueLimits = { filesOfLog: 1_000, files: 50_000 };

const seriesOf = ({ client, kind, vhost }: UploadJob): string => `${client}\n${kind}\n${vhost}`;

interface Content {
  readonly jobs: readonly UploadJob[];
  readonly marks: ReadonlyMap<string, QueueMark>;
}

type Fields = Readonly<Record<string, unknown>>;

/** Of what an earlier run wrote, which is read field by field. */
const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};

const jobOf = (value: unknown): UploadJob | undefined => {
  const { client, path, kind, vhost, startMs, endMs, queuedMs, isUnwanted } = fieldsOf(value);
  const isSound =
    typeof client === "string" &&
    typeof path === "string" &&
    typeof kind === "string" &&
    typeof vhost === "string" &&
    typeof startMs === "number" &&
    typeof endMs === "number" &&
    typeof queuedMs === "number";
  if (!isSound) return undefined;
  return { client, path, kind, vhost, startMs, endMs, queuedMs, isUnwanted: isUnwanted === true };
};

const readContent = (text: string): Content | undefined => {
  let content: Fields;
  try {
    content = fieldsOf(JSON.parse(text));
  } catch {
    return undefined;
  }
  const { version, jobs, marks } = content;
  if (version !== VERSION || !Array.isArray(jobs)) return undefined;
  const read = Object.entries(fieldsOf(marks)).flatMap(([log, value]): [string, QueueMark][] => {
    const { startMs, ordinal } = fieldsOf(value);
    return typeof startMs === "number" && typeof ordinal === "number" ? [[log, { startMs, ordinal }]] : [];
  });
  return { jobs: jobs.map(jobOf).filter((job) => job !== undefined), marks: new Map(read) };
};

/**
 * What is to be uploaded, in a file of its own: written whole beside the old one, then put in its place. It may lag by
 * a fraction of a second: after a crash a file is sent twice at worst, and `marks` tell what was rotated since.
 */
export class UploadQueue {
  readonly #path: string;
  readonly #onProblem: (text: string) => void;
  readonly #jobs: Set<UploadJob>;
  readonly #marks: Map<string, QueueMark>;
  readonly #limits: QueueLimits;
  /** Of one log for one client. */
  readonly #counts = new Map<string, number>();
  /** By path. */
  readonly #waitingFor = new Map<string, number>();
  #isDropping = false;
  #isChanged = false;
  #isClosing = false;
  #writing: Promise<void> | undefined;

  static async open(
    path: string,
    onProblem: (text: string) => void,
    limits: QueueLimits = LIMITS,
  ): Promise<UploadQueue> {
    const text = await readFile(path, "utf8").catch(() => undefined);
    const content = text === undefined ? undefined : readContent(text);
    if (text !== undefined && content === undefined) {
      await rename(path, `${path}.damaged`).catch(() => undefined);
      onProblem(`${path} is damaged and was set aside; what it named is not uploaded`);
    }
    return new UploadQueue(path, onProblem, content, limits);
  }

  private constructor(
    path: string,
    onProblem: (text: string) => void,
    content: Content | undefined,
    limits: QueueLimits,
  ) {
    this.#path = path;
    this.#onProblem = onProblem;
    this.#limits = limits;
    this.#jobs = new Set();
    this.#marks = new Map(content?.marks ?? []);
    for (const job of content?.jobs ?? []) this.#enter(job);
  }

  /** The oldest first. */
  get jobs(): ReadonlySet<UploadJob> {
    return this.#jobs;
  }

  markOf(log: string): QueueMark | undefined {
    return this.#marks.get(log);
  }

  setMark(log: string, mark: QueueMark): void {
    this.#marks.set(log, mark);
    this.#change();
  }

  /** Beyond the limits the oldest of its kind is given up. */
  add(job: UploadJob): void {
    this.#enter(job);
    const { filesOfLog, files } = this.#limits;
    const series = seriesOf(job);
    if ((this.#counts.get(series) ?? 0) > filesOfLog) this.#giveUp((other) => seriesOf(other) === series);
    if (this.#jobs.size > files) this.#giveUp(() => true);
    this.#change();
  }

  remove(job: UploadJob): void {
    if (!this.#leave(job)) return;
    if (this.#jobs.size === 0) this.#isDropping = false;
    this.#change();
  }

  isWaitingFor(path: string): boolean {
    return this.#waitingFor.has(path);
  }

  noteUnwanted(job: UploadJob): void {
    job.isUnwanted = true;
    this.#change();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#writing;
    if (this.#isChanged) await this.#write();
  }

  #enter(job: UploadJob): void {
    if (this.#jobs.has(job)) return;
    this.#jobs.add(job);
    raise(this.#counts, seriesOf(job), 1);
    raise(this.#waitingFor, job.path, 1);
  }

  #leave(job: UploadJob): boolean {
    if (!this.#jobs.delete(job)) return false;
    raise(this.#counts, seriesOf(job), -1);
    raise(this.#waitingFor, job.path, -1);
    return true;
  }

  #giveUp(isMeant: (job: UploadJob) => boolean): void {
    for (const job of this.#jobs) {
      if (!isMeant(job)) continue;
      this.#leave(job);
      if (!this.#isDropping) this.#onProblem(`too many files wait for ${job.client}: the oldest are not uploaded`);
      this.#isDropping = true;
      return;
    }
  }

  #change(): void {
    this.#isChanged = true;
    this.#writing ??= this.#writeChanges().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeChanges(): Promise<void> {
    while (this.#isChanged) {
      await this.#write();
      if (this.#isClosing) return;
      await pause(WRITE_GAP_MS, undefined, { ref: false });
    }
  }

  async #write(): Promise<void> {
    this.#isChanged = false;
    const content = { version: VERSION, marks: Object.fromEntries(this.#marks), jobs: [...this.#jobs] };
    const draft = `${this.#path}.tmp`;
    try {
      await mkdir(dirname(this.#path), { recursive: true });
      const file = await open(draft, "w", 0o644);
      try {
        await file.writeFile(JSON.stringify(content));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, this.#path);
    } catch (cause) {
      this.#onProblem(`${this.#path} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }
}

/** An entry whose count is 0 goes. */
const raise = (counts: Map<string, number>, key: string, change: number): void => {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
};
