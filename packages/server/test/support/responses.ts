/** A response as a strict client reads it. */
export interface ClientResponse {
  readonly status: number;
  readonly reason: string;
  /** Names as sent. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** The head as sent. */
  readonly head: string;
  /** False where the bytes ended before the body did. */
  readonly isComplete: boolean;
  field(name: string): string | undefined;
}

/** Reads all responses in the bytes; `methods` are those of the requests, GET where left out. */
export const readResponses = (bytes: Buffer, methods: readonly string[] = [], hasEnded = false): ClientResponse[] => {
  const responses: ClientResponse[] = [];
  let position = 0;
  let answered = 0;
  while (position < bytes.length) {
    const headEnd = bytes.indexOf("\r\n\r\n", position);
    if (headEnd < 0) throw new Error(`no head: ${bytes.toString("latin1", position, position + 200)}`);
    const head = bytes.toString("latin1", position, headEnd);
    const [statusLine = "", ...lines] = head.split("\r\n");
    const match = /^HTTP\/1\.1 (\d{3}) (.*)$/.exec(statusLine);
    if (match === null) throw new Error(`no status line: ${statusLine}`);
    const status = Number(match[1]);
    const fields = lines.map((line): readonly [string, string] => {
      const colon = line.indexOf(": ");
      if (colon < 1) throw new Error(`no field line: ${line}`);
      return [line.slice(0, colon), line.slice(colon + 2)];
    });
    const field = (name: string): string | undefined => {
      const found = fields.filter(([sent]) => sent.toLowerCase() === name.toLowerCase());
      return found.length === 0 ? undefined : found.map(([, value]) => value).join(", ");
    };
    position = headEnd + 4;
    const isInterim = status < 200;
    const method = methods[answered] ?? "GET";
    if (!isInterim) answered++;
    const hasNoBody = isInterim || status === 204 || status === 304 || method === "HEAD";
    const content = hasNoBody ? NO_CONTENT : readContent(bytes, position, field, hasEnded);
    position += content.used;
    responses.push({
      status,
      reason: match[2] ?? "",
      fields,
      body: content.body,
      head,
      isComplete: content.isComplete,
      field,
    });
  }
  return responses;
};

interface Content {
  readonly body: Buffer;
  readonly used: number;
  readonly isComplete: boolean;
}

const NO_CONTENT: Content = { body: Buffer.alloc(0), used: 0, isComplete: true };

const readContent = (
  bytes: Buffer,
  start: number,
  field: (name: string) => string | undefined,
  hasEnded: boolean,
): Content => {
  const length = field("content-length");
  if (field("transfer-encoding") === "chunked") {
    if (length !== undefined) throw new Error("both Content-Length and Transfer-Encoding");
    return readChunks(bytes, start);
  }
  if (length === undefined) return { body: bytes.subarray(start), used: bytes.length - start, isComplete: hasEnded };
  if (!/^\d+$/.test(length)) throw new Error(`Content-Length: ${length}`);
  const body = bytes.subarray(start, start + Number(length));
  return { body, used: body.length, isComplete: body.length === Number(length) };
};

const readChunks = (bytes: Buffer, start: number): Content => {
  const chunks: Buffer[] = [];
  let position = start;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", position);
    const size = Number.parseInt(bytes.toString("latin1", position, lineEnd), 16);
    const dataStart = lineEnd + 2;
    if (lineEnd < 0 || bytes.length < dataStart + size + 2) {
      return { body: Buffer.concat(chunks), used: bytes.length - start, isComplete: false };
    }
    if (!/^[0-9a-f]+$/.test(bytes.toString("latin1", position, lineEnd))) throw new Error("no chunk size");
    if (bytes.toString("latin1", dataStart + size, dataStart + size + 2) !== "\r\n") throw new Error("no chunk end");
    position = dataStart + size + 2;
    if (size === 0) return { body: Buffer.concat(chunks), used: position - start, isComplete: true };
    chunks.push(bytes.subarray(dataStart, dataStart + size));
  }
};
