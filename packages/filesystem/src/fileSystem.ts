import type { MountSettings } from "@basalt/config";
import { FileTransaction, type FileTransactionParts } from "@basalt/telemetry/logs";
import { unreachable } from "@basalt/types";
import { type CallEnd, type RunningCall, RunningCalls } from "./calls.ts";
import type { FileCounting, ObjectSource } from "./contract.ts";
import { type FileNode, NodeTable, pathBelow } from "./nodes.ts";
import { OpenFile } from "./openFile.ts";
import { errnoOf, type Seen, type SeenFile } from "./outcome.ts";
import { PathResolver, type Resolved } from "./pathResolver.ts";
import {
  type Attributes,
  attributesAnswer,
  dataHeader,
  doneAnswer,
  entryAnswer,
  errorAnswer,
  initAnswer,
  majorAnswer,
  openAnswer,
  statfsAnswer,
} from "./protocol/answers.ts";
import { type FileRequest, type RequestHead, type RequestOf, readRequest } from "./protocol/readRequest.ts";
import {
  ACCESS_MODE_MASK,
  ERRNO,
  type Errno,
  INIT_FLAG,
  LEAST_MINOR,
  MAJOR,
  OPEN_KEEP_CACHE,
  WANTS_WRITE,
} from "./protocol/words.ts";
import { ReadWindows } from "./readWindows.ts";

export interface FileSystemParts {
  readonly settings: Pick<MountSettings, "dotDir" | "separator">;
  readonly source: ObjectSource;
  readonly counting: FileCounting;
  readonly transactions: FileTransactionParts;
  /** Gives the kernel one answer, its pieces in one write; must not throw. */
  readonly answer: (...pieces: Buffer[]) => void;
  /** The kernel has said what it can do, or that it cannot do enough. */
  readonly onReady: (isUsable: boolean) => void;
  /** Who may delete beside root. */
  readonly ownUid: number;
  readonly onDefect: (error: unknown) => void;
}

/** Longest read call in pages of 4 KB. */
const MAX_PAGES = 64;
const PAGE_BYTES = 4096;
/** Nothing is ever written, but the kernel accepts no less. */
const MAX_WRITE_BYTES = 4096;
/** Requests of read-ahead under way. */
const MAX_BACKGROUND = 64;
/** Of what open files have read last. */
const WINDOWS_BYTES = 32 * 1024 * 1024;

/** Paths are asked for at each use, so that a purge is seen at once; an inode says what the last path look-up said. */
const OF_OBJECTS = { entrySeconds: 0, attributeSeconds: 1 } as const;
/** Folders that no object stands for. */
const OF_FIXED = { entrySeconds: 1, attributeSeconds: 1 } as const;

/** What an attribute call has found is good for the open that it was made for. */
const CLAIM_MS = 100;

interface Claim {
  readonly seen: SeenFile;
  readonly atMs: number;
}

/** An errno, or the pieces of an answer. */
type Reply = Errno | readonly Buffer[];

const FIXED_FOLDER: Attributes = { kind: "folder" };

/** The mounted cache: requests of the kernel in, answers out. Knows no device and no process. */
export class FileSystem {
  readonly #parts: FileSystemParts;
  readonly #nodes = new NodeTable();
  readonly #resolver: PathResolver;
  readonly #calls: RunningCalls;
  readonly #windows = new ReadWindows(WINDOWS_BYTES);
  readonly #files = new Map<number, OpenFile>();
  /** By node, until the next open. */
  readonly #claims = new Map<number, Claim>();
  #lastHandle = 0;

  constructor(parts: FileSystemParts) {
    this.#parts = parts;
    this.#resolver = new PathResolver(parts);
    this.#calls = new RunningCalls(parts.transactions.monotonicMs);
  }

  get openFiles(): number {
    return this.#files.size;
  }

  get nodeCount(): number {
    return this.#nodes.count;
  }

  get runningCalls(): number {
    return this.#calls.count;
  }

  /** One message as the device gives it; it is valid during the call only. */
  accept(message: Buffer): void {
    const request = readRequest(message);
    if (request === undefined) return;
    try {
      const reply = this.#replyTo(request);
      if (reply !== undefined) this.#send(request.unique, reply);
    } catch (error) {
      this.#parts.onDefect(error);
      this.#send(request.unique, ERRNO.EIO);
    }
    if (request.kind === "destroy") this.close();
  }

  /** To be called about once a second. */
  sweep(): void {
    this.#calls.sweep();
    const latestMs = this.#parts.transactions.monotonicMs() - CLAIM_MS;
    for (const [node, { atMs }] of this.#claims) if (atMs < latestMs) this.#claims.delete(node);
  }

  /** Files were read within that time, or somebody waits. */
  isBusy(withinMs: number): boolean {
    const sinceMs = this.#parts.transactions.monotonicMs() - withinMs;
    return this.#calls.count > 0 || [...this.#files.values()].some(({ usedMs }) => usedMs > sinceMs);
  }

  /** The mount is gone, or is to be: whoever waits is answered, open files are closed. */
  close(): void {
    this.#calls.endAll();
    for (const handle of [...this.#files.keys()]) this.#release(handle);
    this.#claims.clear();
  }

  #replyTo(request: FileRequest): Reply | undefined {
    const { unique } = request;
    switch (request.kind) {
      case "init":
        return this.#init(request);
      case "lookup":
        return this.#lookUp(request);
      case "forget":
        for (const { node, lookups } of request.nodes) this.#nodes.forget(node, lookups);
        return undefined;
      case "interrupt":
        this.#calls.interrupt(request.target);
        return undefined;
      case "getattr":
        return this.#getAttributes(request);
      case "open":
        return this.#open(request);
      case "read":
        return this.#read(request);
      case "release":
        this.#release(request.handle);
        return [doneAnswer(unique)];
      case "unlink":
        return this.#unlink(request);
      case "opendir":
        return [openAnswer(unique, 0, 0)];
      case "readdir":
        // FS-25: what an origin has, nobody can list.
        return [dataHeader(unique, 0)];
      case "access":
        return (request.mask & WANTS_WRITE) === 0 ? [doneAnswer(unique)] : ERRNO.EROFS;
      case "statfs":
        return [statfsAnswer(unique)];
      case "nothing":
      case "destroy":
        return [doneAnswer(unique)];
      case "readOnly":
        return ERRNO.EROFS;
      case "unknown":
        return ERRNO.ENOSYS;
      case "malformed":
        return ERRNO.EINVAL;
      default:
        return unreachable(request);
    }
  }

  #send(unique: bigint, reply: Reply): void {
    if (typeof reply === "number") this.#parts.answer(errorAnswer(unique, reply));
    else this.#parts.answer(...reply);
  }

  #init({ unique, major, minor, readAheadBytes, flags }: RequestOf<"init">): Reply {
    if (major > MAJOR) return [majorAnswer(unique)];
    const isUsable = major === MAJOR && minor >= LEAST_MINOR;
    this.#parts.onReady(isUsable);
    if (!isUsable) return ERRNO.EPROTO;
    const { ASYNC_READ, AUTO_INVAL_DATA, PARALLEL_DIROPS, MAX_PAGES: SAYS_PAGES } = INIT_FLAG;
    return [
      initAnswer(unique, {
        readAheadBytes,
        flags: flags & (ASYNC_READ | AUTO_INVAL_DATA | PARALLEL_DIROPS | SAYS_PAGES),
        maxWriteBytes: MAX_WRITE_BYTES,
        maxPages: MAX_PAGES,
        maxBackground: MAX_BACKGROUND,
      }),
    ];
  }

  /** Runs what waits for something and answers when it is done. `onTimeout`: it took too long. */
  #run(unique: bigint, work: (call: RunningCall) => Promise<Reply>, onTimeout?: () => void): undefined {
    const call = this.#calls.begin(unique, (end: CallEnd) => {
      if (end === "timeout") onTimeout?.();
      this.#send(unique, end === "interrupted" ? ERRNO.EINTR : ERRNO.ETIMEDOUT);
    });
    void work(call).then(
      (reply) => {
        if (this.#calls.done(call)) this.#send(unique, reply);
      },
      (error: unknown) => {
        if (!this.#calls.done(call)) return;
        this.#parts.onDefect(error);
        this.#send(unique, ERRNO.EIO);
      },
    );
    return undefined;
  }

  #lookUp({ unique, node, name }: RequestOf<"lookup">): Reply | undefined {
    const parent = this.#nodes.find(node);
    if (parent === undefined) return ERRNO.ENOENT;
    const path = pathBelow(parent, name);
    const place = this.#resolver.place(path);
    if (place.kind === "absent") return place.errno;
    if (place.kind === "fixed") return [entryAnswer(unique, this.#nodes.enter(path).id, FIXED_FOLDER, OF_FIXED)];
    return this.#run(unique, async (call) => {
      const seen = await this.#resolver.look(place, call.signal);
      if (seen.kind === "failed") return seen.errno;
      // Answered already: the kernel does not learn of a node then.
      if (call.end !== undefined) return ERRNO.EINTR;
      const entered = this.#nodes.enter(path);
      this.#remember(entered, seen);
      return [entryAnswer(unique, entered.id, attributesOf(seen), OF_OBJECTS)];
    });
  }

  #getAttributes({ unique, node }: RequestHead): Reply | undefined {
    const known = this.#nodes.find(node);
    if (known === undefined) return ERRNO.ENOENT;
    const place = this.#resolver.place(known.path);
    if (place.kind === "absent") return place.errno;
    if (place.kind === "fixed") return [attributesAnswer(unique, node, FIXED_FOLDER, OF_FIXED.attributeSeconds)];
    return this.#run(unique, async ({ signal }) => {
      const seen = await this.#resolver.look(place, signal);
      if (seen.kind === "failed") return seen.errno;
      this.#remember(known, seen);
      return [attributesAnswer(unique, node, attributesOf(seen), OF_OBJECTS.attributeSeconds)];
    });
  }

  #remember({ id }: FileNode, seen: Seen): void {
    if (seen.kind !== "file") return;
    this.#claims.set(id, { seen, atMs: this.#parts.transactions.monotonicMs() });
  }

  /** What the look-up of the path, which comes just before, has found. */
  #claim({ id }: FileNode): SeenFile | undefined {
    const claim = this.#claims.get(id);
    this.#claims.delete(id);
    const isRecent = claim !== undefined && this.#parts.transactions.monotonicMs() - claim.atMs <= CLAIM_MS;
    return isRecent ? claim.seen : undefined;
  }

  #open({ unique, node, flags }: RequestOf<"open">): Reply | undefined {
    const known = this.#nodes.find(node);
    if (known === undefined) return ERRNO.ENOENT;
    if ((flags & ACCESS_MODE_MASK) !== 0) return ERRNO.EROFS;
    const place = this.#resolver.place(known.path);
    if (place.kind === "absent") return place.errno;
    if (place.kind === "fixed") return ERRNO.EISDIR;
    const startedMs = this.#parts.transactions.monotonicMs();
    const claimed = this.#claim(known);
    if (claimed !== undefined) return [this.#begin(unique, known, place, claimed, startedMs)];
    return this.#run(unique, async (call) => {
      const seen = await this.#resolver.look(place, call.signal);
      if (seen.kind === "failed") return seen.errno;
      if (seen.kind === "folder") return ERRNO.EISDIR;
      // Answered already: nobody would close it.
      if (call.end !== undefined) return ERRNO.EINTR;
      return [this.#begin(unique, known, place, seen, startedMs)];
    });
  }

  #begin(
    unique: bigint,
    node: FileNode,
    place: Resolved & { kind: "host" },
    seen: SeenFile,
    startedMs: number,
  ): Buffer {
    const { source, transactions, counting } = this.#parts;
    const { host, target } = place;
    const vhost = seen.vhost ?? place.vhost;
    const transaction = FileTransaction.ofFile(transactions, vhost, target);
    transaction.connected();
    const file = new OpenFile({ source, windows: this.#windows }, { vhost, host, target }, seen, transaction);
    const handle = ++this.#lastHandle;
    this.#files.set(handle, file);
    const keepsPages = seen.hasValidator && node.openedVersion === seen.version;
    node.openedVersion = seen.version;
    counting.opened(vhost, transactions.monotonicMs() - startedMs);
    return openAnswer(unique, handle, keepsPages ? OPEN_KEEP_CACHE : 0);
  }

  #read({ unique, handle, offset, size }: RequestOf<"read">): Reply | undefined {
    const file = this.#files.get(handle);
    if (file === undefined) return ERRNO.EBADF;
    const { counting, transactions } = this.#parts;
    const { vhost } = file.place;
    const startedMs = transactions.monotonicMs();
    file.usedMs = startedMs;
    const work = async (): Promise<Reply> => {
      counting.running(vhost, 1);
      let givenBytes = 0;
      try {
        const outcome = await file.read(offset, Math.min(size, MAX_PAGES * PAGE_BYTES));
        if (outcome.kind === "failed") {
          file.failed(outcome.status);
          return errnoOf(outcome.status);
        }
        givenBytes = outcome.data.length;
        file.transaction.read(givenBytes);
        return [dataHeader(unique, givenBytes), outcome.data];
      } finally {
        counting.running(vhost, -1);
        counting.read(vhost, size, givenBytes, transactions.monotonicMs() - startedMs);
      }
    };
    return this.#run(unique, work, () => file.failed("dataTimeout"));
  }

  #release(handle: number): void {
    const file = this.#files.get(handle);
    if (file === undefined) return;
    this.#files.delete(handle);
    const { result, status, place, transaction } = file;
    file.release();
    transaction.end({ status, result, kind: "FILE" });
    this.#parts.counting.closed(place.vhost, result);
  }

  /** FS-24; only root and the user that the server runs as may. */
  #unlink({ unique, node, name, uid }: RequestOf<"unlink">): Reply | undefined {
    const parent = this.#nodes.find(node);
    if (parent === undefined) return ERRNO.ENOENT;
    const { ownUid, source } = this.#parts;
    if (uid !== 0 && uid !== ownUid) return ERRNO.EACCES;
    const place = this.#resolver.place(pathBelow(parent, name));
    if (place.kind === "absent") return place.errno;
    if (place.kind === "fixed") return ERRNO.EROFS;
    // It would be a pattern, and delete more than one file.
    if (place.target.includes("*")) return ERRNO.EINVAL;
    const verb = source.findHost(place.host)?.settings.unlink ?? "Purge";
    return this.#run(unique, async () => {
      const isDone = await source.remove(place.host, place.target, verb);
      return isDone ? [doneAnswer(unique)] : ERRNO.EACCES;
    });
  }
}

const attributesOf = (seen: Exclude<Seen, { kind: "failed" }>): Attributes =>
  seen.kind === "folder" ? FIXED_FOLDER : { kind: "file", bytes: seen.bytes, modifiedMs: seen.modifiedMs };
