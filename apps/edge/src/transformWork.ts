import type { DeriveReply, DeriveRequest } from "@basalt/cache";
import { decodeHead, encodeHead, type StoredHead } from "@basalt/cache/stored-head";
import { PLAY_TIME_FIELD, playTimeValue } from "@basalt/media";
import type { DeriveOperation } from "@basalt/policy";
import type { BodyStore, RowImage } from "@basalt/store";
import {
  type JobTerms,
  type JobWatch,
  type PieceJob,
  releaseMemory,
  type TransformOutcome,
  type TransformPool,
} from "@basalt/transform";
import { EdgeError, unreachable } from "@basalt/types";
import type { MediaIndexes } from "./mediaIndexes.ts";
import type { MediaMemory } from "./mediaMemory.ts";
import { LackingBytes, openMediaSource, readStoredIndex } from "./mediaSource.ts";
import { indexOfMedia, type MadeOfMedia, makeOfMedia } from "./mediaWork.ts";
import type { TransformTask } from "./protocol.ts";
import { openSource, readPiece, readSource, sourceBytesOf } from "./transformSource.ts";

/** Longer bodies are encrypted piece by piece, so that memory stays bounded. */
const WHOLE_BYTES = 16 * 1024 ** 2;
const PIECE_BYTES = 4 * 1024 ** 2;

export interface TransformWorkParts {
  readonly bodies: BodyStore;
  readonly pool: TransformPool;
  readonly mediaIndexes: MediaIndexes;
  readonly mediaMemory: MediaMemory;
}

/** One job of the transform host, from the stored source to the stored result. */
export const derive = async (parts: TransformWorkParts, task: TransformTask, watch: JobWatch): Promise<DeriveReply> => {
  const { request, share } = task;
  const { source, operation, image, maxSourceBytes } = request;
  const sourceBytes = sourceBytesOf(source);
  if (sourceBytes > maxSourceBytes) {
    return { kind: "refused", reason: "tooLarge", detail: `${sourceBytes} bytes, above ${maxSourceBytes}` };
  }
  const head = decodeHead(request.head);
  if (head === undefined) throw new EdgeError("INTERNAL", { detail: "unreadable head of a derived object" });
  const terms = {
    vhost: request.vhost,
    weight: share.weight,
    maxRunning: share.threads,
    priority: request.priority,
    heldBytes: source.kind === "bytes" ? sourceBytes : 0,
  };
  if (operation.kind === "media" || operation.kind === "mediaIndex") {
    return await deriveMedia(parts, { request, operation, head, terms, watch });
  }
  if (operation.kind === "encrypt" && sourceBytes > WHOLE_BYTES && image !== undefined && source.kind === "stored") {
    return await encryptInPieces(parts, { operation, location: source.location, image, head, terms, watch });
  }
  const load = async () => ({ kind: "whole", operation, source: await readSource(parts.bodies, source) }) as const;
  const outcome = await parts.pool.run(terms, load, watch);
  const reply = await settle(parts.bodies, request, head, outcome);
  // Not before a collection finds it: results are what this process has most of.
  if (outcome.kind === "done" && reply.kind === "stored") releaseMemory(outcome.body);
  return reply;
};

/** Its body may be in memory that another job gets when this one is over. */
type Settled =
  | Exclude<TransformOutcome, { readonly kind: "done" }>
  | { readonly kind: "done"; readonly body: Uint8Array; readonly contentType: string | undefined };

const settle = async (
  bodies: BodyStore,
  { image }: DeriveRequest,
  template: StoredHead,
  outcome: Settled,
): Promise<DeriveReply> => {
  switch (outcome.kind) {
    case "unchanged":
    case "refused":
      return outcome;
    case "done": {
      const { body, contentType } = outcome;
      const result = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      const head = encodeHead({ ...withContentType(template, contentType), bodyBytes: result.length });
      if (image === undefined) return { kind: "made", head, body: isShared(body) ? Buffer.from(result) : result };
      return { kind: "stored", location: await bodies.append(image, head, result), head };
    }
    default:
      return unreachable(outcome);
  }
};

const isShared = ({ buffer }: Uint8Array): boolean => buffer instanceof SharedArrayBuffer;

interface MediaWork {
  readonly request: DeriveRequest;
  readonly operation: Extract<DeriveOperation, { readonly kind: "media" | "mediaIndex" }>;
  readonly head: StoredHead;
  readonly terms: JobTerms;
  readonly watch: JobWatch;
}

const deriveMedia = async (parts: TransformWorkParts, work: MediaWork): Promise<DeriveReply> => {
  const { bodies } = parts;
  const { request, operation, head, terms, watch } = work;
  const { pool, mediaIndexes: indexes, mediaMemory: memory } = parts;
  const stored = request.source.kind === "stored" ? request.source.index : undefined;
  const source = await openMediaSource(bodies, request.source);
  const known = { pool, indexes, format: operation.format, source, terms, watch };
  const indexing = { ...known, storedIndex: async () => stored && (await readStoredIndex(bodies, stored)) };
  try {
    if (operation.kind === "mediaIndex") {
      const index = await indexOfMedia(indexing);
      if (index === undefined) return UNREADABLE;
      return await settleMedia(bodies, request, head, madeOf(Uint8Array.from(new Uint8Array(index)), undefined));
    }
    const settleMade = (made: MadeOfMedia): Promise<DeriveReply> => settleOutcome(bodies, request, head, made);
    return await makeOfMedia({ ...indexing, task: operation.task, memory }, settleMade);
  } catch (cause) {
    const lacking = lackingIn(cause);
    if (lacking !== undefined) return { kind: "lacking", ranges: lacking.ranges };
    throw cause;
  } finally {
    source.release();
  }
};

const settleOutcome = async (
  bodies: BodyStore,
  request: DeriveRequest,
  head: StoredHead,
  made: MadeOfMedia,
): Promise<DeriveReply> => {
  switch (made.kind) {
    case "bytes": {
      const { body, contentType, playSeconds } = made;
      return await settleMedia(bodies, request, withPlayTime(head, playSeconds), madeOf(body, contentType));
    }
    case "recipe":
      return await settleMedia(bodies, request, head, madeOf(made.recipe, undefined));
    case "unchanged":
      return made;
    case "absent":
      return { kind: "refused", reason: "absent", detail: "no such part" };
    case "unreadable":
      return { ...UNREADABLE, detail: made.detail };
    default:
      return unreachable(made);
  }
};

/** What a job meets while it is loaded (a block that turns out damaged) comes as the cause of the pool's own error. */
const lackingIn = (cause: unknown): LackingBytes | undefined => {
  const first = cause instanceof EdgeError ? cause.cause : cause;
  return first instanceof LackingBytes ? first : undefined;
};

/** What no disk takes is for whoever asked: its source is too long to be had another way. */
const settleMedia = async (
  bodies: BodyStore,
  request: DeriveRequest,
  head: StoredHead,
  outcome: Settled,
): Promise<DeriveReply> => {
  try {
    return await settle(bodies, request, head, outcome);
  } catch (cause) {
    if (EdgeError.from(cause).code !== "STORE_UNAVAILABLE") throw cause;
    return await settle(bodies, { ...request, image: undefined }, head, outcome);
  }
};

const UNREADABLE = { kind: "refused", reason: "unreadable", detail: "no media file" } as const;

const madeOf = (body: Uint8Array, contentType: string | undefined): Settled => ({ kind: "done", body, contentType });

interface PieceWork {
  readonly operation: PieceJob["operation"];
  readonly location: Parameters<typeof openSource>[1];
  readonly image: RowImage;
  readonly head: StoredHead;
  readonly terms: JobTerms;
  readonly watch: JobWatch;
}

const encryptInPieces = async ({ bodies, pool }: TransformWorkParts, work: PieceWork): Promise<DeriveReply> => {
  const { operation, location, image, terms, watch } = work;
  const reader = await openSource(bodies, location);
  try {
    const file = await bodies.createFile();
    try {
      let state: PieceJob["state"];
      for (let position = 0; position < location.bodyBytes; position += PIECE_BYTES) {
        const length = Math.min(PIECE_BYTES, location.bodyBytes - position);
        const isLast = position + length === location.bodyBytes;
        const before = state;
        const load = async (): Promise<PieceJob> => {
          const source = await readPiece(reader, position, length);
          return { kind: "piece", operation, source, state: before, isLast };
        };
        const piece = await pool.runPiece(terms, load, watch);
        state = piece.state;
        await file.write(Buffer.from(piece.body.buffer, piece.body.byteOffset, piece.body.byteLength));
      }
      const head = encodeHead({ ...work.head, bodyBytes: file.length });
      return { kind: "stored", location: await file.complete(image, head), head };
    } catch (cause) {
      await file.abandon();
      throw cause;
    }
  } finally {
    reader.release();
  }
};

const withContentType = (head: StoredHead, contentType: string | undefined): StoredHead =>
  contentType === undefined ? head : withField(head, "Content-Type", contentType);

const withPlayTime = (head: StoredHead, seconds: number | undefined): StoredHead =>
  seconds === undefined ? head : withField(head, PLAY_TIME_FIELD, playTimeValue(seconds));

const withField = (head: StoredHead, wanted: string, value: string): StoredHead => {
  const fields: string[] = [];
  for (let index = 0; index + 1 < head.fields.length; index += 2) {
    const name = head.fields[index] ?? "";
    if (name.toLowerCase() !== wanted.toLowerCase()) fields.push(name, head.fields[index + 1] ?? "");
  }
  return { ...head, fields: [...fields, wanted, value] };
};
