import type { OriginFailureCode } from "./failures.ts";

/** What a transaction is for. `probe`: of recovery (ORG-08); `healthcheck`: of a health checker (ORG-19). */
export type OriginPurpose = "cache" | "bypass" | "private" | "probe" | "healthcheck";

/**
 * `aborted`: by this side, or the end of a kept connection that is no failure (OPEN 1 of spec 05). Else the code under
 * which it failed.
 */
export type TransactionEnd = "complete" | "aborted" | OriginFailureCode;

/**
 * One HTTP transaction with an origin server that has ended: the facts of the origin log (LOG-113 to LOG-143) and of
 * the statistics. Valid only while it is handed over.
 *
 * Sizes are those of heads and contents; transfer coding and TLS are not in them. Interim responses count with the head.
 * The durations follow one another: connectMs, sendMs, firstByteMs, completeMs. One that was not reached is 0.
 */
export interface OriginTransaction {
  readonly vhost: string;
  /** Id of the server (`OriginServer.id`). */
  readonly server: string;
  readonly serverIp: string;
  readonly serverPort: number;
  /** The configured host, a domain or an IP, that the server belongs to. */
  readonly domain: string;
  readonly purpose: OriginPurpose;
  readonly method: string;
  readonly target: string;
  /** Value of Host sent. */
  readonly host: string;
  requestField(lowerCaseName: string): string | undefined;
  /** Of the final response. */
  responseField(lowerCaseName: string): string | undefined;
  /** Of the final response; 0 when there was none. */
  readonly status: number;
  /** 0 when nothing was sent. */
  readonly requestHeadBytes: number;
  readonly requestBodyBytes: number;
  readonly responseHeadBytes: number;
  readonly responseBodyBytes: number;
  /** Epoch ms of the beginning: the request has its connection, or has the right to make one. */
  readonly startedAtMs: number;
  /** What the request waited before that for a domain to be resolved; not part of the other durations. */
  readonly dnsMs: number;
  /** Until the connection stood, TLS included. 0 on a reused connection. */
  readonly connectMs: number;
  /** From then until the request was sent, or until its response began. */
  readonly sendMs: number;
  /** From then until the first byte of the response. */
  readonly firstByteMs: number;
  /** From then until the end. */
  readonly completeMs: number;
  readonly isReused: boolean;
  /** Of the connection: unlike that of any other connection of this process. 0 when there was none. */
  readonly connectionNumber: number;
  /** Which transaction on its connection this is, from 1; 0 when there was no connection. */
  readonly transactionNumber: number;
  /** This side's IP of the connection; empty when there was none. */
  readonly localIp: string;
  readonly ended: TransactionEnd;
  /** Of the client connection that caused it; 0n for none. */
  readonly sessionId: bigint;
  /** Of the request (`OriginRequest.cause`). */
  readonly cause: object | undefined;
}

/** Called once for each transaction that has ended. */
export type TransactionListener = (transaction: OriginTransaction) => void;
