import { type Answer, fail, type JsonValue, succeed } from "../answer.ts";
import type { InvalidationJob } from "../contract.ts";
import { parametersOf, parseWhole } from "../query.ts";
import type { Call, Route, RouteContext } from "../route.ts";

const METHOD = "invalidations";
const DEFAULT_LIMIT = 100;
const LARGEST_LIMIT = 1_000;
const ID = /^[0-9A-Za-z]{1,32}$/;

/** Figures in the words of PRG-17. */
const toJson = ({ id, state, createdMs, verb, targets, reference, result }: InvalidationJob): JsonValue => ({
  Id: id,
  State: state,
  Created: new Date(createdMs).toISOString(),
  Method: verb,
  Targets: targets,
  ...(reference === undefined ? {} : { Ref: reference }),
  ...(result === undefined ? {} : { Count: result.count, Size: result.bytes, Time: Math.round(result.elapsedMs) }),
});

const answer = (call: Call, { control }: RouteContext): Answer => {
  const parameters = parametersOf(call);
  const id = parameters.get("id");
  if (id !== null) {
    if (!ID.test(id)) return fail(METHOD, 400, "The parameter id is malformed.");
    const job = control.invalidation(id);
    return job === undefined ? fail(METHOD, 404, "No invalidation of this id is known.") : succeed(METHOD, toJson(job));
  }
  const marker = parameters.get("marker") ?? undefined;
  if (marker !== undefined && !ID.test(marker)) return fail(METHOD, 400, "The parameter marker is malformed.");
  const limit = parseWhole(parameters.get("limit") ?? `${DEFAULT_LIMIT}`, 1, LARGEST_LIMIT);
  if (limit === undefined) return fail(METHOD, 400, `The parameter limit is a number from 1 to ${LARGEST_LIMIT}.`);
  const { jobs, nextMarker } = control.invalidations({ marker, limit });
  const next = nextMarker === undefined ? {} : { NextMarker: nextMarker };
  return succeed(METHOD, { Invalidations: jobs.map(toJson), ...next });
};

/** AWS-53. */
export const INVALIDATION_ROUTES: readonly Route[] = [
  {
    path: "/monitoring/invalidations",
    methods: ["GET", "HEAD"],
    role: "User",
    channel: "any",
    doc: "Calls of the purge family of the last day, the latest first: marker={id}&limit={n}, or one: id={id}",
    parameters: [
      { name: "id", doc: "Only the job of this id." },
      { name: "marker", doc: "NextMarker of the page before." },
      { name: "limit", kind: "whole", doc: "Jobs of a page, 1 to 1000; 100 when left out." },
    ],
    answers: { 400: "A parameter is malformed.", 404: "No invalidation of this id is known." },
    handle: answer,
  },
];
