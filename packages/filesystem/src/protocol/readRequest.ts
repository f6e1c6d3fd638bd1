import { IN_HEADER_BYTES, OPCODE, WRITING_OPCODES } from "./words.ts";

/** Who asks, and how the answer is told apart from others. */
export interface RequestHead {
  readonly unique: bigint;
  readonly node: number;
  readonly uid: number;
}

export type FileRequest = RequestHead &
  (
    | {
        readonly kind: "init";
        readonly major: number;
        readonly minor: number;
        readonly readAheadBytes: number;
        readonly flags: number;
      }
    /** `name`: one character for each byte. */
    | { readonly kind: "lookup"; readonly name: string }
    | { readonly kind: "unlink"; readonly name: string }
    /** Get no answer. */
    | { readonly kind: "forget"; readonly nodes: readonly ForgottenNode[] }
    /** Gets none of its own: the request that it names is to be answered. */
    | { readonly kind: "interrupt"; readonly target: bigint }
    | { readonly kind: "getattr" | "statfs" | "opendir" | "readdir" | "nothing" | "readOnly" | "unknown" }
    | { readonly kind: "open"; readonly flags: number }
    | { readonly kind: "read"; readonly handle: number; readonly offset: number; readonly size: number }
    | { readonly kind: "release"; readonly handle: number }
    | { readonly kind: "access"; readonly mask: number }
    | { readonly kind: "destroy" }
    /** It says less than it has to. */
    | { readonly kind: "malformed" }
  );

export type RequestOf<Kind extends FileRequest["kind"]> = Extract<FileRequest, { readonly kind: Kind }>;

export interface ForgottenNode {
  readonly node: number;
  /** How often the kernel has been told of it, as it counts. */
  readonly lookups: number;
}

const FORGET_BYTES = 16;
const NOTHING_MORE = 0;

/** Numbers beyond 2^53 name nothing that exists here. */
const numberAt = (buffer: Buffer, at: number): number => Number(buffer.readBigUInt64LE(at));

/** Fixed bytes behind the header that a request must have. */
const leastBytesOf = (opcode: number): number => {
  switch (opcode) {
    case OPCODE.INIT:
      return 16;
    case OPCODE.READ:
      return 20;
    case OPCODE.FORGET:
    case OPCODE.BATCH_FORGET:
    case OPCODE.INTERRUPT:
    case OPCODE.RELEASE:
      return 8;
    case OPCODE.OPEN:
    case OPCODE.ACCESS:
      return 4;
    case OPCODE.LOOKUP:
    case OPCODE.UNLINK:
      return 1;
    default:
      return NOTHING_MORE;
  }
};

/** One message of the kernel; undefined: it has not even a whole header, so that nobody can be answered. */
export const readRequest = (message: Buffer): FileRequest | undefined => {
  if (message.length < IN_HEADER_BYTES) return undefined;
  const opcode = message.readUInt32LE(4);
  const head: RequestHead = {
    unique: message.readBigUInt64LE(8),
    node: numberAt(message, 16),
    uid: message.readUInt32LE(24),
  };
  const body = message.subarray(IN_HEADER_BYTES, message.readUInt32LE(0));
  if (body.length < leastBytesOf(opcode)) return { ...head, kind: "malformed" };
  switch (opcode) {
    case OPCODE.INIT:
      return {
        ...head,
        kind: "init",
        major: body.readUInt32LE(0),
        minor: body.readUInt32LE(4),
        readAheadBytes: body.readUInt32LE(8),
        flags: body.readUInt32LE(12),
      };
    case OPCODE.LOOKUP:
    case OPCODE.UNLINK:
      return named(head, opcode === OPCODE.LOOKUP ? "lookup" : "unlink", body);
    case OPCODE.FORGET:
      return { ...head, kind: "forget", nodes: [{ node: head.node, lookups: numberAt(body, 0) }] };
    case OPCODE.BATCH_FORGET:
      return { ...head, kind: "forget", nodes: forgottenNodes(body) };
    case OPCODE.INTERRUPT:
      return { ...head, kind: "interrupt", target: body.readBigUInt64LE(0) };
    case OPCODE.GETATTR:
      return { ...head, kind: "getattr" };
    case OPCODE.OPEN:
      return { ...head, kind: "open", flags: body.readUInt32LE(0) };
    case OPCODE.READ:
      return {
        ...head,
        kind: "read",
        handle: numberAt(body, 0),
        offset: numberAt(body, 8),
        size: body.readUInt32LE(16),
      };
    case OPCODE.RELEASE:
      return { ...head, kind: "release", handle: numberAt(body, 0) };
    case OPCODE.ACCESS:
      return { ...head, kind: "access", mask: body.readUInt32LE(0) };
    case OPCODE.STATFS:
      return { ...head, kind: "statfs" };
    case OPCODE.OPENDIR:
      return { ...head, kind: "opendir" };
    case OPCODE.READDIR:
      return { ...head, kind: "readdir" };
    case OPCODE.RELEASEDIR:
    case OPCODE.FLUSH:
    case OPCODE.FSYNC:
    case OPCODE.FSYNCDIR:
      return { ...head, kind: "nothing" };
    case OPCODE.DESTROY:
      return { ...head, kind: "destroy" };
    default:
      return { ...head, kind: WRITING_OPCODES.has(opcode) ? "readOnly" : "unknown" };
  }
};

const named = (head: RequestHead, kind: "lookup" | "unlink", body: Buffer): FileRequest => {
  const end = body.indexOf(0);
  return end > 0 ? { ...head, kind, name: body.toString("latin1", 0, end) } : { ...head, kind: "malformed" };
};

/** As many as are there, whatever number is said. */
const forgottenNodes = (body: Buffer): readonly ForgottenNode[] => {
  const count = Math.min(body.readUInt32LE(0), Math.floor((body.length - 8) / FORGET_BYTES));
  return Array.from({ length: count }, (_, index) => {
    const at = 8 + index * FORGET_BYTES;
    return { node: numberAt(body, at), lookups: numberAt(body, at + 8) };
  });
};
