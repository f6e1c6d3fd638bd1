import { formatProblem, type Problem } from "@basalt/types";
import { type Answer, fail, type JsonValue, succeed } from "../answer.ts";
import { CONFIRMATION, CONFIRMATION_KEY, confirmationPage, isConfirmed } from "../confirmation.ts";
import { parametersOf } from "../query.ts";
import type { Call, Route, RouteContext } from "../route.ts";

const inBackground = (what: string, work: Promise<void>, { log }: RouteContext): void => {
  work.catch((error: unknown) =>
    log.error(`${what} failed: ${error instanceof Error ? error.message : String(error)}`),
  );
};

const describeProblem = (problem: Problem): JsonValue => ({ ...problem, text: formatProblem(problem) });

const reload = async (_: Call, { control }: RouteContext): Promise<Answer> => {
  const outcome = await control.reload();
  return outcome.kind === "applied"
    ? succeed("reload", {
        Generation: outcome.generation,
        Changes: outcome.changes,
        NeedRestart: outcome.needRestart,
        Warnings: outcome.warnings.map(describeProblem),
      })
    : fail("reload", 500, { Problems: outcome.problems.map(describeProblem) });
};

export const LIFECYCLE_ROUTES: readonly Route[] = [
  {
    path: "/conf/reload",
    aliases: ["/conf/reloadall", "/conf/reloadserver", "/conf/reloadvhosts"],
    methods: ["GET", "POST"],
    role: "Admin",
    channel: "any",
    doc: "Puts the configuration files in service.",
    changes: true,
    answers: { 500: "The configuration is refused, with its problems; the one in service stays." },
    handle: reload,
  },
  {
    path: "/command/restart",
    methods: ["GET", "POST"],
    role: "Admin",
    channel: "any",
    doc: `Replaces the workers one by one, with full=1 everything at once: key=${CONFIRMATION_KEY}`,
    changes: true,
    parameters: [CONFIRMATION, { name: "full", doc: "1 replaces every process.", kind: "flag" }],
    handle: (call, context) => {
      const parameters = parametersOf(call);
      const isFull = parameters.get("full") === "1";
      if (!isConfirmed(parameters)) {
        return confirmationPage("/command/restart", isFull ? "full=1&amp;" : "", "Restart the server?");
      }
      const how = isFull ? "full" : "rolling";
      context.log.notice(`Restart (${how}) asked for by the management API.`);
      return {
        ...succeed("restart", how),
        afterwards: () => inBackground("Restart", context.control.restart(how), context),
      };
    },
  },
  {
    path: "/command/terminate",
    methods: ["GET", "POST"],
    role: "Admin",
    channel: "any",
    doc: `Stops the server: key=${CONFIRMATION_KEY}`,
    changes: true,
    parameters: [CONFIRMATION],
    handle: (call, { control, log }) => {
      if (!isConfirmed(parametersOf(call))) {
        return confirmationPage("/command/terminate", "", "Stop the server?");
      }
      log.notice("Stop asked for by the management API.");
      return { ...succeed("terminate", "stopping"), afterwards: () => control.terminate() };
    },
  },
];
