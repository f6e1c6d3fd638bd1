import type { EdgeError } from "@basalt/types";

/** Why an exchange failed, in the words of the origin error log (ORG-10), completed for the failures it does not name. */
export type FailureReason =
  | "Connect-Timeout"
  | "Connect-Failed"
  | "Receive-Timeout"
  | "Server-Close"
  | "Malformed-Response";

/** What happened to an address (as configured); for the origin error log and metrics. */
export type OriginEvent =
  | { readonly kind: "failure"; readonly address: string; readonly reason: FailureReason; readonly detail: string }
  | { readonly kind: "excluded"; readonly address: string; readonly reason: FailureReason }
  | { readonly kind: "recovered"; readonly address: string; readonly reason: "Probe" };

/** The failure an error stands for, or undefined when the address is not to blame. */
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
