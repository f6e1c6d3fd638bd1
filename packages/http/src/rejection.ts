import type { Rejection } from "./contract.ts";

export const malformed = (detail: string): Rejection => ({ code: "REQUEST_MALFORMED", detail });

export const headTooLarge = (detail: string): Rejection => ({ code: "REQUEST_HEAD_TOO_LARGE", detail });

export const targetTooLong: Rejection = {
  code: "REQUEST_TARGET_TOO_LONG",
  detail: "the request target exceeds its limit",
};

export const versionNotSupported: Rejection = {
  code: "VERSION_NOT_SUPPORTED",
  detail: "the major version is not 1",
};

export const transferCodingNotImplemented: Rejection = {
  code: "TRANSFER_CODING_NOT_IMPLEMENTED",
  detail: "a transfer coding beside chunked",
};
