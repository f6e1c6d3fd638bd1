import type { MountSettings } from "@basalt/config";
import { FileTransaction, type FileTransactionParts } from "@basalt/telemetry/logs";
import type { FileCounting, ObjectSource } from "./contract.ts";
import { failed, type Seen, seenOf } from "./outcome.ts";
import { hasDot, isHostName, mountedPathOf } from "./paths.ts";
import { ERRNO, type Errno } from "./protocol/words.ts";

export interface ResolverParts {
  readonly settings: Pick<MountSettings, "dotDir" | "separator">;
  readonly source: ObjectSource;
  readonly counting: FileCounting;
  readonly transactions: FileTransactionParts;
}

/** `fixed`: a folder that no object stands for. */
export type Resolved =
  | { readonly kind: "fixed" }
  | { readonly kind: "absent"; readonly errno: Errno }
  | { readonly kind: "host"; readonly vhost: string; readonly host: string; readonly target: string };

const FOLDER: Resolved = { kind: "fixed" };
const ABSENT: Resolved = { kind: "absent", errno: ERRNO.ENOENT };

/** Paths of the mount: which of them need the cache, and what that says of them. */
export class PathResolver {
  readonly #parts: ResolverParts;

  constructor(parts: ResolverParts) {
    this.#parts = parts;
  }

  /** What can be said of a path without the cache. `path` is that of a node. */
  place(path: string): Resolved {
    if (path === "") return FOLDER;
    const { settings, source } = this.#parts;
    const { host, target } = mountedPathOf(path, settings.separator);
    const known = isHostName(host) ? source.findHost(host) : undefined;
    if (known === undefined) return ABSENT;
    // FS-18, FS-31: the virtual host is not asked.
    if (target === undefined || (settings.dotDir && !hasDot(target))) return FOLDER;
    return { kind: "host", vhost: known.name, host, target };
  }

  /** Asks the cache: one getattr call of the statistics and of the log. */
  async look(place: Resolved & { kind: "host" }, signal: AbortSignal): Promise<Seen> {
    const { counting, transactions, source } = this.#parts;
    const { vhost, host, target } = place;
    const startedMs = transactions.monotonicMs();
    const transaction = FileTransaction.ofAttributes(transactions, vhost, target);
    counting.running(vhost, 1);
    let seen: Seen = failed("fileTimeout", "TCP_ERROR");
    let bookedVhost = vhost;
    try {
      // FS-32: the virtual host is looked up, but no object.
      const isFolder = source.findHost(host)?.settings.dotDir === true && !hasDot(target);
      if (isFolder) seen = { kind: "folder", result: "TCP_NONE" };
      else {
        const answer = await source.describe(host, target, signal);
        bookedVhost = answer.vhost ?? vhost;
        seen = seenOf(answer);
      }
      transaction.connected();
      return seen;
    } finally {
      counting.running(vhost, -1);
      counting.attributes(bookedVhost, seen.kind, transactions.monotonicMs() - startedMs);
      const status = seen.kind === "failed" ? seen.status : "normal";
      transaction.bookedBy(bookedVhost);
      transaction.end({ status, result: seen.result, kind: seen.kind === "folder" ? "FOLDER" : "FILE" });
    }
  }
}
