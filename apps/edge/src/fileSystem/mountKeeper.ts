import type { MountSettings } from "@basalt/config";

const RETRY_MS = 5_000;

/** A worker, as far as it may hold the mount. */
export interface MountHolder {
  readonly id: number;
  readonly pid: number;
}

export interface MountKeeperParts<Worker extends MountHolder> {
  readonly settings: MountSettings;
  /** Those that serve. */
  readonly workers: () => Iterable<Worker>;
  /** Resolves with why it could not be mounted; rejects when the worker is gone. */
  readonly mount: (worker: Worker, settings: MountSettings) => Promise<string | undefined>;
  readonly log: { readonly notice: (text: string) => void; readonly warning: (text: string) => void };
}

/** Sees to it that one of the workers that serve holds the mount, as long as the instance runs. */
export class MountKeeper<Worker extends MountHolder> {
  readonly #parts: MountKeeperParts<Worker>;
  #holder: number | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** Of the last attempt: said once, however often it is met. */
  #problem: string | undefined;
  #isStopped = false;

  constructor(parts: MountKeeperParts<Worker>) {
    this.#parts = parts;
  }

  /** A worker serves, or has gone. */
  settle(): void {
    const { settings, workers } = this.#parts;
    if (!settings.enabled || this.#isStopped || this.#holder !== undefined || this.#retry !== undefined) return;
    const [first] = workers();
    if (first !== undefined) void this.#give(first);
  }

  /** That worker has it no more: it is gone, or on its way. */
  left(workerId: number): void {
    if (this.#holder !== workerId) return;
    this.#holder = undefined;
    this.settle();
  }

  /** Somebody has taken the mount away from a worker that serves: another instance, maybe, that would do so again at once. */
  lost(workerId: number): void {
    if (this.#holder !== workerId) return;
    this.#holder = undefined;
    this.#parts.log.warning(`the mount at ${this.#parts.settings.path} was taken away`);
    this.#tryLater();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#retry);
  }

  async #give(worker: Worker): Promise<void> {
    const { settings, mount, log } = this.#parts;
    this.#holder = worker.id;
    const problem = await mount(worker, settings).catch(() => "the worker has ended");
    if (this.#holder !== worker.id) return;
    const isNew = problem !== this.#problem;
    this.#problem = problem;
    if (problem === undefined) {
      log.notice(`the cache is mounted at ${settings.path} by the worker with pid ${worker.pid}`);
      return;
    }
    this.#holder = undefined;
    if (this.#isStopped) return;
    if (isNew) log.warning(`the cache cannot be mounted at ${settings.path}: ${problem}`);
    this.#tryLater();
  }

  #tryLater(): void {
    if (this.#isStopped || this.#retry !== undefined) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.settle();
    }, RETRY_MS);
    this.#retry.unref();
  }
}
