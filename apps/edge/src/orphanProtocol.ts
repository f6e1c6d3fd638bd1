import type { ObjectClient } from "@basalt/cache";
import type { PurgeAnswer, PurgeCall } from "@basalt/server";
import type { LogLevel } from "./protocol.ts";

/** What workers that have lost their primary and the primary that comes next say to each other (decision 0015). */

/** What the primary offers to workers of an earlier one. */
export interface OrphanHost {
  readonly calls: {
    /** First of all; answered when the worker will be told of every invalidation from now on. */
    arrive: {
      readonly request: {
        readonly pid: number /** Latest version that it has seen. */;
        readonly newestVersion: number;
      };
      readonly reply: null;
    };
    purge: { readonly request: PurgeCall; readonly reply: PurgeAnswer };
    outdated: { readonly request: { readonly vhost: string; readonly urls: readonly string[] }; readonly reply: null };
  };
  readonly events: { readonly log: { readonly level: LogLevel; readonly text: string } };
}

/** What a worker without a primary of its own offers to the next one. */
export interface OrphanClient {
  readonly calls: ObjectClient["calls"] & {
    /** Answered when it accepts nothing more at that place. */
    unlisten: { readonly request: { readonly place: string }; readonly reply: null };
  };
  readonly events: ObjectClient["events"] & {
    /** Others serve: accept nothing more, finish what runs, end. */
    drain: { readonly limitMs: number };
    /** This primary ends on purpose, and another one follows. */
    leaving: null;
  };
}
