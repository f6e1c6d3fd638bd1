import { createHash } from "node:crypto";
import { type ByteReader, WireError } from "../wire/byteReader.ts";
import { type FlatFields, fieldValue, hasField, listNames } from "../wire/fields.ts";
import { declaredFraming, readBody, readFieldLines } from "../wire/messageBody.ts";

const KEPT_BODY_BYTES = 1 << 20;

/** A request as the origin saw it. The body figures grow while it arrives. */
export class OriginRequestRecord {
  readonly method: string;
  readonly target: string;
  readonly minorVersion: 0 | 1;
  readonly fields: FlatFields;
  /** Counted from 1, in the order in which connections were accepted. */
  readonly connection: number;
  readonly atMs: number;
  /** Body bytes of the reply that the system has taken so far. */
  sentBytes = 0;
  #hash = createHash("sha256");
  #kept: Buffer[] = [];
  #bodyBytes = 0;
  #complete = false;

  constructor(head: RequestHead, connection: number) {
    this.method = head.method;
    this.target = head.target;
    this.minorVersion = head.minorVersion;
    this.fields = head.fields;
    this.connection = connection;
    this.atMs = Date.now();
  }

  get path(): string {
    const query = this.target.indexOf("?");
    return query < 0 ? this.target : this.target.slice(0, query);
  }

  field(name: string): string | undefined {
    return fieldValue(this.fields, name);
  }

  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  get bodyComplete(): boolean {
    return this.#complete;
  }

  /** The first megabyte. */
  get body(): Buffer {
    return Buffer.concat(this.#kept);
  }

  get bodySha256(): string {
    return this.#hash.copy().digest("hex");
  }

  addBody(bytes: Buffer): void {
    if (this.#bodyBytes < KEPT_BODY_BYTES) this.#kept.push(bytes.subarray(0, KEPT_BODY_BYTES - this.#bodyBytes));
    this.#bodyBytes += bytes.length;
    this.#hash.update(bytes);
  }

  completeBody(): void {
    this.#complete = true;
  }
}

export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly minorVersion: 0 | 1;
  readonly fields: FlatFields;
}

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP\/1\.([01])$/;

/** Strict: an edge that sends an origin anything else has a bug. Undefined when the connection closed between requests. */
export const readRequestHead = async (reader: ByteReader): Promise<RequestHead | undefined> => {
  const line = await reader.readLine(64 * 1024, "a request line");
  if (line === undefined) return undefined;
  const [, method, target, minor] = REQUEST_LINE.exec(line) ?? [];
  if (method === undefined || target === undefined) throw new WireError(`request line ${JSON.stringify(line)}`);
  const fields = await readFieldLines(reader, "the request head");
  if (minor === "1" && !hasField(fields, "host")) throw new WireError("no Host field");
  return { method, target, minorVersion: minor === "1" ? 1 : 0, fields };
};

export const readRequestBody = async (reader: ByteReader, record: OriginRequestRecord): Promise<void> => {
  await readBody(reader, declaredFraming(record.fields) ?? { kind: "none" }, (bytes) => record.addBody(bytes));
  record.completeBody();
};

export const keepsAlive = (record: OriginRequestRecord): boolean =>
  record.minorVersion === 1
    ? !listNames(record.fields, "connection", "close")
    : listNames(record.fields, "connection", "keep-alive");
