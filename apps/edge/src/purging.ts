import type { ObjectCoordinator } from "@basalt/cache";
import type { EdgeConfig } from "@basalt/config";
import type { PurgeOutcome, PurgeRequest } from "@basalt/management";
import { compileKeyRules, compileVhostTable, decidePurge, type PurgeTarget, parsePurgeTargets } from "@basalt/policy";
import { type Clock, unreachable } from "@basalt/types";

/** Carries out a call of the purge family (PRG-05 to PRG-25). */
export const runPurge = async (
  request: PurgeRequest,
  config: EdgeConfig,
  coordinator: ObjectCoordinator,
  clock: Clock,
): Promise<PurgeOutcome> => {
  const started = performance.now();
  const table = compileVhostTable(config);
  const targets = parsePurgeTargets(request.targets, (host) => {
    const settings = table.find(host);
    if (settings === undefined) return undefined;
    return { name: settings.name, keyRules: compileKeyRules(settings), options: settings.options };
  });
  if (targets.length === 0) return { kind: "malformed", reason: "no target is given" };
  const malformed = targets.find((target) => target.kind === "malformed");
  if (malformed !== undefined) return { kind: "malformed", reason: "the first target names no host" };
  if (targets.every((target) => target.kind === "unknownHost")) return { kind: "unknownVhost" };

  let count = 0;
  let bytes = 0;
  let notFoundStatus = 200;
  for (const target of targets) {
    const affected = await invalidate(request, target, config, coordinator, clock);
    count += affected.count;
    bytes += affected.bytes;
    if (target.kind !== "unknownHost" && target.kind !== "malformed") {
      const options = config.vhosts.find((vhost) => vhost.name === target.vhost)?.options;
      notFoundStatus = options?.resCodeNoCtrlTarget ?? notFoundStatus;
    }
  }
  const elapsedMs = Math.round(performance.now() - started);
  return { kind: "done", count, bytes, elapsedMs, status: count > 0 ? 200 : notFoundStatus };
};

const NOTHING = { count: 0, bytes: 0 };

const invalidate = async (
  request: PurgeRequest,
  target: PurgeTarget,
  config: EdgeConfig,
  coordinator: ObjectCoordinator,
  clock: Clock,
): Promise<{ readonly count: number; readonly bytes: number }> => {
  if (target.kind === "unknownHost" || target.kind === "malformed") return NOTHING;
  const settings = config.vhosts.find((vhost) => vhost.name === target.vhost);
  if (settings === undefined) return NOTHING;
  const { purge2Expire, rootPurgeExpire } = settings.options;
  const verb = decidePurge(request.verb, target, { purge2Expire, rootPurgeExpire, purge: config.server.cache.purge });
  switch (verb) {
    case "refused":
      return NOTHING;
    case "purge":
    case "expire":
    case "hardpurge":
      return await coordinator.invalidate(target.vhost, target, { kind: verb });
    case "expireafter": {
      const untilMs = clock.now() + request.seconds * 1000;
      return await coordinator.invalidate(target.vhost, target, { kind: "expireafter", untilMs });
    }
    default:
      return unreachable(verb);
  }
};
