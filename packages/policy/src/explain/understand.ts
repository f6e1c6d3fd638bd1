import { isIP } from "node:net";
import type { EdgeConfig } from "@basalt/config";
import {
  createRequestHeadParser,
  FIELD,
  type FieldBlock,
  isFieldSafe,
  type Method,
  PARSE_NEED_MORE,
  parseAbsoluteTarget,
} from "@basalt/http";
import { ERROR_CODES, type ErrorCode } from "@basalt/types";
import { compileClientRewriter, withHostField } from "../clientRewrite.ts";
import type { ConditionRequest } from "../conditions.ts";
import { hostNameOf } from "../vhostTable.ts";
import type { ExplainFact, ExplainQuestion, ExplainStep } from "./contract.ts";

/** A request as the server's own parser reads it, on its way into the phases. */
export interface UnderstoodRequest extends ConditionRequest {
  readonly methodCode: Method;
  /** Origin-form, or `*`. */
  readonly target: string;
  /** Of the absolute-form target, else of the Host field. */
  readonly host: string | undefined;
  readonly fields: FieldBlock;
  readonly port: number;
}

export interface Refusal {
  readonly status: number;
  readonly verdict: string;
}

export type Understanding =
  /** The question is at fault, not the request. */
  | { readonly kind: "malformed"; readonly reason: string }
  | { readonly kind: "refused"; readonly refusal: Refusal; readonly steps: readonly ExplainStep[] }
  | { readonly kind: "understood"; readonly request: UnderstoodRequest; readonly steps: readonly ExplainStep[] };

const malformed = (reason: string): Understanding => ({ kind: "malformed", reason });

const METHOD_TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const URL_PARTS = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/?#]*)([^#]*)(#.*)?$/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const BLANK_OR_CONTROL = /[\s\x00-\x1f\x7f]/;

interface UrlParts {
  readonly scheme: "http" | "https";
  readonly authority: string;
  readonly target: string;
  readonly fragment: string | undefined;
}

const splitUrl = (url: string): UrlParts | string => {
  if (BLANK_OR_CONTROL.test(url)) return "The URL holds a blank or a control character; clients send a blank as %20.";
  const [, schemeText = "http", authority = "", rest = "", fragment] = URL_PARTS.exec(url) ?? [];
  const scheme = schemeText.toLowerCase();
  if (scheme !== "http" && scheme !== "https") return `The scheme ${scheme} is not served, only http and https.`;
  if (authority === "") return "The URL names no host; write it as http://host/path.";
  return { scheme, authority, target: rest.startsWith("/") ? rest : `/${rest}`, fragment };
};

const readPort = (text: string): number | undefined => {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
};

/** `{IP}:{port}`, `*:{port}`, `:{port}` or the port alone. */
const portOfListen = (listen: string): number | undefined => {
  const colon = listen.lastIndexOf(":");
  const address = colon < 0 ? "" : listen.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  if (address !== "" && address !== "*" && isIP(address) === 0) return undefined;
  return readPort(listen.slice(colon + 1));
};

interface ChosenPort {
  readonly port: number;
  readonly because: string;
}

const choosePort = (question: ExplainQuestion, url: UrlParts, config: EdgeConfig): ChosenPort | string => {
  if (question.listen !== undefined) {
    const port = portOfListen(question.listen);
    if (port !== undefined) return { port, because: "as asked for" };
    return `${JSON.stringify(question.listen)} is no listening address; write IP:port, *:port or a port.`;
  }
  const written = /:(\d*)$/.exec(url.authority)?.[1];
  if (written !== undefined && written !== "") {
    const port = readPort(written);
    return port === undefined ? `${written} is no port.` : { port, because: "port of the URL" };
  }
  const usual = url.scheme === "https" ? 443 : 80;
  const listening = new Set<number>();
  for (const vhost of config.vhosts) {
    if (vhost.status === "Active") for (const { port } of vhost.listen) listening.add(port);
  }
  if (listening.has(usual) || listening.size === 0) return { port: usual, because: `port of ${url.scheme}` };
  return { port: Math.min(...listening), because: `assumed, since nothing listens on ${usual}` };
};

const checkQuestion = (question: ExplainQuestion): string | undefined => {
  if (question.method.length > 64 || !METHOD_TOKEN.test(question.method)) {
    return `${JSON.stringify(question.method.slice(0, 64))} is no method.`;
  }
  if (isIP(question.clientIp) === 0) return `${JSON.stringify(question.clientIp)} is no client address.`;
  for (let index = 0; index + 1 < question.fields.length; index += 2) {
    const name = question.fields[index] ?? "";
    const value = question.fields[index + 1] ?? "";
    if (!isFieldSafe(name, Buffer.from(value, "utf8").toString("latin1"))) {
      return `The header ${JSON.stringify(`${name}: ${value}`.slice(0, 200))} cannot be sent.`;
    }
  }
  return undefined;
};

const headOf = (question: ExplainQuestion, url: UrlParts): Buffer => {
  const hasHost = question.fields.some((name, index) => index % 2 === 0 && name.toLowerCase() === "host");
  const target = question.isAbsolute ? `${url.scheme}://${url.authority}${url.target}` : url.target;
  const lines = [`${question.method} ${target} HTTP/1.1`, ...(hasHost ? [] : [`Host: ${url.authority}`])];
  for (let index = 0; index + 1 < question.fields.length; index += 2) {
    lines.push(`${question.fields[index]}: ${question.fields[index + 1]}`);
  }
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "utf8");
};

/** The answer that a failure leads to, in a sentence. */
export const refusalOf = (code: ErrorCode, detail?: string): Refusal => {
  const { status, message } = ERROR_CODES[code];
  const because = detail === undefined ? "" : ` (${detail})`;
  return { status, verdict: `Would be refused with ${status}: ${message.replace(/\.$/, "")}${because}.` };
};

const requestStep = (verdict: string, facts: readonly ExplainFact[]): ExplainStep => ({
  step: "request",
  verdict,
  facts,
});

/** Reads the request with the parser and the limits of the server; nothing is taken for granted. */
export const understandRequest = (question: ExplainQuestion, config: EdgeConfig): Understanding => {
  const fault = checkQuestion(question);
  if (fault !== undefined) return malformed(fault);
  const url = splitUrl(question.url);
  if (typeof url === "string") return malformed(url);
  const port = choosePort(question, url, config);
  if (typeof port === "string") return malformed(port);

  const parser = createRequestHeadParser(config.server.cache.clientLimits);
  const head = headOf(question, url);
  const end = parser.parse(head, 0, head.length);
  const notes: ExplainFact[] = [];
  if (url.fragment !== undefined) {
    notes.push({ name: "fragment", value: url.fragment, because: "left out, since clients do not send it" });
  }
  if (url.scheme === "https") {
    notes.push({ name: "scheme", value: "https", because: "this version serves plain HTTP; explained as such" });
  }
  if (end < 0) {
    const { rejection } = parser;
    const refusal =
      end === PARSE_NEED_MORE || rejection === undefined
        ? refusalOf("REQUEST_MALFORMED")
        : refusalOf(rejection.code, rejection.detail);
    return { kind: "refused", refusal, steps: [requestStep(refusal.verdict, notes)] };
  }

  const { methodName, method } = parser;
  const absolute = parser.target.startsWith("/") ? undefined : parseAbsoluteTarget(parser.target);
  const asked = absolute?.pathAndQuery ?? parser.target;
  const askedHost = absolute?.authority.toLowerCase() ?? parser.fields.host;
  const rewritten = asked.startsWith("/")
    ? compileClientRewriter(config.urlRewrites)?.(askedHost === undefined ? "" : hostNameOf(askedHost), asked)
    : undefined;
  const target = rewritten?.target ?? asked;
  const isElsewhere =
    rewritten !== undefined && rewritten.host !== "" && rewritten.host !== hostNameOf(askedHost ?? "");
  const host = isElsewhere ? rewritten.host : askedHost;
  const fields = isElsewhere ? withHostField(parser.fields, rewritten.host) : parser.fields;
  const facts: ExplainFact[] = [
    { name: "method", value: methodName },
    {
      name: "target",
      value: target,
      because:
        rewritten === undefined
          ? absolute === undefined
            ? "origin-form"
            : "out of an absolute-form target"
          : `<URLRewrite> made it of ${askedHost ?? ""}${asked}`,
    },
    { name: "host", value: host ?? null, because: hostReason(question, absolute !== undefined) },
    { name: "port", value: port.port, because: port.because },
    { name: "client", value: question.clientIp },
  ];
  for (let index = 0; index < fields.count; index++) {
    if (fields.name(index).toLowerCase() !== "host")
      facts.push({ name: fields.name(index), isField: true, value: fields.value(index) });
  }
  facts.push(...notes);
  if ((fields.flags & FIELD.EXPECT_OTHER) !== 0) {
    const refusal = refusalOf("EXPECTATION_FAILED");
    return { kind: "refused", refusal, steps: [requestStep(refusal.verdict, facts)] };
  }
  const query = target.indexOf("?");
  const request: UnderstoodRequest = {
    method: methodName,
    methodCode: method,
    target,
    host,
    port: port.port,
    fields,
    path: query < 0 ? target : target.slice(0, query),
    pathAndQuery: target,
    clientIp: question.clientIp,
    country: question.country,
    protocol: "http",
    header: (name) => fields.get(name),
  };
  const verdict = `${methodName} ${target} for ${host ?? "no host"}.`;
  return { kind: "understood", request, steps: [requestStep(verdict, facts)] };
};

const hostReason = (question: ExplainQuestion, isAbsolute: boolean): string => {
  if (isAbsolute) return "of the target, which counts instead of the Host field";
  const isGiven = question.fields.some((name, index) => index % 2 === 0 && name.toLowerCase() === "host");
  return isGiven ? "Host field as given" : "host of the URL";
};
