import { isToken, trimWhiteSpace } from "./bytes.ts";
import type { Rejection } from "./contract.ts";
import { malformed, transferCodingNotImplemented } from "./rejection.ts";

/**
 * Why a request's combined Transfer-Encoding cannot be read; undefined when it is exactly `chunked`. Without `chunked`
 * at the end the length of the body is unknown, which is malformed rather than not implemented (RFC 9112 6.3).
 */
export const rejectTransferEncoding = (value: string): Rejection | undefined => {
  const codings = value
    .toLowerCase()
    .split(",")
    .map((coding) => trimWhiteSpace(coding));
  if (codings.length === 1 && codings[0] === "chunked") return undefined;
  const isLastAndOnce = codings.indexOf("chunked") === codings.length - 1;
  if (!isLastAndOnce || !codings.every((coding) => isToken(trimWhiteSpace(coding.split(";", 1).join(""))))) {
    return malformed("chunked is not the last transfer coding, applied once");
  }
  return transferCodingNotImplemented;
};
