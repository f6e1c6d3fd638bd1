import { type ChildProcess, fork } from "node:child_process";
import { setPriority } from "node:os";
import { type CallHandlers, Channel, type EventHandlers, portToChild } from "@basalt/ipc";
import { LOG_HOST_ENTRY } from "../entries.ts";
import type { LogHostOwner, LogHostService } from "./logHostProtocol.ts";

const NICENESS = 10;
/** Beyond it the process ends rather than to take the memory of the cache. */
const HEAP_MEGABYTES = 384;

export interface LogHostProcess {
  readonly child: ChildProcess;
  readonly channel: Channel<LogHostOwner, LogHostService>;
}

/** A process that reads logs, below the workers in priority. Its channel closes when it ends. */
export const startLogHost = (
  calls: CallHandlers<LogHostOwner>,
  events: EventHandlers<LogHostOwner>,
): LogHostProcess => {
  const child = fork(LOG_HOST_ENTRY, [], {
    serialization: "advanced",
    execArgv: [`--max-old-space-size=${HEAP_MEGABYTES}`],
  });
  const channel = new Channel<LogHostOwner, LogHostService>(portToChild(child), calls, events);
  child.on("error", () => channel.close());
  try {
    if (child.pid !== undefined) setPriority(child.pid, NICENESS);
  } catch {
    // A host that forbids it only loses the preference.
  }
  return { child, channel };
};
