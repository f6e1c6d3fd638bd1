import type { JobTerms } from "./contract.ts";

/** What waits in a queue. */
export interface Waiting {
  readonly terms: JobTerms;
}

interface Share<Job> {
  readonly asked: Set<Job>;
  readonly idle: Set<Job>;
  running: number;
  /** Of its last job. */
  weight: number;
  /** Time on threads that it has had, divided by its weight: who has the least is next. */
  servedMs: number;
  /** What one of its jobs takes, as far as is known: charged when a job starts. */
  expectedMs: number;
}

/** A first guess, before a virtual host has had a job. */
const EXPECTED_MS = 20;
/** How much the last job counts in what is expected of the next. */
const NEWS = 0.3;
/** Virtual hosts remembered before those without jobs are forgotten, but for those that are far ahead of the others. */
const REMEMBERED = 256;
/** As `servedMs`: 100 ms of a host of weight 100. */
const FAR_AHEAD_MS = 1;

/**
 * Jobs that wait, by virtual host: each host gets threads in proportion to its weight, measured by the time that its
 * jobs have taken (start-time fair queueing). A host that had nothing to do has saved nothing up: it begins level with
 * the others. Time on a thread is counted and not processor time, since libvips works in threads of its own.
 */
export class FairQueue<Job extends Waiting> {
  readonly #shares = new Map<string, Share<Job>>();
  readonly #withJobs: { readonly [Priority in JobTerms["priority"]]: Set<Share<Job>> } = {
    asked: new Set(),
    idle: new Set(),
  };
  #rememberedLimit = REMEMBERED;
  /** `servedMs` of the host whose job started last: where new hosts begin. */
  #levelMs = 0;
  #size = 0;
  #heldBytes = 0;

  get size(): number {
    return this.#size;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  add(job: Job): void {
    const { terms } = job;
    const share = this.#shareOf(terms);
    if (share.asked.size + share.idle.size + share.running === 0) {
      share.servedMs = Math.max(share.servedMs, this.#levelMs);
    }
    share[terms.priority].add(job);
    this.#withJobs[terms.priority].add(share);
    this.#size++;
    this.#heldBytes += terms.heldBytes;
  }

  /** True if it waited. */
  remove(job: Job): boolean {
    const { vhost, priority } = job.terms;
    const share = this.#shares.get(vhost);
    if (share === undefined || !share[priority].delete(job)) return false;
    if (share[priority].size === 0) this.#withJobs[priority].delete(share);
    this.#size--;
    this.#heldBytes -= job.terms.heldBytes;
    return true;
  }

  /** The job that is to start next, counted as running from now on. */
  take(mayBeIdle: boolean): Job | undefined {
    return this.#takeFrom("asked") ?? (mayBeIdle ? this.#takeFrom("idle") : undefined);
  }

  /** `tookMs`: its time on a thread. */
  ended(job: Job, tookMs: number): void {
    const share = this.#shares.get(job.terms.vhost);
    if (share === undefined) return;
    share.running--;
    share.servedMs += (tookMs - share.expectedMs) / share.weight;
    share.expectedMs += NEWS * (tookMs - share.expectedMs);
  }

  /**
   * Who has to leave when the queue is full and this job comes: what nobody waits for, else the youngest job of the host
   * that has most in the queue for its weight. Undefined: the one that comes.
   */
  victimFor(terms: JobTerms): Job | undefined {
    if (terms.priority === "asked") {
      for (const { idle } of this.#withJobs.idle) return lastOf(idle);
    }
    const own = this.#shares.get(terms.vhost);
    let most = ((own?.[terms.priority].size ?? 0) + 1) / terms.weight;
    let victims: Set<Job> | undefined;
    for (const share of this.#withJobs[terms.priority]) {
      if (share === own) continue;
      const load = share[terms.priority].size / share.weight;
      if (load <= most) continue;
      most = load;
      victims = share[terms.priority];
    }
    return victims === undefined ? undefined : lastOf(victims);
  }

  *[Symbol.iterator](): Generator<Job> {
    for (const { asked } of this.#withJobs.asked) yield* asked;
    for (const { idle } of this.#withJobs.idle) yield* idle;
  }

  #takeFrom(priority: JobTerms["priority"]): Job | undefined {
    let best: Share<Job> | undefined;
    let next: Job | undefined;
    for (const share of this.#withJobs[priority]) {
      if (best !== undefined && share.servedMs >= best.servedMs) continue;
      const [first] = share[priority];
      if (first === undefined || !mayRunOneMore(share.running, first.terms.maxRunning)) continue;
      best = share;
      next = first;
    }
    if (best === undefined || next === undefined) return undefined;
    this.remove(next);
    this.#levelMs = Math.max(this.#levelMs, best.servedMs);
    best.running++;
    best.servedMs += best.expectedMs / best.weight;
    return next;
  }

  #shareOf({ vhost, weight }: JobTerms): Share<Job> {
    const known = this.#shares.get(vhost);
    if (known !== undefined) {
      known.weight = weight;
      return known;
    }
    if (this.#shares.size >= this.#rememberedLimit) this.#forget();
    const share = {
      asked: new Set<Job>(),
      idle: new Set<Job>(),
      running: 0,
      weight,
      servedMs: this.#levelMs,
      expectedMs: EXPECTED_MS,
    };
    this.#shares.set(vhost, share);
    return share;
  }

  #forget(): void {
    for (const [vhost, { asked, idle, running, servedMs }] of this.#shares) {
      const isWithoutJobs = asked.size + idle.size + running === 0;
      if (isWithoutJobs && servedMs <= this.#levelMs + FAR_AHEAD_MS) this.#shares.delete(vhost);
    }
    this.#rememberedLimit = Math.max(REMEMBERED, this.#shares.size * 2);
  }
}

const mayRunOneMore = (running: number, limit: number): boolean => limit === 0 || running < limit;

const lastOf = <T>(items: ReadonlySet<T>): T | undefined => {
  let last: T | undefined;
  for (const item of items) last = item;
  return last;
};
