import { Channel, portToParent } from "@basalt/ipc";
import { QueryLimitError, runLogQuery } from "@basalt/telemetry/log-query";
import { systemClock } from "@basalt/types";
import { LogFollowing } from "./logs/logFollowing.ts";
import type { LogHostOwner, LogHostService, QueryOutcome } from "./logs/logHostProtocol.ts";
import { createPoster } from "./logs/postEvents.ts";

/**
 * Composition root of the processes that read logs back: one for all subscriptions, as long as there are some, and one
 * for each query.
 */

const now = (): number => systemClock.now();
let following: LogFollowing | undefined;

const created = (): LogFollowing => {
  following ??= new LogFollowing({
    now,
    mayGrow: (path) => channel.call("mayGrow", { path }),
    post: createPoster(),
    tellCounts: (counts) => channel.tell("counted", counts),
    say: (level, text) => channel.tell("said", { level, text }),
  });
  return following;
};

const channel: Channel<LogHostService, LogHostOwner> = new Channel<LogHostService, LogHostOwner>(
  portToParent(),
  {
    follow: async (wanted) => {
      await created().follow(wanted);
      return true;
    },
    stop: async () => {
      await following?.close();
      return true;
    },
    query: async (question): Promise<QueryOutcome> => {
      try {
        return { kind: "answer", report: await runLogQuery(question, now) };
      } catch (cause) {
        if (cause instanceof QueryLimitError) return { kind: "tooMuch", message: cause.message };
        throw cause;
      }
    },
  },
  { written: ({ logs }) => void following?.wake(logs) },
);
channel.onClose(() => process.exit(0));
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
