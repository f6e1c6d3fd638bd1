import type { CacheResult } from "@basalt/types";
import { type FileSystemStatus, fileSystemCodeOf } from "./fileSystemStatus.ts";
import type { LineBuffer } from "./lineBuffer.ts";
import { dottedMoment } from "./moments.ts";

/** One transaction of the mounted file system that is over (LOG-150, LOG-151). */
export interface LoggedFileAccess {
  readonly method: "ATTR" | "OPEN" | "READ";
  /** As bytes of UTF-8, one character each. */
  readonly path: string;
  readonly status: FileSystemStatus;
  /** That were read. */
  readonly bytes: number;
  /** From the call until it was connected to what serves it. */
  readonly responseMs: number;
  /** From the call until the transaction ended. */
  readonly elapsedMs: number;
  readonly result: CacheResult;
  readonly kind: "FILE" | "FOLDER";
  readonly sessionId: bigint;
}

/** LOG-149. */
export const FILE_SYSTEM_HEADER =
  "#Fields: date time cs-method cs-path sc-status sc-bytes response-time time-taken sc-cachehit attr session-id\n";

export const writeFileSystemLine = (line: LineBuffer, access: LoggedFileAccess, atMs: number): void => {
  const { method, path, status, bytes, responseMs, elapsedMs, result, kind, sessionId } = access;
  line.text(`${dottedMoment(atMs)} ${method} `);
  line.field(path);
  line.text(` ${fileSystemCodeOf(status)} ${bytes} ${Math.round(responseMs)} ${Math.round(elapsedMs)} `);
  line.text(`${result} ${kind} ${BigInt.asUintN(64, sessionId)}`);
};
