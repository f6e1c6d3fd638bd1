import { type Answer, fail, succeed } from "../answer.ts";
import type { PurgeVerb } from "../contract.ts";
import { parsePositive, splitTarget } from "../query.ts";
import type { Call, Route, RouteContext } from "../route.ts";

/** PRG-20: one day. */
const DEFAULT_EXPIRE_AFTER_SECONDS = 86_400;

const DOCS: Readonly<Record<PurgeVerb, string>> = {
  purge: "Invalidates the targets: url={target}|{target}…",
  expire: "Ends the lifetime of the targets: url={target}|{target}…",
  expireafter: "Ends the lifetime of the targets in some seconds: sec={n}&url={target}|{target}…",
  hardpurge: "Deletes the targets for good: url={target}|{target}…",
};

/** Answers of PRG-17 and PRG-18; `secondsText` undefined means the default. */
export const answerPurge = async (
  { control, log }: RouteContext,
  verb: PurgeVerb,
  targets: string | undefined,
  secondsText: string | undefined,
): Promise<Answer> => {
  if (targets === undefined || targets === "") return fail(verb, 400, "The parameter url is missing or malformed.");
  const seconds = secondsText === undefined ? DEFAULT_EXPIRE_AFTER_SECONDS : parsePositive(secondsText);
  if (seconds === undefined) return fail(verb, 400, "The parameter sec must be a whole number above 0.");
  const outcome = await control.purge({ verb, targets, seconds });
  switch (outcome.kind) {
    case "done":
      log.notice(`${verb} of ${targets}: ${outcome.count} objects, ${outcome.bytes} bytes.`);
      return succeed(
        verb,
        { Count: outcome.count, Size: outcome.bytes, Time: Math.round(outcome.elapsedMs) },
        outcome.status,
      );
    case "unknownVhost":
      return fail(verb, 502, "No virtual host has this name.");
    case "malformed":
      return fail(verb, 400, outcome.reason);
  }
};

const purgeRoute = (verb: PurgeVerb): Route => ({
  path: `/command/${verb}`,
  methods: ["GET", "POST"],
  role: "Admin",
  channel: "any",
  doc: DOCS[verb],
  handle: (call: Call, context) => {
    const { parameters, target } = splitTarget(call.body === "" ? call.query : call.body.replace(/[\r\n]+$/, ""));
    const secondsText = verb === "expireafter" ? (parameters.get("sec") ?? undefined) : undefined;
    return answerPurge(context, verb, target, secondsText);
  },
});

export const PURGE_ROUTES: readonly Route[] = [
  purgeRoute("purge"),
  purgeRoute("expire"),
  purgeRoute("expireafter"),
  purgeRoute("hardpurge"),
];
