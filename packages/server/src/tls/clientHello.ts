/** What a client offers in its first message (RFC 8446 4.1.2), as far as the choice of a certificate depends on it. */
export interface ClientHello {
  /** In lower case, without a port and a dot at the end (TLS-22); undefined when it names none. */
  readonly serverName: string | undefined;
  readonly protocols: readonly string[];
  readonly suites: readonly number[];
  readonly signatureSchemes: readonly number[];
  readonly offersTls13: boolean;
}

/** `other`: this is no TLS. */
export type HelloOutcome =
  | { readonly kind: "more" }
  | { readonly kind: "hello"; readonly hello: ClientHello }
  | { readonly kind: "other" };

/** A longer first message counts as no TLS: room for post-quantum key shares and a ticket, and no more. */
export const MAX_HELLO_BYTES = 32 * 1024;

const HANDSHAKE_RECORD = 22;
const RECORD_HEAD_BYTES = 5;
const MAX_RECORD_BYTES = 16 * 1024 + 256;
/** The message is looked at anew with each piece that comes: a client that cuts it to crumbs is none. */
const MOST_RECORDS = 64;
const CLIENT_HELLO = 1;
const MESSAGE_HEAD_BYTES = 4;
const TLS_1_3 = 0x0304;

const EXTENSION = { serverName: 0, signatureAlgorithms: 13, protocols: 16, supportedVersions: 43 } as const;

const MORE: HelloOutcome = { kind: "more" };
const OTHER: HelloOutcome = { kind: "other" };

const NOTHING_OFFERED: ClientHello = {
  serverName: undefined,
  protocols: [],
  suites: [],
  signatureSchemes: [],
  offersTls13: false,
};

/**
 * Reads the first message of a connection. A message that is damaged inside counts as one that offers nothing: the TLS
 * library is to refuse it with the alert that belongs to it.
 */
export const parseClientHello = (data: Buffer): HelloOutcome => {
  const first = data[0];
  if (first === undefined) return MORE;
  if (first !== HANDSHAKE_RECORD) return isOldHello(data) ? readOldHello(data) : OTHER;
  const message = joinRecords(data);
  if (message === "more") return data.length > MAX_HELLO_BYTES ? OTHER : MORE;
  if (message === "other") return OTHER;
  return { kind: "hello", hello: readMessage(message) ?? NOTHING_OFFERED };
};

/** The form of SSL 2.0 that asks for a newer version (TLS-02); whether that is spoken is the library's business. */
const isOldHello = (data: Buffer): boolean => {
  const [first = 0, , third = CLIENT_HELLO, major = 3] = data;
  return (first & 0x80) !== 0 && third === CLIENT_HELLO && major === 3;
};

const readOldHello = (data: Buffer): HelloOutcome => {
  if (data.length < 2) return MORE;
  const length = ((data[0] ?? 0) & 0x7f) * 256 + (data[1] ?? 0);
  return data.length < length + 2 ? MORE : { kind: "hello", hello: NOTHING_OFFERED };
};

/** The message without its record heads; it may be spread over several records. */
const joinRecords = (data: Buffer): Buffer | "more" | "other" => {
  const parts: Buffer[] = [];
  let joinedBytes = 0;
  let wantedBytes = MESSAGE_HEAD_BYTES;
  for (let at = 0; joinedBytes < wantedBytes; ) {
    if (at < data.length && data[at] !== HANDSHAKE_RECORD) return "other";
    if (at + 1 < data.length && data[at + 1] !== 3) return "other";
    if (at + RECORD_HEAD_BYTES > data.length) return "more";
    const recordBytes = data.readUInt16BE(at + 3);
    if (recordBytes === 0 || recordBytes > MAX_RECORD_BYTES || parts.length === MOST_RECORDS) return "other";
    const start = at + RECORD_HEAD_BYTES;
    const part = data.subarray(start, start + recordBytes);
    if (joinedBytes === 0 && part.length > 0 && part[0] !== CLIENT_HELLO) return "other";
    parts.push(part);
    joinedBytes += part.length;
    if (wantedBytes === MESSAGE_HEAD_BYTES && joinedBytes >= MESSAGE_HEAD_BYTES) {
      wantedBytes += Buffer.concat(parts).readUIntBE(1, 3);
      if (wantedBytes > MAX_HELLO_BYTES) return "other";
    }
    if (part.length < recordBytes && joinedBytes < wantedBytes) return "more";
    at = start + recordBytes;
  }
  return (parts.length === 1 ? (parts[0] ?? data) : Buffer.concat(parts)).subarray(MESSAGE_HEAD_BYTES, wantedBytes);
};

/** Goes through a message; reading beyond its end makes the rest unreadable. */
class Reader {
  readonly #data: Buffer;
  #at = 0;
  isBroken = false;

  constructor(data: Buffer) {
    this.#data = data;
  }

  get isAtEnd(): boolean {
    return this.isBroken || this.#at >= this.#data.length;
  }

  number(bytes: 1 | 2): number {
    const taken = this.take(bytes);
    return taken.length < bytes ? 0 : taken.readUIntBE(0, bytes);
  }

  take(bytes: number): Buffer {
    if (this.isBroken || this.#at + bytes > this.#data.length) {
      this.isBroken = true;
      return Buffer.alloc(0);
    }
    this.#at += bytes;
    return this.#data.subarray(this.#at - bytes, this.#at);
  }

  /** What a length of so many bytes in front of it says. */
  vector(lengthBytes: 1 | 2): Reader {
    return new Reader(this.bytes(lengthBytes));
  }

  bytes(lengthBytes: 1 | 2): Buffer {
    return this.take(this.number(lengthBytes));
  }

  numbers(lengthBytes: 1 | 2): readonly number[] {
    const vector = this.vector(lengthBytes);
    const found: number[] = [];
    while (!vector.isAtEnd) found.push(vector.number(2));
    this.isBroken ||= vector.isBroken;
    return found;
  }
}

const FIXED_BYTES = 2 + 32;

const readMessage = (message: Buffer): ClientHello | undefined => {
  const reader = new Reader(message);
  reader.take(FIXED_BYTES);
  reader.bytes(1);
  const suites = reader.numbers(2);
  reader.bytes(1);
  if (reader.isBroken) return undefined;
  let { serverName, protocols, signatureSchemes, offersTls13 } = NOTHING_OFFERED;
  const extensions = reader.vector(2);
  while (!extensions.isAtEnd) {
    const type = extensions.number(2);
    const body = extensions.vector(2);
    if (type === EXTENSION.serverName) serverName = readServerName(body);
    else if (type === EXTENSION.protocols) protocols = readProtocols(body);
    else if (type === EXTENSION.signatureAlgorithms) signatureSchemes = body.numbers(2);
    else if (type === EXTENSION.supportedVersions) offersTls13 = body.numbers(1).includes(TLS_1_3);
    if (extensions.isBroken || body.isBroken) return undefined;
  }
  return { serverName, protocols, suites, signatureSchemes, offersTls13 };
};

const HOST_NAME = 0;

const readServerName = (body: Reader): string | undefined => {
  const names = body.vector(2);
  while (!names.isAtEnd) {
    const type = names.number(1);
    const name = names.bytes(2);
    if (type === HOST_NAME && name.length > 0) return normalizeServerName(name.toString("latin1"));
  }
  body.isBroken ||= names.isBroken;
  return undefined;
};

export const normalizeServerName = (name: string): string =>
  name
    .toLowerCase()
    .replace(/:\d{1,5}$/, "")
    .replace(/\.$/, "");

const readProtocols = (body: Reader): readonly string[] => {
  const list = body.vector(2);
  const found: string[] = [];
  while (!list.isAtEnd) found.push(list.bytes(1).toString("latin1"));
  body.isBroken ||= list.isBroken;
  return found;
};
