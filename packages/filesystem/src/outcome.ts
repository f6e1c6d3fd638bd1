import type { FileSystemStatus } from "@basalt/telemetry/logs";
import type { CacheResult, ErrorCode } from "@basalt/types";
import type { ObjectAnswer } from "./contract.ts";
import { ERRNO, type Errno } from "./protocol/words.ts";

/** What a path is (FS-08 to FS-10). */
export type Seen =
  | SeenFile
  | { readonly kind: "folder"; readonly result: CacheResult }
  | {
      readonly kind: "failed";
      readonly status: FileSystemStatus;
      readonly errno: Errno;
      readonly result: CacheResult;
    };

export interface SeenFile {
  readonly kind: "file";
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly version: string;
  readonly hasValidator: boolean;
  readonly result: CacheResult;
  /** Who counts it. */
  readonly vhost: string | undefined;
}

/** What was being done when it failed: it is named by other words (FS-43). */
export type Stage = "file" | "data";

/** FS-43. */
export const errnoOf = (status: FileSystemStatus): Errno => {
  switch (status) {
    case "refused":
      return ERRNO.EACCES;
    case "badRequest":
    case "unknownVhost":
      return ERRNO.ENOENT;
    case "fileTimeout":
    case "dataTimeout":
      return ERRNO.ETIMEDOUT;
    case "wrongOffset":
      return ERRNO.EINVAL;
    default:
      return ERRNO.EIO;
  }
};

const statusOfError = (code: ErrorCode, stage: Stage): FileSystemStatus => {
  switch (code) {
    case "VHOST_UNKNOWN":
      return "unknownVhost";
    case "MEMORY_SHORT":
      return "emergency";
    case "ORIGIN_RECEIVE_TIMEOUT":
      return stage === "file" ? "fileTimeout" : "dataTimeout";
    case "ORIGIN_CONNECT_FAILED":
    case "ORIGIN_CONNECT_TIMEOUT":
    case "ORIGIN_UNAVAILABLE":
    case "ORIGIN_BUSY":
      return stage === "file" ? "originFailed" : "sessionFailed";
    case "ORIGIN_CLOSED":
    case "ORIGIN_REFUSED":
    case "ORIGIN_MALFORMED":
      return stage === "file" ? "originFailed" : "regionFailed";
    case "SHUTTING_DOWN":
    case "CLIENT_GONE":
      return "openFailed";
    default:
      if (code.startsWith("REQUEST_")) return "badRequest";
      return stage === "file" ? "objectFailed" : "regionFailed";
  }
};

/** Why an answer is none that a file can be read from; undefined: it is the origin's. */
export const failureOf = (answer: ObjectAnswer, stage: Stage): FileSystemStatus | undefined => {
  if (answer.errorCode !== undefined) return statusOfError(answer.errorCode, stage);
  if (answer.result === "TCP_DENIED") return "refused";
  if (answer.settings === undefined) return "unknownVhost";
  if (answer.isBypassed) return "bypassNeeded";
  if (answer.result === "TCP_REDIRECT_HIT") return "redirectNeeded";
  return answer.status === 0 ? "objectFailed" : undefined;
};

export const failed = (status: FileSystemStatus, result: CacheResult): Seen => ({
  kind: "failed",
  status,
  errno: errnoOf(status),
  result,
});

/** FS-08 to FS-10; a list without codes means any. */
export const seenOf = (answer: ObjectAnswer): Seen => {
  const { status, result, settings, bytes } = answer;
  const failure = failureOf(answer, "file");
  if (failure !== undefined || settings === undefined) return failed(failure ?? "unknownVhost", result);
  const { fileStatus, dirStatus, fileTime } = settings;
  if (fileStatus.length === 0 || fileStatus.includes(status)) {
    if (bytes === undefined) return failed("objectFailed", result);
    const modifiedMs = (fileTime === "Origin" ? answer.lastModifiedMs : answer.storedAtMs) ?? 0;
    const { version, hasValidator, vhost } = answer;
    return { kind: "file", bytes, modifiedMs, version, hasValidator, result, vhost };
  }
  if (dirStatus.length === 0 || dirStatus.includes(status)) return { kind: "folder", result };
  // FS-10: whatever the origin has answered, there is no such path.
  return { kind: "failed", status: "originFailed", errno: ERRNO.ENOENT, result };
};
