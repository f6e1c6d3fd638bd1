import { isIPv4, isIPv6 } from "node:net";

/** The parts of RFC 1035 that a name server of a test needs: one question, addresses as the answer. */

const HEADER_BYTES = 12;
const CLASS_INTERNET = 1;
export const RECORD_TYPE = { A: 1, AAAA: 28 } as const;
export const RESPONSE_CODE = { noError: 0, serverFailure: 2, nameError: 3, refused: 5 } as const;

const FLAG = { response: 0x8000, authoritative: 0x0400, truncated: 0x0200, recursion: 0x0180 } as const;
/** Points at the name of the question, which follows the header. */
const NAME_OF_QUESTION = 0xc000 | HEADER_BYTES;

export interface DnsQuestion {
  readonly id: number;
  /** In lower case, without the dot at the end. */
  readonly name: string;
  readonly type: number;
  /** The question section as it came. */
  readonly bytes: Buffer;
}

/** Undefined for what is no query with one question. */
export const parseQuestion = (message: Buffer): DnsQuestion | undefined => {
  if (message.length < HEADER_BYTES || message.readUInt16BE(4) !== 1) return undefined;
  const labels: string[] = [];
  let position = HEADER_BYTES;
  for (;;) {
    const length = message[position];
    if (length === undefined || length > 63 || position + 1 + length > message.length) return undefined;
    position += 1;
    if (length === 0) break;
    labels.push(message.toString("latin1", position, position + length));
    position += length;
  }
  if (position + 4 > message.length) return undefined;
  return {
    id: message.readUInt16BE(0),
    name: labels.join(".").toLowerCase(),
    type: message.readUInt16BE(position),
    bytes: message.subarray(HEADER_BYTES, position + 4),
  };
};

export interface AddressRecord {
  readonly ip: string;
  readonly ttlSeconds: number;
}

const bytesOfIpv6 = (ip: string): Buffer => {
  const [head = "", tail] = ip.split("::");
  const groupsOf = (text: string | undefined): string[] =>
    text === undefined || text === "" ? [] : text.split(":").filter((group) => group !== "");
  const first = groupsOf(head);
  const last = groupsOf(tail);
  const middle = new Array<string>(8 - first.length - last.length).fill("0");
  const bytes = Buffer.alloc(16);
  for (const [index, group] of [...first, ...middle, ...last].entries()) {
    bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2);
  }
  return bytes;
};

const renderRecord = ({ ip, ttlSeconds }: AddressRecord): Buffer => {
  const data = isIPv4(ip) ? Buffer.from(ip.split(".").map(Number)) : bytesOfIpv6(ip);
  const head = Buffer.alloc(12);
  head.writeUInt16BE(NAME_OF_QUESTION, 0);
  head.writeUInt16BE(isIPv4(ip) ? RECORD_TYPE.A : RECORD_TYPE.AAAA, 2);
  head.writeUInt16BE(CLASS_INTERNET, 4);
  head.writeUInt32BE(ttlSeconds, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
};

export interface ResponseContent {
  readonly code: number;
  readonly records: readonly AddressRecord[];
  readonly isTruncated: boolean;
}

/** Records of another type than was asked for are left out. */
export const renderResponse = (question: DnsQuestion, { code, records, isTruncated }: ResponseContent): Buffer => {
  const fitting = records.filter(
    ({ ip }) => (question.type === RECORD_TYPE.A && isIPv4(ip)) || (question.type === RECORD_TYPE.AAAA && isIPv6(ip)),
  );
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(question.id, 0);
  const truncated = isTruncated ? FLAG.truncated : 0;
  header.writeUInt16BE(FLAG.response | FLAG.authoritative | truncated | FLAG.recursion | code, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(isTruncated ? 0 : fitting.length, 6);
  return Buffer.concat([header, question.bytes, ...(isTruncated ? [] : fitting.map(renderRecord))]);
};
