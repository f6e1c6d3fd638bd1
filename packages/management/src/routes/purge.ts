import { type Answer, fail, succeed } from "../answer.ts";
import type { PurgeRequest, PurgeVerb } from "../contract.ts";
import { parsePositive, splitTarget } from "../query.ts";
import type { Call, Route, RouteContext, RouteParameter } from "../route.ts";

/** PRG-20: one day. */
const DEFAULT_EXPIRE_AFTER_SECONDS = 86_400;
const MOST_LOGGED_CHARACTERS = 1024;
const REFERENCE = /^[\x20-\x7e]{1,128}$/;

const DOCS: Readonly<Record<PurgeVerb, string>> = {
  purge: "Invalidates the targets: url={target}|{target}… or tag={tag}|{tag}…",
  expire: "Ends the lifetime of the targets: url={target}|{target}… or tag={tag}|{tag}…",
  expireafter: "Ends the lifetime of the targets in some seconds: sec={n}&url={target}|{target}… or &tag=…",
  hardpurge: "Deletes the targets for good: url={target}|{target}… or tag={tag}|{tag}…",
};

const PARAMETERS: readonly RouteParameter[] = [
  { name: "tag", doc: "Tags parted by |; instead of url." },
  { name: "vhost", doc: "With tag: only objects of this virtual host." },
  {
    name: "ref",
    doc: "Reference of the caller, 1 to 128 characters: repeated, the call does nothing and answers as at first.",
  },
  { name: "dryrun", kind: "flag", doc: "1: tells what would be affected, and changes nothing." },
  { name: "url", doc: "Targets parted by |. The last parameter: all that follows belongs to it." },
];
const SOFT: RouteParameter = { name: "soft", kind: "flag", doc: "1: the objects expire instead, as with expire." };
const SECONDS: RouteParameter = { name: "sec", kind: "whole", doc: "Seconds from now; 86400 when left out." };

const parametersOf = (verb: PurgeVerb): readonly RouteParameter[] => {
  if (verb === "purge") return [SOFT, ...PARAMETERS];
  return verb === "expireafter" ? [SECONDS, ...PARAMETERS] : PARAMETERS;
};

const ANSWERS: Readonly<Record<number, string>> = {
  400: "The call is malformed.",
  409: "The reference stands for a call that asked for something else: InvalidationBatchAlreadyExists.",
  429: "Too many invalidations of one virtual host are in progress: TooManyInvalidationsInProgress.",
  502: "No virtual host has this name.",
};

/** Answers of PRG-17 and PRG-18. `verb`: the function that was called, whatever is done. */
const carryOut = async ({ control, log }: RouteContext, verb: PurgeVerb, request: PurgeRequest): Promise<Answer> => {
  const outcome = await control.purge(request);
  switch (outcome.kind) {
    case "done": {
      const { count, bytes, elapsedMs, status, job, isRepetition } = outcome;
      const result = { Count: count, Size: bytes, Time: Math.round(elapsedMs) };
      if (request.isDryRun === true) {
        return { ...succeed(verb, { ...result, DryRun: true }, status), hasChangedNothing: true };
      }
      const answer = { ...succeed(verb, result, status), ...(job === undefined ? {} : { invalidation: job }) };
      if (isRepetition === true) return { ...answer, hasChangedNothing: true };
      log.notice(`${describeRequest(verb, request)}: ${count} objects, ${bytes} bytes.`);
      return answer;
    }
    case "unknownVhost":
      return fail(verb, 502, "No virtual host has this name.");
    case "malformed":
      return fail(verb, 400, outcome.reason);
    case "tooMany":
      return fail(verb, 429, "TooManyInvalidationsInProgress");
    case "conflict":
      return fail(verb, 409, "InvalidationBatchAlreadyExists");
  }
};

const describeRequest = (verb: PurgeVerb, { verb: effect, targets, tagged }: PurgeRequest): string => {
  const name = verb === effect ? verb : `soft ${verb}`;
  if (tagged === undefined) return `${name} of ${shorten(targets)}`;
  const host = tagged.vhost === undefined ? "" : ` in ${tagged.vhost}`;
  return `${name} of tag ${shorten(tagged.tags.join("|"))}${host}`;
};

/** A call may name a megabyte of targets, and the log is no place for them. */
const shorten = (text: string): string =>
  text.length > MOST_LOGGED_CHARACTERS ? `${text.slice(0, MOST_LOGGED_CHARACTERS)}…` : text;

/** `secondsText` undefined means the default. */
export const answerPurge = async (
  context: RouteContext,
  verb: PurgeVerb,
  targets: string | undefined,
  secondsText: string | undefined,
): Promise<Answer> => {
  if (targets === undefined || targets === "") return fail(verb, 400, "The parameter url is missing or malformed.");
  const seconds = secondsOf(secondsText);
  if (seconds === undefined) return fail(verb, 400, "The parameter sec must be a whole number above 0.");
  return await carryOut(context, verb, { verb, targets, seconds });
};

const secondsOf = (text: string | undefined): number | undefined =>
  text === undefined ? DEFAULT_EXPIRE_AFTER_SECONDS : parsePositive(text);

/** Undefined for anything but 0 and 1. */
const flagOf = (parameters: URLSearchParams, name: string): boolean | undefined => {
  const text = parameters.get(name) ?? "0";
  if (text === "1") return true;
  return text === "0" ? false : undefined;
};

/** `|` separates and `%7C` is part of a tag. Undefined when there is no tag, or one that no response can carry. */
const tagsOf = (query: string): readonly string[] | undefined => {
  const raw = /(?:^|&)tag=([^&]*)/.exec(query)?.[1] ?? "";
  try {
    const tags = raw.split("|").map(decodeURIComponent);
    const named = tags.filter((tag) => tag !== "");
    return named.length === 0 || named.some((tag) => /\s/.test(tag)) ? undefined : [...new Set(named)];
  } catch {
    return undefined;
  }
};

const answerCall = (call: Call, context: RouteContext, verb: PurgeVerb): Answer | Promise<Answer> => {
  const text = call.body === "" ? call.query : call.body.replace(/[\r\n]+$/, "");
  const { parameters, target } = splitTarget(text);
  const seconds = secondsOf(verb === "expireafter" ? (parameters.get("sec") ?? undefined) : undefined);
  if (seconds === undefined) return fail(verb, 400, "The parameter sec must be a whole number above 0.");
  const isSoft = flagOf(parameters, "soft");
  const isDryRun = flagOf(parameters, "dryrun");
  if (isSoft === undefined || isDryRun === undefined)
    return fail(verb, 400, "The parameters soft and dryrun are 0 or 1.");
  if (isSoft && verb !== "purge") return fail(verb, 400, "The parameter soft belongs to purge.");
  const effect = isSoft ? "expire" : verb;
  const reference = parameters.get("ref") ?? undefined;
  if (reference !== undefined && !REFERENCE.test(reference)) {
    return fail(verb, 400, "The parameter ref takes 1 to 128 characters of ASCII.");
  }
  const mode = { ...(isDryRun ? { isDryRun } : {}), ...(reference === undefined ? {} : { reference }) };
  if (!parameters.has("tag")) {
    if (target === undefined || target === "") return fail(verb, 400, "The parameter url is missing or malformed.");
    return carryOut(context, verb, { verb: effect, targets: target, seconds, ...mode });
  }
  if (target !== undefined) return fail(verb, 400, "Only one of url and tag can be given.");
  const tags = tagsOf(text);
  if (tags === undefined) return fail(verb, 400, "The parameter tag is empty or malformed.");
  const vhost = parameters.get("vhost") ?? undefined;
  return carryOut(context, verb, { verb: effect, targets: "", tagged: { tags, vhost }, seconds, ...mode });
};

const purgeRoute = (verb: PurgeVerb): Route => ({
  path: `/command/${verb}`,
  methods: ["GET", "POST"],
  role: "Admin",
  channel: "any",
  doc: DOCS[verb],
  parameters: parametersOf(verb),
  answers: ANSWERS,
  changes: true,
  handle: (call: Call, context) => answerCall(call, context, verb),
});

export const PURGE_ROUTES: readonly Route[] = [
  purgeRoute("purge"),
  purgeRoute("expire"),
  purgeRoute("expireafter"),
  purgeRoute("hardpurge"),
];
