import { createHash } from "node:crypto";
import type { ObjectCoordinator } from "@basalt/cache";
import type {
  InvalidationJob,
  InvalidationPage,
  InvalidationPageQuestion,
  PurgeOutcome,
  PurgeRequest,
} from "@basalt/management";
import { type Clock, EdgeError } from "@basalt/types";
import { InvalidationJobFile, type JobRecord, type JobResult } from "./invalidationJobFile.ts";

/** Jobs that are remembered at most, for at most this long. */
export const MOST_JOBS = 10_000;
export const JOB_KEPT_MS = 24 * 60 * 60 * 1000;
/** Of the targets, for people: 10,000 calls may name a megabyte each. */
const MOST_TARGET_CHARACTERS = 1024;
/** Ids are moments, and this many fit in a millisecond. */
const IDS_PER_MS = 1024;
const ID_DIGITS = 11;

export interface InvalidationJobsParts {
  readonly clock: Clock;
  /** Where jobs outlive the process. */
  readonly path: string;
  readonly onProblem: (cause: unknown) => void;
  readonly coordinator: Pick<ObjectCoordinator, "newestVersion" | "areOutstanding">;
  /** For tests. */
  readonly mostJobs?: number;
}

interface Job {
  readonly id: string;
  readonly createdMs: number;
  readonly verb: PurgeRequest["verb"];
  readonly targets: string;
  readonly reference: string | undefined;
  readonly digest: string;
  readonly firstVersion: number;
  readonly lastVersion: number;
  /** Undefined until the call has returned. */
  result: JobResult | undefined;
  /** Once true it stays so: versions of an earlier process may be given again. */
  isCompleted: boolean;
}

type DoneOutcome = Extract<PurgeOutcome, { kind: "done" }>;

const digestOf = ({ verb, targets, tagged, seconds }: PurgeRequest): string => {
  const asked = [verb, targets, tagged?.tags ?? null, tagged?.vhost ?? null, verb === "expireafter" ? seconds : 0];
  return createHash("sha256").update(JSON.stringify(asked)).digest("base64url");
};

const describeTargets = ({ targets, tagged }: PurgeRequest): string => {
  const text =
    tagged === undefined ? targets : `tag=${tagged.tags.join("|")}${tagged.vhost ? `&vhost=${tagged.vhost}` : ""}`;
  return text.length > MOST_TARGET_CHARACTERS ? `${text.slice(0, MOST_TARGET_CHARACTERS)}…` : text;
};

const recordOf = ({ isCompleted: _, ...job }: Job, result: JobResult): JobRecord => ({ ...job, result });

const idOf = (place: number): string => `I${place.toString(36).toUpperCase().padStart(ID_DIGITS, "0")}`;

const placeOf = (id: string): number => Number.parseInt(id.slice(1), 36);

/** Calls that invalidate, as jobs (AWS-53): the latest, bounded in number and age, also those before a restart. */
export class InvalidationJobs {
  readonly #parts: InvalidationJobsParts;
  readonly #file: InvalidationJobFile;
  /** The latest last. */
  readonly #jobs = new Map<string, Job>();
  readonly #byReference = new Map<string, Job>();
  readonly #running = new Map<Job, Promise<JobResult>>();
  #lastPlace = 0;

  constructor(parts: InvalidationJobsParts) {
    this.#parts = parts;
    const { path, onProblem } = parts;
    this.#file = new InvalidationJobFile({
      path,
      onProblem,
      records: () => this.#records(),
      mostLines: 2 * this.#mostJobs,
    });
  }

  /**
   * Takes over the jobs of an earlier process, once its invalidations that rows may not show have been repeated: jobs of
   * these are in progress again, all others are completed.
   */
  async resume(): Promise<void> {
    for (const record of await this.#file.readAll()) {
      const isCompleted = !this.#parts.coordinator.areOutstanding(record.firstVersion, record.lastVersion);
      this.#enter({ ...record, isCompleted });
      this.#lastPlace = Math.max(this.#lastPlace, placeOf(record.id));
    }
    this.#forgetOld();
  }

  /**
   * What a call with a reference gets that was used before: the answer of the first call, once it has one, or a refusal
   * when that call asked for something else. Undefined for all other calls.
   */
  repetitionOf(request: PurgeRequest): Promise<PurgeOutcome> | undefined {
    this.#forgetOld();
    const job = request.reference === undefined ? undefined : this.#byReference.get(request.reference);
    if (job === undefined) return undefined;
    if (job.digest !== digestOf(request)) return Promise.resolve({ kind: "conflict" });
    return this.#repeat(job);
  }

  /** Makes a job of a call. `invalidate` takes its versions before it waits for anything. A call that fails is no job. */
  async run(request: PurgeRequest, invalidate: () => Promise<JobResult>): Promise<DoneOutcome> {
    const { coordinator, clock } = this.#parts;
    const createdMs = clock.now();
    this.#lastPlace = Math.max(this.#lastPlace + 1, createdMs * IDS_PER_MS);
    const firstVersion = coordinator.newestVersion + 1;
    const invalidating = invalidate();
    const job: Job = {
      id: idOf(this.#lastPlace),
      createdMs,
      verb: request.verb,
      targets: describeTargets(request),
      reference: request.reference,
      digest: digestOf(request),
      firstVersion,
      lastVersion: coordinator.newestVersion,
      result: undefined,
      isCompleted: false,
    };
    this.#enter(job);
    this.#running.set(job, invalidating);
    try {
      const result = await invalidating;
      job.result = result;
      const written = this.#file.append(recordOf(job, result));
      // A call without a reference may be made again at no cost but its own.
      if (job.reference !== undefined) await written;
      return this.#outcomeOf(job, result);
    } catch (cause) {
      this.#forget(job);
      throw cause;
    } finally {
      this.#running.delete(job);
    }
  }

  find(id: string): InvalidationJob | undefined {
    this.#forgetOld();
    const job = this.#jobs.get(id);
    return job === undefined ? undefined : this.#describe(job);
  }

  /** The latest first. `marker`: the id of the last job of the page before, whether or not it is still known. */
  list({ marker, limit }: InvalidationPageQuestion): InvalidationPage {
    this.#forgetOld();
    const latestFirst = [...this.#jobs.values()].reverse();
    const behind = marker === undefined ? latestFirst : latestFirst.filter(({ id }) => id < marker);
    const page = behind.slice(0, limit);
    const nextMarker = behind.length > limit ? page.at(-1)?.id : undefined;
    return { jobs: page.map((job) => this.#describe(job)), nextMarker };
  }

  /** Resolves when the jobs are in the file. */
  close(): Promise<void> {
    return this.#file.close();
  }

  get #mostJobs(): number {
    return this.#parts.mostJobs ?? MOST_JOBS;
  }

  async #repeat(job: Job): Promise<PurgeOutcome> {
    const result = job.result ?? (await this.#running.get(job));
    if (result === undefined) throw new EdgeError("INTERNAL", { detail: `job ${job.id} has no result` });
    return { ...this.#outcomeOf(job, result), isRepetition: true };
  }

  #outcomeOf(job: Job, result: JobResult): DoneOutcome {
    return { kind: "done", ...result, job: { id: job.id, state: this.#stateOf(job) } };
  }

  /** Of URLs until the call has returned; of patterns and tags until the index shows them. */
  #stateOf(job: Job): InvalidationJob["state"] {
    if (!job.isCompleted) {
      const { coordinator } = this.#parts;
      job.isCompleted = job.result !== undefined && !coordinator.areOutstanding(job.firstVersion, job.lastVersion);
    }
    return job.isCompleted ? "Completed" : "InProgress";
  }

  #describe(job: Job): InvalidationJob {
    const { id, createdMs, verb, targets, reference, result } = job;
    return { id, state: this.#stateOf(job), createdMs, verb, targets, reference, result };
  }

  #enter(job: Job): void {
    this.#jobs.set(job.id, job);
    if (job.reference !== undefined) this.#byReference.set(job.reference, job);
    for (const oldest of this.#jobs.values()) {
      if (this.#jobs.size <= this.#mostJobs) break;
      this.#forget(oldest);
    }
  }

  #forgetOld(): void {
    const before = this.#parts.clock.now() - JOB_KEPT_MS;
    for (const job of this.#jobs.values()) {
      if (job.createdMs >= before) break;
      this.#forget(job);
    }
  }

  #forget(job: Job): void {
    this.#jobs.delete(job.id);
    if (job.reference !== undefined && this.#byReference.get(job.reference) === job) {
      this.#byReference.delete(job.reference);
    }
  }

  #records(): JobRecord[] {
    const records: JobRecord[] = [];
    for (const job of this.#jobs.values()) {
      if (job.result !== undefined) records.push(recordOf(job, job.result));
    }
    return records;
  }
}
