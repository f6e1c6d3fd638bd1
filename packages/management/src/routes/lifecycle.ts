import { formatProblem, type Problem } from "@basalt/types";
import { type Answer, fail, type JsonValue, PLAIN_TEXT, succeed } from "../answer.ts";
import { CONFIRMATION, CONFIRMATION_KEY, confirmationPage, isConfirmed } from "../confirmation.ts";
import { parametersOf, parseWhole } from "../query.ts";
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

/** An hour, as for origins. */
const LONGEST_STOP_SECONDS = 3_600;

const terminate = (call: Call, { control, log }: RouteContext): Answer => {
  const parameters = parametersOf(call);
  const secondsOf = (name: string): number | undefined =>
    parseWhole(parameters.get(name) ?? "", 0, LONGEST_STOP_SECONDS);
  const wrong = ["drain", "leave"].find((name) => parameters.has(name) && secondsOf(name) === undefined);
  if (wrong !== undefined) return fail("terminate", 400, `The parameter ${wrong} is malformed.`);
  const [drainSeconds, leaveSeconds = 0] = [secondsOf("drain"), secondsOf("leave")];
  if (!isConfirmed(parameters)) {
    const asked = ["drain", "leave"]
      .filter((name) => parameters.has(name))
      .map((name) => `${name}=${secondsOf(name)}&amp;`)
      .join("");
    return confirmationPage("/command/terminate", asked, "Stop the server?");
  }
  log.notice("Stop asked for by the management API.");
  return {
    ...succeed("terminate", "stopping"),
    afterwards: () => control.terminate({ drainSeconds, leaveSeconds }),
  };
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
    path: "/monitoring/ready",
    methods: ["GET", "HEAD"],
    role: "User",
    channel: "any",
    doc: "Whether a balancer in front may send clients here.",
    hasNoFormats: true,
    contentType: PLAIN_TEXT,
    answers: { 503: "The server is about to end." },
    handle: (_, { control }) => ({
      kind: "text",
      httpStatus: control.isReady ? 200 : 503,
      contentType: PLAIN_TEXT,
      text: control.isReady ? "ready\n" : "leaving\n",
    }),
  },
  {
    path: "/command/terminate",
    methods: ["GET", "POST"],
    role: "Admin",
    channel: "any",
    doc: `Stops the server, after leave={seconds}, with drain={seconds} for what runs: key=${CONFIRMATION_KEY}`,
    changes: true,
    parameters: [
      CONFIRMATION,
      {
        name: "drain",
        doc: "Seconds that transactions may go on; without it as configured. Another call may shorten them.",
        kind: "whole",
      },
      { name: "leave", doc: "Seconds in which it serves on, but is not ready.", kind: "whole" },
    ],
    answers: { 400: `drain or leave is no number from 0 to ${LONGEST_STOP_SECONDS}.` },
    handle: terminate,
  },
];
