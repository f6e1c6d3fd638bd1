import type { LogQuestion } from "@basalt/telemetry/log-query";
import { startLogHost } from "./logHostProcess.ts";
import type { QueryOutcome } from "./logHostProtocol.ts";

const MOST_QUERIES = 2;
/** For the process to begin, and for what it does between two looks at the clock. */
const GRACE_MS = 5_000;

/** AWS-88: each query has a process of its own, which is ended when its time is over. */
export class LogQueries {
  #running = 0;

  /** Undefined: too many are under way. */
  async run(question: LogQuestion): Promise<QueryOutcome | undefined> {
    if (this.#running >= MOST_QUERIES) return undefined;
    this.#running++;
    const { child, channel } = startLogHost({ mayGrow: () => false }, { counted: () => {}, said: () => {} });
    const timer = setTimeout(() => child.kill("SIGKILL"), question.limitMs + GRACE_MS);
    try {
      return await channel.call("query", question);
    } catch {
      return { kind: "tooMuch", message: "more time or memory than a query may have" };
    } finally {
      clearTimeout(timer);
      channel.close();
      child.kill("SIGKILL");
      this.#running--;
    }
  }
}
