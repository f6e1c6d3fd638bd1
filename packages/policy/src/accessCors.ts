import type { AccessOptions } from "@basalt/config";
import type { ConditionRequest } from "./conditions.ts";
import type { HeaderRules } from "./headerRules.ts";

/** What pages of other sites may do (the CORS protocol of the Fetch standard). */
export interface CorsRules {
  /** Flat fields of the answer to a preflight; undefined when the request is none. */
  answerPreflight(request: ConditionRequest): string[] | undefined;
  /** Fields of a response as this request gets them; what the origin server has said of it is replaced. */
  applyToResponse(request: ConditionRequest, fields: readonly string[]): string[];
}

const REPLACED: ReadonlySet<string> = new Set([
  "access-control-allow-origin",
  "access-control-allow-credentials",
  "access-control-expose-headers",
]);

const PREFLIGHT_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

/** Undefined when it is off or nobody is allowed anything. */
export const compileCors = (settings: AccessOptions["cors"]): CorsRules | undefined => {
  const { enabled, origins, credentials, maxAgeSeconds, methods, allowHeaders, exposeHeaders } = settings;
  if (!enabled || origins.length === 0) return undefined;
  const isForAll = origins.includes("*");
  const isAllowed = compileOrigins(origins);

  /** Undefined: the page may read nothing. */
  const allowedOrigin = (request: ConditionRequest): string | undefined => {
    if (isForAll) return "*";
    const origin = request.header("origin");
    return origin !== undefined && isAllowed(origin.toLowerCase()) ? origin : undefined;
  };

  const allowing = (origin: string): string[] => {
    const fields = ["Access-Control-Allow-Origin", origin];
    if (credentials && origin !== "*") fields.push("Access-Control-Allow-Credentials", "true");
    return fields;
  };

  return {
    answerPreflight: (request) => {
      if (request.method !== "OPTIONS" || request.header("origin") === undefined) return undefined;
      if (request.header("access-control-request-method") === undefined) return undefined;
      const origin = allowedOrigin(request);
      const fields: string[] = [];
      if (origin !== undefined) {
        const asked = request.header("access-control-request-headers") ?? "";
        const headers = allowHeaders === "" ? asked : allowHeaders;
        fields.push(...allowing(origin), "Access-Control-Allow-Methods", methods);
        if (headers !== "") fields.push("Access-Control-Allow-Headers", headers);
        fields.push("Access-Control-Max-Age", String(maxAgeSeconds));
      }
      return [...fields, "Vary", PREFLIGHT_VARY];
    },
    applyToResponse: (request, fields) => {
      const origin = allowedOrigin(request);
      const kept = fields.filter((_, index) => !REPLACED.has(fields[index - (index % 2)]?.toLowerCase() ?? ""));
      const answered = isForAll ? kept : withVaryOnOrigin(kept);
      if (origin === undefined) return answered;
      answered.push(...allowing(origin));
      if (exposeHeaders !== "") answered.push("Access-Control-Expose-Headers", exposeHeaders);
      return answered;
    },
  };
};

/** The rules of headers.txt with those of CORS in front of them: a line can change what these say. */
export const withCors = (rules: HeaderRules | undefined, cors: CorsRules | undefined): HeaderRules | undefined => {
  if (cors === undefined) return rules;
  const same = (fields: readonly string[]): string[] => [...fields];
  return {
    changesRequests: rules?.changesRequests ?? false,
    changesResponses: true,
    changesOriginRequests: rules?.changesOriginRequests ?? false,
    isResponseConstant: false,
    applyToRequest: (request, fields) => rules?.applyToRequest(request, fields) ?? same(fields),
    applyToResponse: (request, status, fields, facts) => {
      const answered = cors.applyToResponse(request, fields);
      return rules?.changesResponses === true ? rules.applyToResponse(request, status, answered, facts) : answered;
    },
    applyToOriginRequest: (request, fields) => rules?.applyToOriginRequest(request, fields) ?? same(fields),
    answersOptions: (request) => rules?.answersOptions(request) ?? false,
    matching: (direction, request, status) => rules?.matching(direction, request, status) ?? [],
  };
};

/** `*.` in front of a host stands for one label or more. */
const compileOrigins = (origins: readonly string[]): ((origin: string) => boolean) => {
  const exact = new Set(origins.filter((origin) => !origin.includes("//*.")));
  const wild = origins
    .filter((origin) => origin.includes("//*."))
    .map((origin) => {
      const [scheme = "", rest = ""] = origin.split("//*");
      return { front: `${scheme}//`, end: rest };
    });
  return (origin) =>
    exact.has(origin) ||
    wild.some(
      ({ front, end }) =>
        origin.startsWith(front) &&
        origin.endsWith(end) &&
        /^[a-z0-9.-]+$/.test(origin.slice(front.length, origin.length - end.length)),
    );
};

/** The response differs by origin, also for who sends none. */
const withVaryOnOrigin = (fields: readonly string[]): string[] => {
  const varied = [...fields];
  for (let index = 0; index + 1 < varied.length; index += 2) {
    if (varied[index]?.toLowerCase() !== "vary") continue;
    const value = varied[index + 1] ?? "";
    const names = value.toLowerCase().split(",");
    if (!names.some((name) => name.trim() === "origin" || name.trim() === "*")) {
      varied[index + 1] = value === "" ? "Origin" : `${value}, Origin`;
    }
    return varied;
  }
  return [...varied, "Vary", "Origin"];
};
