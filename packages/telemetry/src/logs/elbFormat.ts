import type { ClientTransaction } from "../clientTransaction.ts";
import type { AccessFormat, BackendFacts } from "./accessFormat.ts";
import { asBytes } from "./escape.ts";

export interface ElbOptions {
  readonly name: string;
  /** With user agent, cipher and protocol behind the request (AWS-15). */
  readonly isExtended: boolean;
  /** The origin's part in the transaction, if it had one. */
  readonly backendOf: (transaction: ClientTransaction) => BackendFacts | undefined;
}

/** The client closed the connection before there was an answer (AWS-17). */
const CLIENT_CLOSED = 460;

export const endpoint = (ip: string, port: number): string => `${ip.includes(":") ? `[${ip}]` : ip}:${port}`;

/** Seconds with up to six decimals (AWS-10). */
const seconds = (ms: number): string => String(Number((Math.max(0, ms) / 1000).toFixed(6)));

export const isoMicroseconds = (ms: number): string => {
  const whole = Math.floor(ms);
  const micros = Math.floor((ms - whole) * 1000);
  return `${new Date(whole).toISOString().slice(0, -1)}${String(micros).padStart(3, "0")}Z`;
};

const quoted = (text: string): string =>
  `"${text.replace(/["\\]/g, "\\$&").replace(/[^ -~\u0080-\u00ff]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, "0")}`)}"`;

/** AWS-12, AWS-17. */
export const balancerStatus = ({ status, isComplete }: ClientTransaction): number =>
  status === 0 && !isComplete ? CLIENT_CLOSED : status;

/** The three durations of AWS-07 to AWS-09 and AWS-11. */
export const balancerDurations = (transaction: ClientTransaction, backend: BackendFacts | undefined): string => {
  const { startedAtMs, firstByteMs, elapsedMs, status } = transaction;
  if (backend === undefined) return `${status === 0 ? "-1" : seconds(firstByteMs || elapsedMs)} -1 -1`;
  const request = seconds(backend.sentAtMs - startedAtMs);
  if (backend.firstByteAtMs === 0) return `${request} -1 -1`;
  const answered = seconds(backend.firstByteAtMs - backend.sentAtMs);
  const response = status === 0 ? "-1" : seconds(startedAtMs + firstByteMs - backend.firstByteAtMs);
  return `${request} ${answered} ${response}`;
};

export const requestOf = ({
  method,
  protocol,
  host,
  vhostName,
  serverPort,
  target,
  httpVersion,
}: ClientTransaction): string => {
  const name = (host ?? vhostName ?? "").replace(/:\d+$/, "");
  return `${method} ${protocol}://${name}:${serverPort}${target} HTTP/${httpVersion}`;
};

/** The line of a classic cloud balancer (AWS-02 to AWS-15). */
export const elbFormat = ({ name, isExtended, backendOf }: ElbOptions): AccessFormat => ({
  header: () => "",
  write: (line, transaction) => {
    const { startedAtMs, clientIp, clientPort, tls, fields } = transaction;
    const backend = backendOf(transaction);
    const status = balancerStatus(transaction);
    line.text(isoMicroseconds(startedAtMs));
    line.text(" ");
    line.field(asBytes(name));
    line.text(` ${endpoint(clientIp, clientPort)} `);
    line.text(backend === undefined ? "- " : `${endpoint(backend.address, backend.port)} `);
    line.text(`${balancerDurations(transaction, backend)} ${status} `);
    line.text(backend === undefined || backend.status === 0 ? "- " : `${backend.status} `);
    line.text(`${transaction.requestBodyBytes} ${transaction.bodyBytesSent} ${quoted(requestOf(transaction))}`);
    if (!isExtended) return;
    line.text(` ${quoted(fields.get("user-agent") ?? "-")} ${tls?.cipher ?? "-"} ${tls?.protocol ?? "-"}`);
  },
});
