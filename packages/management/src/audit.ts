import type { Caller, Route } from "./route.ts";

const MASK = "***";

/** Whoever names a parameter like this means a secret, whether or not the route says so. */
const SECRET_NAME = /^(?:plain|pass(?:word|wd)?|secret|token)$/i;

const MAX_QUERY_CHARACTERS = 1024;

const nameOf = (pair: string): string => {
  const name = pair.split("=", 1)[0] ?? "";
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
};

/** The text of a query or form as it was sent, but for the values of secrets. */
const maskSecrets = (text: string, route: Route | undefined): string => {
  const secrets = new Set((route?.parameters ?? []).filter(({ isSecret }) => isSecret).map(({ name }) => name));
  const masked = text.split("&").map((pair) => {
    const name = nameOf(pair);
    return secrets.has(name) || SECRET_NAME.test(name) ? `${name}=${MASK}` : pair;
  });
  const joined = masked.join("&");
  return joined.length > MAX_QUERY_CHARACTERS ? `${joined.slice(0, MAX_QUERY_CHARACTERS)}…` : joined;
};

export interface AuditedCall {
  readonly caller: Caller;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly body: string;
  /** Of a file that was sent; undefined without one. */
  readonly uploadBytes: number | undefined;
  readonly route: Route | undefined;
  readonly httpStatus: number;
  readonly elapsedMs: number;
}

/** AWS-92: who asked for which change, and what came of it. The log adds the time. */
export const describeCall = (call: AuditedCall): string => {
  const { caller, method, path, route } = call;
  const query = call.query === "" ? "" : `?${maskSecrets(call.query, route)}`;
  const body = call.body === "" ? "" : ` with ${maskSecrets(call.body.trim(), route)}`;
  const upload = call.uploadBytes === undefined ? "" : ` with ${call.uploadBytes} bytes`;
  const result = `${call.httpStatus} in ${Math.round(call.elapsedMs)} ms`;
  return `api call of ${caller.address} (${caller.role}): ${method} ${path}${query}${body}${upload}: ${result}`;
};
