import { CachedObject, isSelected, nameOf, SPACES_PER_VHOST, selectorFor, type TierEntry } from "@basalt/cache";
import { fieldBlockOf } from "@basalt/http";
import type { EdgeServer } from "@basalt/server";
import type { MemoryTier } from "@basalt/store";
import type { ExplainProbe, ExplainSight } from "./protocol.ts";

export interface WorkerSight {
  readonly server: Pick<EdgeServer, "state">;
  readonly tier: Pick<MemoryTier<TierEntry>, "peek">;
}

/** What this worker knows of an object: looks without counting as a request for it. */
export const answerProbe = (probe: ExplainProbe, { server, tier }: WorkerSight): ExplainSight => {
  const served = server.state.served.get(probe.vhost);
  if (served === undefined) return { url: probe.url, memory: "none", waitingInvalidations: 0 };
  const { searchRules, cache, requestSelector } = served;
  const url = searchRules.isEmpty ? probe.url : searchRules.canonicalUrl(probe.url);
  const fields = fieldBlockOf(probe.fields);
  const sent = (name: string): string | undefined => fields.get(name);
  const get = requestSelector === undefined ? sent : (name: string) => requestSelector.read(name, sent);
  const space = cache.index * SPACES_PER_VHOST + probe.variant;
  const look = (selector: string): CachedObject | undefined => {
    const entry = tier.peek(space, nameOf(url, selector));
    return entry instanceof CachedObject ? entry : undefined;
  };
  let object = look(probe.bodySelector);
  if (object !== undefined && !isSelected(object.selection, get)) {
    object = look(`${probe.bodySelector}${selectorFor(object.selection, get)}`);
    if (object !== undefined && !isSelected(object.selection, get)) object = undefined;
  }
  const waiting = object === undefined ? [] : cache.invalidations.matching(url, object.checkedVersion, object);
  const held = object?.hasBody === true || object?.bodyBytes === 0 ? "body" : "head";
  return {
    url,
    memory: object === undefined ? "none" : held,
    waitingInvalidations: waiting.length,
  };
};
