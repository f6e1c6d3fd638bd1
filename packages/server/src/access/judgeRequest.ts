import { hash } from "node:crypto";
import { type FieldBlock, fieldBlockOf, METHOD } from "@basalt/http";
import { EdgeError, unreachable } from "@basalt/types";
import { sendPage } from "../delivery/errorResponse.ts";
import { fieldLines } from "../delivery/fieldLines.ts";
import type { Exchange } from "../exchange.ts";
import { PHASE, type PhaseCode } from "../phases/phase.ts";
import type { PasswordOutcome } from "./passwordCheck.ts";
import { clientKeyOf } from "./rateLimits.ts";
import type { ClientLimit, VhostAccess } from "./vhostAccess.ts";

/** A request that its virtual host may refuse. Undefined: it may go on; DONE and WAIT: it is answered, or will be. */
export const judgeRequest = (exchange: Exchange, access: VhostAccess): PhaseCode | undefined =>
  judgeByList(exchange, access) ??
  judgeByRate(exchange, access) ??
  judgeBody(exchange, access) ??
  answerPreflight(exchange, access) ??
  judgeSignature(exchange, access) ??
  judgePassword(exchange, access);

/** ACL-22, ACL-26: the status alone. */
const deny = (exchange: Exchange, status: number, fields = ""): PhaseCode => {
  exchange.result = "TCP_DENIED";
  sendPage(exchange, status, fields, "");
  return PHASE.DONE;
};

const judgeByList = (exchange: Exchange, { list }: VhostAccess): PhaseCode | undefined => {
  const decision = list?.decide(exchange, exchange.target);
  if (decision === undefined) return undefined;
  switch (decision.kind) {
    case "allow":
      return undefined;
    case "deny":
      return deny(exchange, decision.status);
    case "redirect":
      exchange.result = "TCP_REDIRECT_HIT";
      exchange.redirectUrl = decision.location;
      sendPage(exchange, 302, `Location: ${decision.location}\r\n`, "");
      return PHASE.DONE;
    default:
      return unreachable(decision);
  }
};

const judgeByRate = (exchange: Exchange, { limited }: VhostAccess): PhaseCode | undefined => {
  for (const limit of limited?.limitsOf(exchange.path) ?? []) {
    const waitMs = limit.limiter.take(keyOf(exchange, limit), exchange.nowMs);
    if (waitMs > 0) return deny(exchange, 429, `Retry-After: ${Math.ceil(waitMs / 1000)}\r\n`);
  }
  return undefined;
};

/** Longer values are told apart by their digest. */
const LONGEST_KEY = 64;

const keyOf = ({ clientIp, fields }: Exchange, { field }: ClientLimit): string => {
  const value = field === "" ? undefined : fields.get(field);
  if (value === undefined) return clientKeyOf(clientIp);
  return value.length > LONGEST_KEY ? `=${hash("sha256", value, "base64")}` : `=${value}`;
};

const judgeBody = (exchange: Exchange, { maxBodyBytes }: VhostAccess): PhaseCode | undefined => {
  if (maxBodyBytes === 0) return undefined;
  const { fields, body, connection } = exchange;
  if (fields.contentLength > maxBodyBytes || (body?.receivedBytes ?? 0) > maxBodyBytes) {
    exchange.error = new EdgeError("REQUEST_BODY_TOO_LARGE");
    return PHASE.DELIVER;
  }
  connection.limitBody(maxBodyBytes);
  return undefined;
};

/** Browsers send no cookies, signatures or passwords with these: they are answered before any is asked for. */
const answerPreflight = (exchange: Exchange, { cors }: VhostAccess): PhaseCode | undefined => {
  if (cors === undefined || exchange.methodCode !== METHOD.OPTIONS) return undefined;
  const fields = cors.answerPreflight(exchange);
  if (fields === undefined) return undefined;
  sendPage(exchange, 200, fieldLines(fields), "");
  return PHASE.DONE;
};

const judgeSignature = (exchange: Exchange, { signed, settings }: VhostAccess): PhaseCode | undefined => {
  const decision = signed?.verify(exchange.target, exchange.nowMs);
  if (decision === undefined) return undefined;
  exchange.target = decision.target;
  exchange.signedParameter = decision.parameter;
  switch (decision.verdict) {
    case "valid":
      return undefined;
    case "expired":
      return deny(exchange, settings.signedUrls.expiredCode);
    case "invalid":
      return deny(exchange, settings.signedUrls.denialCode);
    default:
      return unreachable(decision.verdict);
  }
};

const isPurge = (method: number): boolean => method >= METHOD.PURGE && method <= METHOD.HARDPURGE;

/** What the credentials of a request were good for is no business of cache and origin. */
const withoutCredentials = new WeakMap<FieldBlock, FieldBlock>();

const judgePassword = (exchange: Exchange, access: VhostAccess): PhaseCode | undefined => {
  const urls = access.protected;
  const realm = urls?.realmOf(exchange.path);
  // Those have a list of their own (PRG-26).
  if (urls === undefined || realm === undefined || isPurge(exchange.methodCode)) return undefined;
  const verdict = urls.passwords.verify(exchange.fields.get("authorization"), exchange.nowMs);
  if (verdict === true) return admit(exchange);
  if (verdict === false) return askForPassword(exchange, realm);
  void judgeLater(exchange, verdict, realm);
  return PHASE.WAIT;
};

const admit = (exchange: Exchange): undefined => {
  const { fields } = exchange;
  let stripped = withoutCredentials.get(fields);
  if (stripped === undefined) {
    const flat = fields.toFlatArray();
    const isKept = (_: string, index: number): boolean => flat[index - (index % 2)]?.toLowerCase() !== "authorization";
    stripped = fieldBlockOf(flat.filter(isKept));
    withoutCredentials.set(fields, stripped);
  }
  exchange.fields = stripped;
  return undefined;
};

const askForPassword = (exchange: Exchange, realm: string): PhaseCode =>
  deny(exchange, 401, `WWW-Authenticate: Basic realm="${realm.replace(/["\\]/g, "\\$&")}", charset="UTF-8"\r\n`);

const judgeLater = async (exchange: Exchange, verdict: Promise<PasswordOutcome>, realm: string): Promise<void> => {
  const { ticket } = exchange;
  try {
    const outcome = await verdict;
    if (!exchange.isCurrent(ticket)) return;
    if (outcome === "right") {
      admit(exchange);
      exchange.continueWith(ticket, PHASE.DECIDE_BYPASS);
    } else if (outcome === "busy") {
      deny(exchange, 503, "Retry-After: 1\r\n");
    } else {
      askForPassword(exchange, realm);
    }
  } catch (cause) {
    exchange.fail(ticket, cause);
  }
};
