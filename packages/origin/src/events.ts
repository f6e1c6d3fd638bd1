import type { EdgeError } from "@basalt/types";
import type { ResolvedIp } from "./ipTable.ts";

/** Why an exchange failed, in the words of the origin error log (ORG-10), completed for the failures it does not name. */
export type FailureReason =
  | "Connect-Timeout"
  | "Connect-Failed"
  | "Receive-Timeout"
  | "Server-Close"
  | "Malformed-Response";

/** What changed the state of a server: exchanges of clients, recovery probes, or one health checker. */
export type HealthSource = "exchanges" | "recovery" | "healthcheck";

/** For the origin error log, the DNS log, the origin log (probes) and metrics. `server` is an `OriginServer.id`. */
export type OriginEvent = { readonly vhost: string } & (
  | {
      readonly kind: "failure";
      readonly server: string;
      readonly reason: FailureReason;
      readonly detail: string;
    }
  | {
      readonly kind: "excluded";
      readonly server: string;
      readonly source: HealthSource;
      /** The last failure: a reason, or what a check came to. */
      readonly reason: string;
    }
  | { readonly kind: "recovered"; readonly server: string; readonly source: HealthSource }
  /** The servers in service have changed. */
  | { readonly kind: "servers"; readonly inService: readonly string[] }
  /** An answer of a name server; `isNews` when it brought an IP that was not known. */
  | {
      readonly kind: "resolved";
      readonly domain: string;
      readonly answer: readonly ResolvedIp[];
      readonly isNews: boolean;
      readonly durationMs: number;
    }
  | {
      readonly kind: "unresolved";
      readonly domain: string;
      readonly reason: string;
      readonly durationMs: number;
    }
  /** One probe or check that is to be logged (ORG-08, ORG-19). */
  | {
      readonly kind: "probe";
      readonly server: string;
      readonly source: "recovery" | "healthcheck";
      readonly uri: string;
      readonly isSuccess: boolean;
      /** Undefined when there was no response. */
      readonly status: number | undefined;
      readonly detail: string;
      readonly durationMs: number;
    }
);

/** The failure an error stands for, or undefined when the server is not to blame. */
export const failureReasonOf = (error: EdgeError): FailureReason | undefined => {
  switch (error.code) {
    case "ORIGIN_CONNECT_TIMEOUT":
      return "Connect-Timeout";
    case "ORIGIN_CONNECT_FAILED":
      return "Connect-Failed";
    case "ORIGIN_RECEIVE_TIMEOUT":
      return "Receive-Timeout";
    case "ORIGIN_CLOSED":
      return "Server-Close";
    case "ORIGIN_MALFORMED":
      return "Malformed-Response";
    default:
      return undefined;
  }
};
