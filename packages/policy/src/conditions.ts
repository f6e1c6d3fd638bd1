import type { Condition, ConditionTerm } from "@basalt/config";
import { unreachable } from "@basalt/types";
import { compileGlob } from "./glob.ts";
import { compileIpMatcher } from "./ipMatcher.ts";

/** What conditions may look at. A request in progress can implement it by itself: nothing is copied. */
export interface ConditionRequest {
  /** As sent. */
  readonly method: string;
  /** Path without query string. */
  readonly path: string;
  readonly pathAndQuery: string;
  readonly clientIp: string;
  /** Code of the client's country (ACL-05); undefined when it is not known. */
  readonly country?: string | undefined;
  /** `http` or `https`: what the client speaks. */
  readonly protocol: string;
  /** Combined value of a request field; undefined when absent. */
  header(lowerCaseName: string): string | undefined;
  /** Values of all lines of a field, where they can be told apart (ACL-45). */
  headerLines?(lowerCaseName: string): readonly string[];
  /** Content-Type of the response, where there is one. */
  readonly mimeType?: string | undefined;
}

export type ConditionMatcher = (request: ConditionRequest) => boolean;

/** `caseSensitive` is the rule for URLs (CFG-70); field values, methods and addresses have rules of their own. */
export const compileCondition = (condition: Condition, caseSensitive: boolean): ConditionMatcher => {
  const matchers = condition.terms.map((term) => {
    const matches = compileTerm(term, caseSensitive);
    return term.negated ? (request: ConditionRequest) => !matches(request) : matches;
  });
  const [only] = matchers;
  if (only !== undefined && matchers.length === 1) return only;
  return (request) => {
    for (const matches of matchers) if (!matches(request)) return false;
    return true;
  };
};

const compileTerm = (term: ConditionTerm, caseSensitive: boolean): ConditionMatcher => {
  switch (term.kind) {
    case "url": {
      const matches = compileGlob(term.pattern, caseSensitive);
      return term.withQuery ? (request) => matches(request.pathAndQuery) : (request) => matches(request.path);
    }
    case "ip":
      return compileIpMatcher(term.pattern);
    case "header":
      return compileHeaderTerm(term.name.toLowerCase(), term.value);
    case "method": {
      const method = term.method.toUpperCase();
      return (request) => request.method === method;
    }
    case "mime": {
      const matches = compileGlob(term.pattern, false);
      return (request) => request.mimeType !== undefined && matches(mediaTypeOf(request.mimeType));
    }
    case "protocol": {
      const protocol = term.protocol.toLowerCase();
      return (request) => request.protocol === protocol;
    }
    default:
      return unreachable(term);
  }
};

type HeaderValue = Extract<ConditionTerm, { kind: "header" }>["value"];

const compileHeaderTerm = (name: string, value: HeaderValue): ConditionMatcher => {
  switch (value.kind) {
    case "exists":
      return (request) => request.header(name) !== undefined;
    case "empty":
      return (request) => anyLine(request, name, (line) => line === "");
    case "pattern": {
      const matches = compileGlob(value.pattern, true);
      return (request) => anyLine(request, name, matches);
    }
    default:
      return unreachable(value);
  }
};

/** ACL-45: the value as a whole, or one of its lines. */
const anyLine = (request: ConditionRequest, name: string, matches: (value: string) => boolean): boolean => {
  const sent = request.header(name);
  if (sent === undefined) return false;
  return matches(sent) || (sent.includes(",") && request.headerLines?.(name).some(matches) === true);
};

/** Type and subtype of a Content-Type, without its parameters. */
const mediaTypeOf = (contentType: string): string => (contentType.split(";", 1)[0] ?? "").trim();

/** A stand-in request for rules that look at the URL only (ttl.txt, querystring.txt, compression.txt). */
export const requestOfUrl = (url: string, mimeType?: string): ConditionRequest => {
  const query = url.indexOf("?");
  return {
    method: "GET",
    path: query < 0 ? url : url.slice(0, query),
    pathAndQuery: url,
    clientIp: "",
    protocol: "http",
    header: () => undefined,
    mimeType,
  };
};
