import { createContext, Script } from "node:vm";

/** Runs a job; false: it took longer than so many milliseconds and was ended in the middle. */
export type RunWithin = (limitMs: number, job: () => void) => boolean;

/** It is an error of the other context, not of the class of this one. */
const isTimeOut = (cause: unknown): boolean =>
  typeof cause === "object" && cause !== null && "code" in cause && cause.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";

/**
 * Ends what never looks at a clock too, such as a regular expression that tries all ways of matching a line: a process
 * that is in one hears nothing, not even that the one which started it is gone.
 */
export const createTimeLimit = (): RunWithin => {
  const place = { job: (): void => undefined };
  const context = createContext(place);
  const script = new Script("job()");
  return (limitMs, job) => {
    place.job = job;
    try {
      script.runInContext(context, { timeout: Math.max(1, Math.ceil(limitMs)) });
      return true;
    } catch (cause) {
      if (isTimeOut(cause)) return false;
      throw cause;
    } finally {
      place.job = () => undefined;
    }
  };
};
