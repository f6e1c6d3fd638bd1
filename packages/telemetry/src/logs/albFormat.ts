import type { ClientTransaction } from "../clientTransaction.ts";
import { type AccessFormat, type BackendFacts, sentBytes } from "./accessFormat.ts";
import { balancerDurations, balancerStatus, endpoint, isoMicroseconds, requestOf } from "./elbFormat.ts";
import { asBytes } from "./escape.ts";
import type { LineBuffer } from "./lineBuffer.ts";

export interface AlbOptions {
  /** Name of the balancer. */
  readonly name: string;
  /** The origin's part in the transaction, if it had one. */
  readonly backendOf: (transaction: ClientTransaction) => BackendFacts | undefined;
}

const BLANK = " ";
const NONE = "-";
/** Of text that a client chooses. */
const MOST_QUOTED_CHARACTERS = 8192;
const SWITCHING_PROTOCOLS = 101;
/** Of the default rule of a listener: rules of virtual hosts have no numbers. */
const DEFAULT_RULE = "0";

/** Readers of this form take the next quote for the end of a field, whatever stands before it. */
const quoted = (text: string): string => {
  const escaped = text
    .slice(0, MOST_QUOTED_CHARACTERS)
    .replace(
      /[^ !#-[\]-~\u0080-\u00ff]/g,
      (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
    );
  return `"${escaped === "" ? NONE : escaped}"`;
};

const typeOf = ({ status, protocol, httpVersion }: ClientTransaction): string => {
  const isSecure = protocol === "https";
  if (status === SWITCHING_PROTOCOLS) return isSecure ? "wss" : "ws";
  if (httpVersion === "2.0") return "h2";
  return isSecure ? "https" : "http";
};

const actionOf = ({ result, status }: ClientTransaction, backend: BackendFacts | undefined): string => {
  if (backend !== undefined) return "forward";
  if (result === "TCP_REDIRECT_HIT") return "redirect";
  return status === 0 ? NONE : "fixed-response";
};

const traceOf = ({ trace, fields }: ClientTransaction): string =>
  trace?.fieldOf(TRACE_FIELD) ?? fields.get(TRACE_FIELD) ?? NONE;

const TRACE_FIELD = "x-amzn-trace-id";

/** The name that a TLS request was for: that of its handshake is not kept. */
const domainOf = ({ tls, host }: ClientTransaction): string =>
  tls === undefined ? NONE : (host ?? NONE).replace(/:\d+$/, "");

/** Names the connection, as the session id does, in the form that readers expect. */
const connectionOf = ({ sessionText }: ClientTransaction): string => {
  const digits = /^\d{1,20}$/.test(sessionText) ? BigInt(sessionText).toString(16) : "";
  return `TID_${digits.padStart(16, "0")}`;
};

/** In the order of the vendor's documentation. */
const fieldsOf = (transaction: ClientTransaction, { name, backendOf }: AlbOptions): readonly string[] => {
  const { startedAtMs, elapsedMs, clientIp, clientPort, requestHeadBytes, requestBodyBytes, tls } = transaction;
  const backend = backendOf(transaction);
  const target = backend === undefined ? NONE : endpoint(backend.address, backend.port);
  const targetStatus = backend === undefined || backend.status === 0 ? NONE : String(backend.status);
  return [
    typeOf(transaction),
    isoMicroseconds(startedAtMs + elapsedMs),
    asBytes(name).replace(/\s/g, "+") || NONE,
    endpoint(clientIp, clientPort),
    target,
    balancerDurations(transaction, backend),
    String(balancerStatus(transaction)),
    targetStatus,
    String(requestHeadBytes + requestBodyBytes),
    String(sentBytes(transaction)),
    quoted(requestOf(transaction)),
    quoted(transaction.fields.get("user-agent") ?? NONE),
    tls?.cipher || NONE,
    tls?.protocol || NONE,
    backend === undefined ? NONE : asBytes(transaction.vhostName ?? NONE),
    quoted(traceOf(transaction)),
    quoted(domainOf(transaction)),
    quoted(NONE),
    transaction.vhostName === undefined ? NONE : DEFAULT_RULE,
    isoMicroseconds(startedAtMs),
    quoted(actionOf(transaction, backend)),
    quoted(transaction.redirectUrl ?? NONE),
    quoted(NONE),
    quoted(target),
    quoted(targetStatus),
    quoted(NONE),
    quoted(NONE),
    connectionOf(transaction),
  ];
};

/**
 * The line of an application balancer (AWS-16): 30 fields. Sizes are those of whole messages, unlike in the form `elb`,
 * and the moment in front is that of the answer. What this server has not (rules with numbers, certificates with names,
 * classes of requests) is `-`.
 */
export const albFormat = (options: AlbOptions): AccessFormat => ({
  header: () => "",
  write: (line: LineBuffer, transaction) => line.text(fieldsOf(transaction, options).join(BLANK)),
});
