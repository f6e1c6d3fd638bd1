import type { Role } from "@basalt/config";
import { isRoleSufficient, roleOfUnknownPath } from "./access.ts";
import { type Answer, fail } from "./answer.ts";
import type { PurgeVerb } from "./contract.ts";
import { type Call, isOffered, type Route, type RouteContext, type RouteMethod } from "./route.ts";
import { answerPurge } from "./routes/purge.ts";

const ROUTE_METHODS: ReadonlyMap<string, RouteMethod> = new Map([
  ["GET", "GET"],
  ["HEAD", "HEAD"],
  ["POST", "POST"],
]);

/** A caller's path as the `method` of an envelope. */
const functionName = (path: string): string => (path.split("/").at(-1) ?? "").slice(0, 64);

const ROLE_TOO_LOW = "The role of this address does not allow this function.";

const hasPath = (route: Route, path: string): boolean =>
  route.path === path ||
  route.aliases?.includes(path) === true ||
  (route.takesPathsBelow === true && path.startsWith(`${route.path}/`));

export const findRoute = (routes: readonly Route[], { path, channel }: Call): Route | undefined =>
  routes.find((route) => isOffered(route, channel) && hasPath(route, path));

/** Everything about a call but its transport. */
export const dispatch = (call: Call, method: string, role: Role, context: RouteContext): Answer | Promise<Answer> => {
  const route = findRoute(context.routes, call);
  const name = functionName(route?.path ?? call.path);
  if (!isRoleSufficient(role, route?.role ?? roleOfUnknownPath(call.path))) return fail(name, 401, ROLE_TOO_LOW);
  if (route === undefined) return fail(name, 404, "There is no such function; /help lists all.");
  const routeMethod = ROUTE_METHODS.get(method);
  if (routeMethod === undefined || !route.methods.includes(routeMethod)) {
    const allowed = route.methods.join(", ");
    return { ...fail(name, 405, `The function takes ${allowed}.`), headers: { Allow: allowed } };
  }
  return route.handle(call, context);
};

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
