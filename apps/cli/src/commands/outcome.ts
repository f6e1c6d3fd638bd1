import type { CallOutcome } from "../controlClient.ts";
import { EXIT } from "../exitCodes.ts";
import type { Home } from "../home.ts";
import { printError } from "../output.ts";

/** Says on standard error why a call did not work; returns the exit code. */
export const reportFailure = (home: Home, outcome: CallOutcome): number => {
  switch (outcome.kind) {
    case "notRunning":
      printError(`Basalt is not running on ${home.path}.`);
      return EXIT.notRunning;
    case "failed":
      printError(`Basalt does not answer: ${outcome.reason}.`);
      return EXIT.failed;
    case "answered":
      printError(typeof outcome.envelope.result === "string" ? outcome.envelope.result : "The function failed.");
      return EXIT.failed;
  }
};

export const isDone = (outcome: CallOutcome): boolean =>
  outcome.kind === "answered" && outcome.envelope.status === "OK";
