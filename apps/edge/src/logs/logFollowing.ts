import { rm } from "node:fs/promises";
import { type PostEvents, Subscription, type SubscriptionTerms } from "@basalt/telemetry/subscription";
import { EdgeError } from "@basalt/types";
import { lineMatcher } from "./lineMatcher.ts";
import type { FollowCounts, FollowedLog } from "./logHostProtocol.ts";

export interface LogFollowingParts {
  readonly now: () => number;
  readonly mayGrow: (path: string) => Promise<boolean>;
  readonly post: PostEvents;
  readonly tellCounts: (counts: FollowCounts) => void;
  readonly say: (level: "notice" | "warning", text: string) => void;
}

interface Followed {
  readonly wanted: FollowedLog;
  readonly subscription: Subscription;
}

/** Thousands of hosts may have some: so many of them are looked at together. */
const AT_ONCE = 8;
/** What nobody told of is found by then. */
const LOOK_EVERY_MS = 60_000;
const COUNTS_EVERY_MS = 1_000;
const DROPS_EVERY_MS = 60_000;

const termsOf = ({ pattern, url, source, mostEvents, waitMs }: FollowedLog): SubscriptionTerms => ({
  match: lineMatcher(pattern),
  delivery: { url, source, mostEvents, waitMs },
});

/** Whether a running subscription can go on as another one says. */
const isContinued = (one: FollowedLog, other: FollowedLog): boolean =>
  one.folder === other.folder && one.form === other.form && one.spoolBytes === other.spoolBytes;

/** The subscriptions of all logs (AWS-86), by the folders of their spools. */
export class LogFollowing {
  readonly #parts: LogFollowingParts;
  readonly #followed = new Map<string, Followed>();
  readonly #drops = new Map<string, number>();
  /** Wait for their turn to be read. */
  readonly #due = new Set<Subscription>();
  readonly #read = new Set<Subscription>();
  #counts = { delivered: 0, dropped: 0, failedCalls: 0 };
  /** What an earlier process has told may be anything. */
  #toldSpoolBytes = -1;
  readonly #timers: readonly NodeJS.Timeout[];
  #changes: Promise<void> = Promise.resolve();

  constructor(parts: LogFollowingParts) {
    this.#parts = parts;
    this.#timers = [
      setInterval(() => void this.wake([]), LOOK_EVERY_MS),
      setInterval(() => this.#report(), COUNTS_EVERY_MS),
      setInterval(() => this.#sayDrops(), DROPS_EVERY_MS),
    ];
  }

  /** Resolves when those that are not wanted any more have ended. */
  follow(wanted: readonly FollowedLog[]): Promise<void> {
    this.#changes = this.#changes.then(() => this.#change(wanted));
    return this.#changes;
  }

  /**
   * Of these logs, all of them when none is named. Resolves when those that got a turn at once are read, and others in
   * their place: one that has gigabytes to read keeps nobody else waiting.
   */
  async wake(logs: readonly string[]): Promise<void> {
    const names = new Set(logs);
    for (const { wanted, subscription } of this.#followed.values()) {
      if (names.size > 0 && !names.has(wanted.log)) continue;
      if (this.#read.has(subscription)) void subscription.wake();
      else this.#due.add(subscription);
    }
    const free = Math.min(this.#due.size, AT_ONCE - this.#read.size);
    await Promise.all(Array.from({ length: Math.max(0, free) }, () => this.#readDue()));
  }

  async #readDue(): Promise<void> {
    for (let [next] = this.#due; next !== undefined; [next] = this.#due) {
      this.#due.delete(next);
      this.#read.add(next);
      await next.wake();
      this.#read.delete(next);
    }
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#changes;
    await Promise.all([...this.#followed.values()].map(({ subscription }) => subscription.close()));
    this.#report();
  }

  async #change(wanted: readonly FollowedLog[]): Promise<void> {
    const byFolder = new Map(wanted.map((one) => [one.spoolFolder, one]));
    const titles = new Set(wanted.map(({ title }) => title));
    for (const [folder, { wanted: before, subscription }] of this.#followed) {
      const next = byFolder.get(folder);
      if (next !== undefined && isContinued(before, next)) continue;
      this.#followed.delete(folder);
      this.#due.delete(subscription);
      await subscription.close();
      // One whose log has another folder now goes on there: what it has not delivered stays.
      if (next === undefined && !titles.has(before.title)) await this.#forget(before);
    }
    for (const [folder, next] of byFolder) {
      const known = this.#followed.get(folder);
      known?.subscription.setTerms(termsOf(next));
      this.#followed.set(folder, { wanted: next, subscription: known?.subscription ?? this.#create(next) });
    }
    // The one who wanted none may end this process now.
    if (this.#followed.size === 0) this.#report();
    void this.wake([]);
  }

  async #forget({ spoolFolder, title }: FollowedLog): Promise<void> {
    try {
      await rm(spoolFolder, { recursive: true, force: true });
    } catch (cause) {
      this.#parts.say("warning", `${title}: ${EdgeError.from(cause).detail}`);
    }
  }

  #create(wanted: FollowedLog): Subscription {
    const { title, folder, kind, form, spoolFolder, spoolBytes, sinceMs } = wanted;
    const { now, mayGrow, post, say } = this.#parts;
    const reports = {
      onDelivered: (events: number) => {
        this.#counts.delivered += events;
      },
      onDropped: (events: number) => this.#drop(title, events),
      onFailedCall: () => {
        this.#counts.failedCalls++;
      },
      onProblem: (text: string) => say("warning", `${title}: ${text}`),
      onNotice: (text: string) => say("notice", `${title}: ${text}`),
    };
    return new Subscription(
      { folder, kind, form, spoolFolder, spoolBytes, sinceMs, now, mayGrow, post, reports },
      termsOf(wanted),
    );
  }

  #drop(title: string, events: number): void {
    this.#counts.dropped += events;
    const known = this.#drops.get(title);
    if (known === undefined) this.#parts.say("warning", `${title}: ${events} events were dropped`);
    this.#drops.set(title, known === undefined ? 0 : known + events);
  }

  /** What was dropped since it was last said. */
  #sayDrops(): void {
    for (const [title, events] of this.#drops) {
      if (events > 0) this.#parts.say("warning", `${title}: ${events} more events were dropped`);
      if (events > 0) this.#drops.set(title, 0);
      else this.#drops.delete(title);
    }
  }

  #report(): void {
    const counts = this.#counts;
    let spoolBytes = 0;
    for (const { subscription } of this.#followed.values()) spoolBytes += subscription.spoolBytes;
    const isNews = counts.delivered + counts.dropped + counts.failedCalls > 0 || spoolBytes !== this.#toldSpoolBytes;
    if (!isNews) return;
    this.#toldSpoolBytes = spoolBytes;
    this.#counts = { delivered: 0, dropped: 0, failedCalls: 0 };
    this.#parts.tellCounts({ ...counts, spoolBytes });
  }
}
