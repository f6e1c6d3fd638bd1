import type { PurgeTarget } from "@basalt/policy";

/** AWS-52: of one virtual host at a time. */
export const MOST_PATHS = 3_000;
export const MOST_WILDCARDS = 15;
/** Of one call: each costs a look at every object that is tagged at all. */
export const MOST_TAGS = 1_000;

interface InProgress {
  paths: number;
  wildcards: number;
}

/** A tag counts as a wildcard: it may mean any number of objects. */
const isWildcard = ({ kind }: PurgeTarget): boolean => kind === "pattern" || kind === "tag";

const countByHost = (targets: readonly PurgeTarget[]): Map<string, InProgress> => {
  const counts = new Map<string, InProgress>();
  for (const target of targets) {
    if (target.kind === "unknownHost" || target.kind === "malformed") continue;
    const count = counts.get(target.vhost) ?? { paths: 0, wildcards: 0 };
    if (isWildcard(target)) count.wildcards += 1;
    else count.paths += 1;
    counts.set(target.vhost, count);
  }
  return counts;
};

/** How many targets of each virtual host calls are at work on. */
export class PurgeLimits {
  readonly #inProgress = new Map<string, InProgress>();

  /** Undefined when that is too many; else the call that gives them back. */
  enter(targets: readonly PurgeTarget[]): (() => void) | undefined {
    if (targets.some((target) => target.kind === "tag" && target.tags.length > MOST_TAGS)) return undefined;
    const counts = countByHost(targets);
    for (const [vhost, count] of counts) {
      const running = this.#inProgress.get(vhost);
      if (count.paths + (running?.paths ?? 0) > MOST_PATHS) return undefined;
      if (count.wildcards + (running?.wildcards ?? 0) > MOST_WILDCARDS) return undefined;
    }
    for (const [vhost, count] of counts) this.#add(vhost, count, 1);
    return () => {
      for (const [vhost, count] of counts) this.#add(vhost, count, -1);
    };
  }

  #add(vhost: string, { paths, wildcards }: InProgress, sign: 1 | -1): void {
    const running = this.#inProgress.get(vhost) ?? { paths: 0, wildcards: 0 };
    running.paths += sign * paths;
    running.wildcards += sign * wildcards;
    if (running.paths === 0 && running.wildcards === 0) this.#inProgress.delete(vhost);
    else this.#inProgress.set(vhost, running);
  }
}
