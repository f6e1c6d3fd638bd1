import { createHash } from "node:crypto";
import { type ByteReader, WireError } from "../wire/byteReader.ts";
import { type FlatFields, fieldLines, fieldValue } from "../wire/fields.ts";
import { type BodyFraming, declaredFraming, readBody, readFieldLines } from "../wire/messageBody.ts";

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly minorVersion: 0 | 1;
  readonly fields: FlatFields;
  readonly framing: BodyFraming;
  /** Status and fields of the interim responses before this one. */
  readonly interim: readonly { readonly status: number; readonly fields: FlatFields }[];
}

export class RawResponse {
  readonly head: ResponseHead;
  readonly body: Buffer;
  readonly trailers: FlatFields;

  constructor(head: ResponseHead, body: Buffer, trailers: FlatFields) {
    this.head = head;
    this.body = body;
    this.trailers = trailers;
  }

  get status(): number {
    return this.head.status;
  }

  get text(): string {
    return this.body.toString("utf8");
  }

  get sha256(): string {
    return createHash("sha256").update(this.body).digest("hex");
  }

  /** Combined value of all lines of that name. */
  field(name: string): string | undefined {
    return fieldValue(this.head.fields, name);
  }

  fieldLines(name: string): string[] {
    return fieldLines(this.head.fields, name);
  }
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d) ([\t\x20-\x7e\x80-\xff]*)$/;

/**
 * One response head after any interim ones; undefined when the peer closed before its first byte. `method` is that of
 * the request it answers: a HEAD has no body whatever the fields say.
 */
export const readResponseHead = async (reader: ByteReader, method: string): Promise<ResponseHead | undefined> => {
  const interim: { status: number; fields: FlatFields }[] = [];
  for (;;) {
    const line = await reader.readLine(16 * 1024, "a status line");
    if (line === undefined) {
      if (interim.length > 0) throw new WireError("closed after an interim response");
      return undefined;
    }
    const [, minor, code, reason] = STATUS_LINE.exec(line) ?? [];
    if (code === undefined || reason === undefined) throw new WireError(`status line ${JSON.stringify(line)}`);
    const status = Number(code);
    const fields = await readFieldLines(reader, "the response head");
    const framing = responseFraming(status, method, fields, minor === "1");
    if (status >= 200 || status === 101) {
      return { status, reason, minorVersion: minor === "1" ? 1 : 0, fields, framing, interim };
    }
    interim.push({ status, fields });
  }
};

const responseFraming = (status: number, method: string, fields: FlatFields, chunkedAllowed: boolean): BodyFraming => {
  const declared = declaredFraming(fields);
  if (status < 200 || status === 204) {
    if (declared !== undefined) throw new WireError(`a ${status} response that declares a body`);
    return { kind: "none" };
  }
  if (declared?.kind === "chunked" && !chunkedAllowed) throw new WireError("Transfer-Encoding in an HTTP/1.0 response");
  if (method === "HEAD" || status === 304) return { kind: "none" };
  if (method === "CONNECT" && status < 300) return { kind: "none" };
  return declared ?? { kind: "close" };
};

export const readWholeResponse = async (reader: ByteReader, method: string): Promise<RawResponse | undefined> => {
  const head = await readResponseHead(reader, method);
  if (head === undefined) return undefined;
  const parts: Buffer[] = [];
  const trailers = await readBody(reader, head.framing, (bytes) => void parts.push(bytes));
  return new RawResponse(head, Buffer.concat(parts), trailers);
};
