import type { CacheResult } from "@basalt/types";
import { asBytes } from "./escape.ts";
import type { LoggedFileAccess } from "./fileSystemFormat.ts";
import type { FileSystemStatus } from "./fileSystemStatus.ts";

export interface FileTransactionParts {
  /** Monotonic, with fractions. */
  readonly monotonicMs: () => number;
  /** Never the same twice: a session is one getattr call, or one open file until it is closed (LOG-152). */
  readonly nextSession: () => bigint;
  /** Hears of each transaction when it is over, once. */
  readonly log: (vhost: string, access: LoggedFileAccess) => void;
}

export interface FileOutcome {
  readonly status: FileSystemStatus;
  readonly result: CacheResult;
  readonly kind: LoggedFileAccess["kind"];
}

/** One use of the mounted file system, from its first call to its last. */
export class FileTransaction {
  readonly sessionId: bigint;
  readonly #parts: FileTransactionParts;
  #vhost: string;
  readonly #path: string;
  readonly #isAttributes: boolean;
  readonly #startedMs: number;
  #connectedMs: number | undefined;
  #wasRead = false;
  #bytes = 0;
  #isOver = false;

  private constructor(parts: FileTransactionParts, vhost: string, path: string, isAttributes: boolean) {
    this.#parts = parts;
    this.#vhost = vhost;
    this.#path = path;
    this.#isAttributes = isAttributes;
    this.#startedMs = parts.monotonicMs();
    this.sessionId = parts.nextSession();
  }

  /** A getattr call; it ends when that returns. */
  static ofAttributes(parts: FileTransactionParts, vhost: string, path: string): FileTransaction {
    return new FileTransaction(parts, vhost, path, true);
  }

  /** An open file; it ends when that is closed. */
  static ofFile(parts: FileTransactionParts, vhost: string, path: string): FileTransaction {
    return new FileTransaction(parts, vhost, path, false);
  }

  /** What serves it was found. */
  connected(): void {
    this.#connectedMs ??= this.#parts.monotonicMs();
  }

  /** The host that serves it, where that is not the one that was named (VHT-02). */
  bookedBy(vhost: string): void {
    this.#vhost = vhost;
  }

  /** A read call has returned so many bytes; 0 at the end of the file. */
  read(bytes: number): void {
    this.#wasRead = true;
    this.#bytes += bytes;
  }

  end({ status, result, kind }: FileOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const endedMs = this.#parts.monotonicMs();
    this.#parts.log(this.#vhost, {
      method: this.#method,
      path: asBytes(this.#path),
      status,
      bytes: this.#bytes,
      responseMs: (this.#connectedMs ?? endedMs) - this.#startedMs,
      elapsedMs: endedMs - this.#startedMs,
      result,
      kind,
      sessionId: this.sessionId,
    });
  }

  /** LOG-150. */
  get #method(): LoggedFileAccess["method"] {
    if (this.#isAttributes) return "ATTR";
    return this.#wasRead ? "READ" : "OPEN";
  }
}
