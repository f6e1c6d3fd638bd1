import type { InvalidationAction, InvalidationRequest, ObjectCoordinator } from "@basalt/cache";
import type { EdgeConfig, VhostSettings } from "@basalt/config";
import type { PurgeOutcome, PurgeRequest } from "@basalt/management";
import { compileKeyRules, compileVhostTable, decidePurge, type PurgeTarget, parsePurgeTargets } from "@basalt/policy";
import { type Clock, unreachable } from "@basalt/types";
import { PurgeLimits } from "./purgeLimits.ts";

export interface PurgingParts {
  readonly config: () => EdgeConfig;
  readonly coordinator: Pick<ObjectCoordinator, "invalidateAll" | "measure">;
  readonly clock: Clock;
  /** Whether every origin server of a virtual host is excluded (PRG-16). */
  readonly areOriginsExcluded: (vhost: string) => boolean;
  /** Other URLs under which workers keep what a client asks for by this one, as far as responses have told. */
  readonly aliasesOf: (vhost: string, url: string) => readonly string[];
}

type KnownTarget = Exclude<PurgeTarget, { kind: "unknownHost" | "malformed" }>;

const isKnown = (target: PurgeTarget): target is KnownTarget =>
  target.kind !== "unknownHost" && target.kind !== "malformed";

/** Carries out calls of the purge family (PRG-01 to PRG-25), by URL, pattern and tag. */
export class Purging {
  readonly #parts: PurgingParts;
  readonly #limits = new PurgeLimits();

  constructor(parts: PurgingParts) {
    this.#parts = parts;
  }

  async run(request: PurgeRequest): Promise<PurgeOutcome> {
    const startedMs = performance.now();
    const config = this.#parts.config();
    const targets = this.#targetsOf(request, config);
    if (targets.length === 0) return { kind: "malformed", reason: "no target is given" };
    if (targets.some(({ kind }) => kind === "malformed")) {
      return { kind: "malformed", reason: "the first target names no host" };
    }
    const known = targets.filter(isKnown);
    if (known.length === 0) return { kind: "unknownVhost" };
    // A dry run counts as much as the call would.
    const leave = this.#limits.enter(known);
    if (leave === undefined) return { kind: "tooMany" };
    try {
      const { coordinator } = this.#parts;
      const invalidations = known.flatMap((target) => this.#invalidationsOf(request, target, config));
      const affected = await (request.isDryRun === true
        ? coordinator.measure(invalidations)
        : coordinator.invalidateAll(invalidations));
      const count = affected.reduce((total, each) => total + each.count, 0);
      const bytes = affected.reduce((total, each) => total + each.bytes, 0);
      const status = count > 0 ? 200 : notFoundStatus(known, config);
      return { kind: "done", count, bytes, elapsedMs: performance.now() - startedMs, status };
    } finally {
      leave();
    }
  }

  /** A tag without a host is one of every host. */
  #targetsOf({ targets, tagged }: PurgeRequest, config: EdgeConfig): PurgeTarget[] {
    const table = compileVhostTable(config);
    if (tagged === undefined) {
      return parsePurgeTargets(targets, (host) => {
        const settings = table.find(host);
        if (settings === undefined) return undefined;
        return { name: settings.name, keyRules: compileKeyRules(settings), options: settings.options };
      });
    }
    const { tags, vhost } = tagged;
    if (vhost === undefined) return config.vhosts.map(({ name }) => ({ kind: "tag", vhost: name, tags }));
    const settings = table.find(vhost.toLowerCase());
    return [
      settings === undefined ? { kind: "unknownHost", host: vhost } : { kind: "tag", vhost: settings.name, tags },
    ];
  }

  #invalidationsOf(request: PurgeRequest, target: KnownTarget, config: EdgeConfig): InvalidationRequest[] {
    const { vhost } = target;
    const settings = settingsOf(vhost, config);
    const action = settings === undefined ? undefined : this.#actionOf(request, target, settings, config);
    if (action === undefined) return [];
    const meant = { vhost, target: withoutHost(target), action };
    if (target.kind !== "url") return [meant];
    const aliases = this.#parts.aliasesOf(vhost, target.url);
    return [meant, ...aliases.map((url) => ({ vhost, target: { kind: "url", url } as const, action }))];
  }

  #actionOf(
    { verb: asked, seconds }: PurgeRequest,
    target: KnownTarget,
    { options }: VhostSettings,
    { server }: EdgeConfig,
  ): InvalidationAction | undefined {
    const { purge2Expire, rootPurgeExpire } = options;
    const areExcluded = this.#parts.areOriginsExcluded(target.vhost);
    const rules = { purge2Expire, rootPurgeExpire, purge: server.cache.purge };
    const verb = decidePurge(asked, target, rules, areExcluded);
    switch (verb) {
      case "refused":
        return undefined;
      case "purge":
      case "expire":
      case "hardpurge":
        return { kind: verb };
      case "expireafter":
        return { kind: "expireafter", untilMs: this.#parts.clock.now() + seconds * 1000 };
      default:
        return unreachable(verb);
    }
  }
}

const settingsOf = (name: string, config: EdgeConfig): VhostSettings | undefined =>
  config.vhosts.find((vhost) => vhost.name === name);

/** PRG-03: of the last host that was named. */
const notFoundStatus = (targets: readonly KnownTarget[], config: EdgeConfig): number => {
  const last = targets.at(-1);
  return (last === undefined ? undefined : settingsOf(last.vhost, config))?.options.resCodeNoCtrlTarget ?? 200;
};

const withoutHost = (target: KnownTarget): InvalidationRequest["target"] => {
  switch (target.kind) {
    case "url":
    case "collective":
      return { kind: target.kind, url: target.url };
    case "pattern":
      return { kind: "pattern", pattern: target.pattern };
    case "tag":
      return { kind: "tag", tags: target.tags };
    default:
      return unreachable(target);
  }
};
