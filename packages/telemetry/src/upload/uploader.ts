import { copyFile, mkdir, unlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseLogFileName } from "../logs/rotation.ts";
import type { UploadClient, UploadFile, UploadJob, UploadOutcome, UploadRequest } from "./contract.ts";
import { dueAt } from "./schedule.ts";
import type { UploadLog } from "./uploadLog.ts";
import { uploadPathOf } from "./uploadPath.ts";
import type { QueueMark, UploadQueue } from "./uploadQueue.ts";

const FIRST_RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 900_000;
/** A file that ends the sending process as often as this counts as one that failed. */
const MOST_CRASHES = 3;
/** The clock may be set meanwhile. */
const LONGEST_WAIT_MS = 5_000;

export interface UploaderParts {
  readonly queue: UploadQueue;
  readonly log: UploadLog;
  readonly now: () => number;
  /** Name of this machine, in paths. */
  readonly machine: string;
  readonly backupFolder: string;
  /** In another process. Rejects when that has ended. */
  readonly send: (client: UploadClient, request: Omit<UploadRequest, "access">) => Promise<UploadOutcome>;
  /** Nothing is to be sent at the moment. */
  readonly onIdle: () => void;
  readonly onProblem: (text: string) => void;
  readonly wait?: (ms: number, then: () => void) => () => void;
}

interface ClientState {
  settings: UploadClient;
  isBusy: boolean;
  failures: number;
  notBeforeMs: number;
}

interface Trial {
  failures: number;
  crashes: number;
  notBeforeMs: number;
}

const retryDelayMs = (failures: number): number => Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));

const waitInReality = (ms: number, then: () => void): (() => void) => {
  const timer = setTimeout(then, ms);
  timer.unref();
  return () => clearTimeout(timer);
};

const isNewer = (one: QueueMark, other: QueueMark): boolean =>
  one.startMs > other.startMs || (one.startMs === other.startMs && one.ordinal > other.ordinal);

const markOfFile = ({ kind, path, startMs }: Pick<UploadFile, "kind" | "path" | "startMs">): QueueMark =>
  parseLogFileName(kind, basename(path)) ?? { startMs, ordinal: 1 };

/** Decides which file is sent when, and what becomes of it (LOG-174). Each client has one file on the way at most. */
export class Uploader {
  readonly #parts: UploaderParts;
  readonly #clients = new Map<string, ClientState>();
  readonly #trials = new Map<UploadJob, Trial>();
  #cancel: (() => void) | undefined;
  #isClosed = false;
  #finishing: Promise<void> = Promise.resolve();

  constructor(parts: UploaderParts) {
    this.#parts = parts;
  }

  configure(clients: readonly UploadClient[]): void {
    const names = new Set(clients.map(({ name }) => name));
    for (const settings of clients) {
      const known = this.#clients.get(settings.name);
      if (known === undefined) {
        this.#clients.set(settings.name, { settings, isBusy: false, failures: 0, notBeforeMs: 0 });
      } else {
        // What failed by the old settings may work by the new ones.
        Object.assign(known, { settings, failures: 0, notBeforeMs: 0 });
      }
    }
    for (const name of [...this.#clients.keys()]) if (!names.has(name)) this.#clients.delete(name);
    this.#trials.clear();
    let dropped = 0;
    for (const job of [...this.#parts.queue.jobs]) {
      if (names.has(job.client)) continue;
      this.#parts.queue.remove(job);
      dropped++;
    }
    if (dropped > 0) this.#parts.onProblem(`${dropped} files were waiting for FTP clients that are gone: not uploaded`);
    this.#pump();
  }

  /** A file of a log has been rotated. `log` names it among all logs. */
  add(log: string, file: UploadFile, clients: readonly string[]): void {
    const { queue, now } = this.#parts;
    const mark = markOfFile(file);
    const last = queue.markOf(log);
    if (last === undefined || isNewer(mark, last)) queue.setMark(log, mark);
    const queuedMs = now();
    for (const client of new Set(clients)) {
      if (this.#clients.has(client)) queue.add({ ...file, client, queuedMs, isUnwanted: false });
    }
    this.#pump();
  }

  /** What lies there of a log, the oldest first: what was rotated without anybody noticing is added. */
  catchUp(log: string, files: readonly UploadFile[], clients: readonly string[]): void {
    const mark = this.#parts.queue.markOf(log);
    const newest = files.at(-1);
    if (mark === undefined) {
      // Files from before its first client are not for it.
      this.#parts.queue.setMark(log, newest === undefined ? { startMs: 0, ordinal: 0 } : markOfFile(newest));
      return;
    }
    for (const file of files) if (isNewer(markOfFile(file), mark)) this.add(log, file, clients);
  }

  /** Whether a file of a log has still to be sent, or to be queued by `catchUp`. */
  awaits(log: string, { path, kind, startMs }: Pick<UploadFile, "path" | "kind" | "startMs">): boolean {
    const { queue } = this.#parts;
    if (queue.isWaitingFor(path)) return true;
    const mark = queue.markOf(log);
    return mark !== undefined && isNewer(markOfFile({ path, kind, startMs }), mark);
  }

  /** What is not sent by now stays in the queue. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.#finishing;
    await this.#parts.log.whenWritten();
    await this.#parts.queue.close();
  }

  #pump(): void {
    if (this.#isClosed) return;
    this.#cancel?.();
    this.#cancel = undefined;
    const now = this.#parts.now();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const job of this.#parts.queue.jobs) {
      const client = this.#clients.get(job.client);
      if (client === undefined || client.isBusy) continue;
      const dueMs = Math.max(
        dueAt(client.settings.transfer, job.queuedMs),
        client.notBeforeMs,
        this.#trials.get(job)?.notBeforeMs ?? 0,
      );
      if (dueMs > now) nextMs = Math.min(nextMs, dueMs);
      else this.#start(client, job);
    }
    if (nextMs < Number.POSITIVE_INFINITY) {
      const wait = this.#parts.wait ?? waitInReality;
      this.#cancel = wait(Math.min(LONGEST_WAIT_MS, nextMs - now), () => this.#pump());
    }
    if (![...this.#clients.values()].some(({ isBusy }) => isBusy)) this.#parts.onIdle();
  }

  #start(client: ClientState, job: UploadJob): void {
    client.isBusy = true;
    const { settings } = client;
    const remotePath = uploadPathOf(settings.uploadPath, job, this.#parts.machine);
    const done = this.#parts
      .send(settings, { localPath: job.path, remotePath })
      .then(
        (outcome) => this.#finish(client, job, settings, remotePath, outcome),
        () => this.#crashed(client, job, settings, remotePath),
      )
      .catch((cause: unknown) => this.#parts.onProblem(cause instanceof Error ? cause.message : String(cause)))
      .finally(() => {
        client.isBusy = false;
        this.#pump();
      });
    this.#finishing = Promise.all([this.#finishing, done]).then(() => undefined);
  }

  async #crashed(client: ClientState, job: UploadJob, settings: UploadClient, remotePath: string): Promise<void> {
    if (this.#isClosed) return;
    const trial = this.#trialOf(job);
    trial.crashes++;
    trial.notBeforeMs = this.#parts.now() + 1_000;
    if (trial.crashes < MOST_CRASHES) return;
    trial.crashes = 0;
    const message = "the process that sends files ended";
    await this.#finish(client, job, settings, remotePath, { kind: "failed", at: "file", bytes: 0, tookMs: 0, message });
  }

  async #finish(
    client: ClientState,
    job: UploadJob,
    settings: UploadClient,
    remotePath: string,
    outcome: UploadOutcome,
  ): Promise<void> {
    const { queue, now, log } = this.#parts;
    // Its client is gone, and so is the job.
    if (!queue.jobs.has(job)) return;
    const isSent = outcome.kind === "sent";
    const { bytes, tookMs } = outcome.kind === "missing" ? { bytes: 0, tookMs: 0 } : outcome;
    const error =
      outcome.kind === "sent" ? undefined : outcome.kind === "missing" ? "the file is gone" : outcome.message;
    const { host, port } = settings;
    log.write({ localPath: job.path, host, port, remotePath, bytes, tookMs, error }, now());
    if (isSent) client.failures = 0;
    if (outcome.kind === "failed" && !settings.backupOnFail) {
      this.#postpone(client, job, outcome.at);
      return;
    }
    if (outcome.kind === "failed") await this.#keepAside(job);
    this.#trials.delete(job);
    queue.remove(job);
    await this.#release(job, job.isUnwanted || (isSent && settings.deleteUploaded));
  }

  #postpone(client: ClientState, job: UploadJob, at: "server" | "file"): void {
    const now = this.#parts.now();
    if (at === "server") {
      client.failures++;
      client.notBeforeMs = now + retryDelayMs(client.failures);
      return;
    }
    const trial = this.#trialOf(job);
    trial.failures++;
    trial.notBeforeMs = now + retryDelayMs(trial.failures);
  }

  /** LOG-184. */
  async #keepAside({ path, vhost }: UploadJob): Promise<void> {
    const folder = join(this.#parts.backupFolder, vhost.replace(/^\*/, ""));
    try {
      await mkdir(folder, { recursive: true });
      await copyFile(path, join(folder, basename(path)));
    } catch (cause) {
      this.#parts.onProblem(`${path} cannot be kept aside: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }

  /** LOG-183: the last one who waits for the file deletes it, where one of them would. */
  async #release(job: UploadJob, isUnwanted: boolean): Promise<void> {
    if (!isUnwanted) return;
    const other = [...this.#parts.queue.jobs].find(({ path }) => path === job.path);
    if (other === undefined) await unlink(job.path).catch(() => undefined);
    else this.#parts.queue.noteUnwanted(other);
  }

  #trialOf(job: UploadJob): Trial {
    const known = this.#trials.get(job);
    if (known !== undefined) return known;
    const trial = { failures: 0, crashes: 0, notBeforeMs: 0 };
    this.#trials.set(job, trial);
    return trial;
  }
}
