import { type BodyInput, type BodySource, toBodySource } from "../pattern.ts";
import { type FieldRecord, toFlatFields } from "../wire/fields.ts";
import { Gate } from "./gate.ts";
import type { OriginRequestRecord } from "./request.ts";

export interface ReplyContent {
  readonly status: number;
  readonly fields?: FieldRecord;
  readonly body?: BodyInput;
}

export type ReplyMaker = (request: OriginRequestRecord) => ReplyContent | Promise<ReplyContent>;

/** How the content's length is told to the peer. */
export type ReplyFraming =
  | { readonly kind: "length" }
  | { readonly kind: "chunked"; readonly sizes: readonly number[] }
  | { readonly kind: "close" };

/** What the origin does after that many body bytes instead of going on. */
export type ReplyFault = { readonly kind: "stall" | "reset" | "close"; readonly afterBytes: number };

/** One reply, head to end, as the writer carries it out. */
export interface ReplyPlan {
  make: ReplyMaker;
  framing: ReplyFraming;
  delayMs: number;
  bytesPerSecond: number | undefined;
  fault: ReplyFault | undefined;
  /** Holds the reply back: before the head when `afterBytes` is undefined. */
  gate: { readonly gate: Gate; readonly afterBytes: number | undefined } | undefined;
  /** Reads the request and says nothing until the peer has gone. */
  isSilent: boolean;
  /** Whether the head drips too. */
  dripsHead: boolean;
  /** Raw text, in pieces, that replaces the whole response; the connection is closed after it. */
  garbage: (() => Iterable<string>) | undefined;
  interim: { readonly status: number; readonly fields: FieldRecord }[];
  /** After a 101: what to do with the bytes of the tunnel. */
  tunnel: "echo" | undefined;
}

export interface RenderedReply {
  readonly status: number;
  readonly fields: string[];
  readonly body: BodySource;
}

export const renderReply = async (plan: ReplyPlan, request: OriginRequestRecord): Promise<RenderedReply> => {
  const content = await plan.make(request);
  return {
    status: content.status,
    fields: toFlatFields(content.fields ?? {}),
    body: toBodySource(content.body ?? ""),
  };
};

export interface FileOptions {
  readonly etag?: string;
  /** HTTP-date. */
  readonly lastModified?: string;
  readonly type?: string;
  readonly fields?: FieldRecord;
}

/** Answers of one rule, in order; the last one repeats. Modifiers change the answer named last. */
export class RuleBuilder {
  readonly #plans: ReplyPlan[] = [];
  #served = 0;

  reply(status: number, fields?: FieldRecord, body?: BodyInput): this;
  reply(make: ReplyMaker): this;
  reply(first: number | ReplyMaker, fields: FieldRecord = {}, body: BodyInput = ""): this {
    this.#plans.push({
      make: typeof first === "number" ? () => ({ status: first, fields, body }) : first,
      framing: { kind: "length" },
      delayMs: 0,
      bytesPerSecond: undefined,
      fault: undefined,
      gate: undefined,
      isSilent: false,
      dripsHead: false,
      garbage: undefined,
      interim: [],
      tunnel: undefined,
    });
    return this;
  }

  /** A static file: answers conditions and single ranges as RFC 9110 says. */
  file(body: BodyInput, options: FileOptions = {}): this {
    const source = toBodySource(body);
    return this.reply((request) => fileReply(request, source, options));
  }

  /** Accepts an upgrade with 101 and sends back every byte of the tunnel. */
  echoUpgrade(protocol = "echo"): this {
    this.reply(101, { Connection: "upgrade", Upgrade: protocol });
    this.#last().tunnel = "echo";
    return this;
  }

  /** Bytes that are no HTTP response, then a close. Pieces may go on for ever: they end when the peer has gone. */
  garbage(text: string | (() => Iterable<string>)): this {
    this.reply(200);
    this.#last().garbage = typeof text === "string" ? () => [text] : text;
    return this;
  }

  /** Takes the request and never answers it. */
  silent(): this {
    this.#last().isSilent = true;
    return this;
  }

  delay(milliseconds: number): this {
    this.#last().delayMs = milliseconds;
    return this;
  }

  /** Chunk sizes in bytes, repeated as needed. */
  chunked(sizes: readonly number[] = [16_384]): this {
    this.#last().framing = { kind: "chunked", sizes };
    return this;
  }

  /** No length at all: the close ends the body. */
  untilClose(): this {
    this.#last().framing = { kind: "close" };
    return this;
  }

  /** The body at that pace, on request the head as well. */
  drip(bytesPerSecond: number, options: { readonly head?: boolean } = {}): this {
    this.#last().bytesPerSecond = bytesPerSecond;
    this.#last().dripsHead = options.head ?? false;
    return this;
  }

  stallAfter(bodyBytes: number): this {
    this.#last().fault = { kind: "stall", afterBytes: bodyBytes };
    return this;
  }

  resetAfter(bodyBytes: number): this {
    this.#last().fault = { kind: "reset", afterBytes: bodyBytes };
    return this;
  }

  closeAfter(bodyBytes: number): this {
    this.#last().fault = { kind: "close", afterBytes: bodyBytes };
    return this;
  }

  /** An interim response before the final one. */
  interim(status: number, fields: FieldRecord = {}): this {
    this.#last().interim.push({ status, fields });
    return this;
  }

  /** Holds every use of this answer back until `release()`; with `afterBytes`, within the body. */
  hold(afterBytes?: number): Gate {
    const gate = new Gate();
    this.#last().gate = { gate, afterBytes };
    return gate;
  }

  #last(): ReplyPlan {
    const last = this.#plans.at(-1);
    if (last === undefined) throw new Error("name a reply first");
    return last;
  }

  /** The plan of the next request; undefined while the rule has no answer. */
  nextPlan(): ReplyPlan | undefined {
    const plan = this.#plans[Math.min(this.#served, this.#plans.length - 1)];
    this.#served += 1;
    return plan;
  }
}

/** Answers conditions and single ranges as RFC 9110 says. */
export const fileReply = (request: OriginRequestRecord, source: BodySource, options: FileOptions): ReplyContent => {
  const fields: Record<string, string | readonly string[]> = { "Accept-Ranges": "bytes", ...options.fields };
  if (options.type !== undefined) fields["Content-Type"] = options.type;
  if (options.etag !== undefined) fields.ETag = options.etag;
  if (options.lastModified !== undefined) fields["Last-Modified"] = options.lastModified;

  if (isNotModified(request, options)) return { status: 304, fields };
  const range = /^bytes=(\d*)-(\d*)$/.exec(request.field("range") ?? "");
  if (range === null || (range[1] === "" && range[2] === "")) return { status: 200, fields, body: source };
  const start = range[1] === "" ? Math.max(0, source.size - Number(range[2])) : Number(range[1]);
  const last = range[1] === "" || range[2] === "" ? source.size - 1 : Math.min(Number(range[2]), source.size - 1);
  if (start >= source.size || last < start) {
    return { status: 416, fields: { ...fields, "Content-Range": `bytes */${source.size}` } };
  }
  return {
    status: 206,
    fields: { ...fields, "Content-Range": `bytes ${start}-${last}/${source.size}` },
    body: { size: last + 1 - start, slice: (from: number, to: number) => source.slice(start + from, start + to) },
  };
};

const isNotModified = (request: OriginRequestRecord, options: FileOptions): boolean => {
  const tags = request.field("if-none-match");
  if (tags !== undefined) {
    const known = options.etag?.replace(/^W\//, "");
    return (
      tags === "*" || tags.split(",").some((tag) => known !== undefined && tag.trim().replace(/^W\//, "") === known)
    );
  }
  const since = request.field("if-modified-since");
  if (since === undefined || options.lastModified === undefined) return false;
  return Date.parse(options.lastModified) <= Date.parse(since);
};
