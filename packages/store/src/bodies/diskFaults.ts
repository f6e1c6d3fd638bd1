import { EdgeError } from "@basalt/types";
import { causeCode } from "../storeProblem.ts";

/** Who is to blame for an error of a file operation. */
export type FaultSide =
  /** The disk, or the file system on it, refused. */
  | "disk"
  /** The disk has no room: room can be made. */
  | "full"
  /** What was asked for is not there. */
  | "absent"
  /** Neither: a limit of this process, a mistake. */
  | "other";

const DISK_CODES = new Set([
  "EIO",
  "EROFS",
  "ENODEV",
  "ENXIO",
  "ESTALE",
  "EUCLEAN",
  "ENOTCONN",
  "EACCES",
  "EPERM",
  "ENOTDIR",
  "EISDIR",
  "ELOOP",
  "EBADMSG",
  "ENODATA",
  "EREMOTEIO",
  "EHOSTDOWN",
  "ETIMEDOUT",
  "ENOMEDIUM",
  "EMEDIUMTYPE",
]);
/** Numbers on Linux of codes that libuv has no name for: EBADMSG, ESTALE, EUCLEAN, ENOMEDIUM, EMEDIUMTYPE. */
const DISK_NUMBERS = new Set([74, 116, 117, 123, 124]);
const FULL_CODES = new Set(["ENOSPC", "EDQUOT"]);
const EDQUOT_NUMBER = 122;

const causeNumber = (cause: unknown): number =>
  cause instanceof Error && "errno" in cause && typeof cause.errno === "number" ? Math.abs(cause.errno) : 0;

export const faultSideOf = (cause: unknown): FaultSide => {
  const code = causeCode(cause);
  const number = causeNumber(cause);
  if (code === "ENOENT") return "absent";
  if (FULL_CODES.has(code) || number === EDQUOT_NUMBER) return "full";
  return DISK_CODES.has(code) || DISK_NUMBERS.has(number) ? "disk" : "other";
};

/**
 * Whether an operation on a file failed because the file is not there any more, or its disk is not in use: it will not
 * come back.
 */
export const isGone = (cause: unknown): boolean => {
  const reason = cause instanceof EdgeError ? cause.cause : cause;
  return reason instanceof NotInUseError || faultSideOf(reason) === "absent";
};

/** The disk, or the store, was taken out of use: nobody's failure. */
export class NotInUseError extends Error {
  constructor(what: string) {
    super(`${what} is not in use any more`);
    this.name = "NotInUseError";
  }
}
