import type { InvalidationAction, InvalidationRequest, ObjectCoordinator } from "@basalt/cache";
import type { EdgeConfig, VhostSettings } from "@basalt/config";
import type { PurgeOutcome, PurgeRequest } from "@basalt/management";
import {
  compileStoredUrls,
  compileVhostTable,
  decidePurge,
  type PurgeHost,
  type PurgeTarget,
  parsePurgeTargets,
  type VhostTable,
} from "@basalt/policy";
import { type Clock, unreachable } from "@basalt/types";
import type { JobResult } from "./invalidationJobFile.ts";
import type { InvalidationJobs } from "./invalidationJobs.ts";
import { PurgeLimits } from "./purgeLimits.ts";
import { servingVhosts } from "./servingVhosts.ts";

export interface PurgingParts {
  readonly config: () => EdgeConfig;
  readonly coordinator: Pick<ObjectCoordinator, "invalidateAll" | "measure">;
  readonly jobs: Pick<InvalidationJobs, "repetitionOf" | "run">;
  readonly clock: Clock;
  /** Whether every origin server of a virtual host is excluded (PRG-16). */
  readonly areOriginsExcluded: (vhost: string) => boolean;
  /** Other URLs under which workers keep what a client asks for by this one, as far as responses have told. */
  readonly aliasesOf: (vhost: string, url: string) => readonly string[];
}

type KnownTarget = Exclude<PurgeTarget, { kind: "unknownHost" | "malformed" }>;

const isKnown = (target: PurgeTarget): target is KnownTarget =>
  target.kind !== "unknownHost" && target.kind !== "malformed";

/** What calls ask a configuration for, made once: calls come one after the other, and there may be 20,000 hosts. */
interface CompiledHosts {
  readonly config: EdgeConfig;
  readonly table: VhostTable;
  readonly byName: ReadonlyMap<string, VhostSettings>;
  readonly storedUrls: Map<VhostSettings, PurgeHost["keyRules"]>;
}

const compileHosts = (config: EdgeConfig): CompiledHosts => ({
  config,
  table: compileVhostTable(config),
  byName: new Map(config.vhosts.map((vhost) => [vhost.name, vhost])),
  storedUrls: new Map(),
});

/** Carries out calls of the purge family (PRG-01 to PRG-25), by URL, pattern and tag. */
export class Purging {
  readonly #parts: PurgingParts;
  readonly #limits = new PurgeLimits();
  #compiled: CompiledHosts | undefined;

  constructor(parts: PurgingParts) {
    this.#parts = parts;
  }

  async run(request: PurgeRequest): Promise<PurgeOutcome> {
    const isDryRun = request.isDryRun === true;
    const repetition = isDryRun ? undefined : this.#parts.jobs.repetitionOf(request);
    if (repetition !== undefined) return await repetition;
    const startedMs = performance.now();
    const hosts = this.#hosts();
    const targets = this.#targetsOf(request, hosts);
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
      const { coordinator, jobs } = this.#parts;
      const invalidations = known.flatMap((target) => this.#invalidationsOf(request, target, hosts));
      const carryOut = async (): Promise<JobResult> => {
        const affected = await (isDryRun
          ? coordinator.measure(invalidations)
          : coordinator.invalidateAll(invalidations));
        const count = affected.reduce((total, each) => total + each.count, 0);
        const bytes = affected.reduce((total, each) => total + each.bytes, 0);
        const status = count > 0 ? 200 : notFoundStatus(known, hosts);
        return { count, bytes, elapsedMs: performance.now() - startedMs, status };
      };
      return isDryRun ? { kind: "done", ...(await carryOut()) } : await jobs.run(request, carryOut);
    } finally {
      leave();
    }
  }

  #hosts(): CompiledHosts {
    const config = this.#parts.config();
    if (this.#compiled?.config !== config) this.#compiled = compileHosts(config);
    return this.#compiled;
  }

  /** A tag without a host is one of every host. */
  #targetsOf({ targets, tagged }: PurgeRequest, { config, table, storedUrls }: CompiledHosts): PurgeTarget[] {
    if (tagged === undefined) {
      return parsePurgeTargets(targets, (host) => {
        const settings = table.find(host);
        if (settings === undefined) return undefined;
        const rules = storedUrls.get(settings) ?? compileStoredUrls(settings);
        storedUrls.set(settings, rules);
        return { name: settings.name, keyRules: rules, options: settings.options };
      });
    }
    const { tags, vhost } = tagged;
    if (vhost === undefined) return servingVhosts(config).map(({ name }) => ({ kind: "tag", vhost: name, tags }));
    const settings = table.find(vhost.toLowerCase());
    return [
      settings === undefined ? { kind: "unknownHost", host: vhost } : { kind: "tag", vhost: settings.name, tags },
    ];
  }

  #invalidationsOf(request: PurgeRequest, target: KnownTarget, hosts: CompiledHosts): InvalidationRequest[] {
    const { vhost } = target;
    const settings = hosts.byName.get(vhost);
    const action = settings === undefined ? undefined : this.#actionOf(request, target, settings, hosts.config);
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

/** PRG-03: of the last host that was named. */
const notFoundStatus = (targets: readonly KnownTarget[], { byName }: CompiledHosts): number => {
  const last = targets.at(-1);
  return (last === undefined ? undefined : byName.get(last.vhost))?.options.resCodeNoCtrlTarget ?? 200;
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
