import type { Invalidation } from "@basalt/cache";
import type { PurgeAnswer, PurgeCall } from "@basalt/server";
import { EdgeError } from "@basalt/types";
import type { HostLink, StandIn } from "./hostLink.ts";

/** Numbers of fills and parts that no primary gives. */
const FIRST_OWN_FILL = 2 ** 48;
/** Versions of a worker without a primary lie between two whole ones. */
const VERSION_STEP = 2 ** -20;

export interface StandInParts {
  readonly link: Pick<HostLink, "newestVersion">;
  /** To this worker's own objects. */
  readonly invalidate: (invalidation: Invalidation) => Promise<void>;
  /** To the next primary, when it is there. */
  readonly handOn: (outdated: { readonly vhost: string; readonly urls: readonly string[] }) => void;
  readonly purge: (call: PurgeCall) => Promise<PurgeAnswer>;
}

/**
 * Answers a worker that has lost its primary. It may fetch whatever it lacks, and store nothing. Versions that it gives
 * are later than all that were given before, and earlier than those of the next primary, whose invalidations therefore
 * concern everything that was fetched meanwhile.
 */
export const createStandIn = ({ link, invalidate, handOn, purge }: StandInParts): StandIn => {
  let lastFill = FIRST_OWN_FILL;
  let version = 0;
  const nextVersion = (): number => {
    version = Math.max(version, link.newestVersion) + VERSION_STEP;
    return version;
  };
  const refuse = (): never => {
    throw new EdgeError("STORE_UNAVAILABLE", { detail: "nothing is stored without the primary" });
  };
  return {
    acquire: () => ({ kind: "granted", fillId: ++lastFill, version: nextVersion() }),
    acquirePart: ({ first, end }) => ({ kind: "granted", partId: ++lastFill, first, end }),
    // What was replaced is the next primary's to give back.
    fallBack: () => null,
    nextSegment: refuse,
    nextFile: refuse,
    derive: refuse,
    outdated: async ({ vhost, urls }) => {
      const action = { kind: "hardpurge" } as const;
      await Promise.all(
        urls.map((url) => invalidate({ version: nextVersion(), vhost, target: { kind: "url", url }, action })),
      );
      handOn({ vhost, urls });
      return null;
    },
    purge,
    drained: () => null,
  };
};
