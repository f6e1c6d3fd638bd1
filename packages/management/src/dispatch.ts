import type { Role } from "@basalt/config";
import { isRoleSufficient, roleOfUnknownPath } from "./access.ts";
import { type Answer, fail } from "./answer.ts";
import type { PurgeVerb } from "./contract.ts";
import { splitTarget } from "./query.ts";
import {
  type AnswerFormat,
  type Call,
  type Channel,
  hasFormats,
  isOffered,
  type Route,
  type RouteContext,
  type RouteMethod,
} from "./route.ts";
import { answerPurge } from "./routes/purge.ts";

const ROUTE_METHODS: ReadonlyMap<string, RouteMethod> = new Map([
  ["GET", "GET"],
  ["HEAD", "HEAD"],
  ["POST", "POST"],
]);

/** A caller's path as the `method` of an envelope. */
const functionName = (path: string): string => (path.split("/").at(-1) ?? "").slice(0, 64);

const ROLE_TOO_LOW = "The role of this address does not allow this function.";

const FORMAT_SUFFIX = /\.(json|xml)$/;

const hasPath = (route: Route, path: string): boolean =>
  route.path === path ||
  route.aliases?.includes(path) === true ||
  (route.takesPathsBelow === true && path.startsWith(`${route.path}/`));

export const findRoute = (
  routes: readonly Route[],
  { path, channel }: { readonly path: string; readonly channel: Channel },
): Route | undefined => routes.find((route) => isOffered(route, channel) && hasPath(route, path));

/** A call as far as its request line tells. */
export interface Target {
  readonly path: string;
  readonly query: string;
  /** Undefined where `type=` names none that exists. */
  readonly format: AnswerFormat | undefined;
  readonly route: Route | undefined;
}

/** CFG-21, STAT-02, STAT-03: `type=` stands before a `url=`, whose value may hold a `type=` of its own. */
const readFormat = (query: string): AnswerFormat | undefined => {
  const type = splitTarget(query).parameters.get("type")?.toLowerCase() ?? "json";
  return type === "json" || type === "xml" ? type : undefined;
};

export const resolveTarget = (target: string, channel: Channel, routes: readonly Route[]): Target => {
  const [path = "", ...rest] = target.replace(/^https?:\/\/[^/?]*/i, "").split("?");
  const query = rest.join("?");
  const exact = findRoute(routes, { path, channel });
  if (exact !== undefined) {
    return { path, query, format: hasFormats(exact) ? readFormat(query) : "json", route: exact };
  }
  const suffix = FORMAT_SUFFIX.exec(path);
  if (suffix !== null) {
    const stem = path.slice(0, suffix.index);
    const route = findRoute(routes, { path: stem, channel });
    if (route !== undefined && hasFormats(route)) {
      return { path: stem, query, format: suffix[1] === "xml" ? "xml" : "json", route };
    }
  }
  return { path, query, format: "json", route: undefined };
};

/** Why a call does not reach its function, as far as that is known before its body; undefined when it does. */
export const refuseCall = (target: Target, method: string, role: Role): Answer | undefined => {
  const { route, path } = target;
  const name = functionName(route?.path ?? path);
  if (!isRoleSufficient(role, route?.role ?? roleOfUnknownPath(path))) return fail(name, 401, ROLE_TOO_LOW);
  if (route === undefined) return fail(name, 404, "There is no such function; /help lists all.");
  const routeMethod = ROUTE_METHODS.get(method);
  if (routeMethod === undefined || !route.methods.includes(routeMethod)) {
    const allowed = route.methods.join(", ");
    return { ...fail(name, 405, `The function takes ${allowed}.`), headers: { Allow: allowed } };
  }
  return target.format === undefined ? fail(name, 400, "The parameter type must be json or xml.") : undefined;
};

/** Everything about a call but its transport; `refuseCall` has let it through. */
export const dispatch = (route: Route, call: Call, context: RouteContext): Answer | Promise<Answer> =>
  route.handle(call, context);

/** A request whose method is the operation (PRG-26): the URL is the target, its host the Host field. */
export const dispatchPurgeMethod = (
  verb: PurgeVerb,
  target: string,
  host: string | undefined,
  expireAfter: string | undefined,
  context: RouteContext,
): Answer | Promise<Answer> => {
  const isAbsolute = /^https?:\/\//i.test(target);
  if (!isAbsolute && (host === undefined || host === "" || !target.startsWith("/"))) {
    return fail(verb, 400, "The request names no host and path.");
  }
  const url = isAbsolute ? target : `${host}${target}`;
  // A bar is part of this one URL, not the separator of a list (OPEN 3 of spec 03).
  return answerPurge(context, verb, url.replaceAll("|", "%7C"), verb === "expireafter" ? expireAfter : undefined);
};

export const refusePurgeMethod = (verb: PurgeVerb): Answer => fail(verb, 401, ROLE_TOO_LOW);
