/** One element of DER (X.690). */
interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

const readElement = (data: Buffer, at: number): { readonly element: Element; readonly end: number } => {
  const tag = data[at];
  const first = data[at + 1];
  if (tag === undefined || first === undefined) throw new Error("it ends early");
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (lengthBytes > 4) throw new Error("a length in it is impossible");
  let length = lengthBytes === 0 ? first : 0;
  for (let index = 0; index < lengthBytes; index++) length = length * 256 + (data[at + 2 + index] ?? 0);
  const start = at + 2 + lengthBytes;
  if (start + length > data.length) throw new Error("it ends early");
  return { element: { tag, content: data.subarray(start, start + length) }, end: start + length };
};

const childrenOf = (content: Buffer): readonly Element[] => {
  const children: Element[] = [];
  for (let at = 0; at < content.length; ) {
    const { element, end } = readElement(content, at);
    children.push(element);
    at = end;
  }
  return children;
};

const TAG = {
  sequence: 0x30,
  octetString: 0x04,
  enumerated: 0x0a,
  time: 0x18,
  explicit0: 0xa0,
  version: 0xa0,
} as const;

const only = (elements: readonly Element[], tag: number, what: string): Element => {
  const found = elements.find((element) => element.tag === tag);
  if (found === undefined) throw new Error(`it has no ${what}`);
  return found;
};

const timeOf = ({ content }: Element): number => {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z$/.exec(content.toString("latin1")) ?? [];
  if (second === undefined) throw new Error("a time in it cannot be read");
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
};

/**
 * How long a response of an OCSP responder (RFC 6960, 4.2) may be used. Throws where it is none, or the responder has
 * not answered. The signature is for clients to check.
 */
export const readOcspResponse = (data: Buffer): { readonly validToMs: number } => {
  const whole = readElement(data, 0).element;
  if (whole.tag !== TAG.sequence) throw new Error("it is no OCSP response");
  const parts = childrenOf(whole.content);
  if (only(parts, TAG.enumerated, "status").content[0] !== 0) throw new Error("the responder has refused");
  const [bytes] = childrenOf(only(parts, TAG.explicit0, "answer").content);
  const inner = childrenOf(bytes?.content ?? Buffer.alloc(0));
  const [basic] = childrenOf(only(inner, TAG.octetString, "answer").content);
  const [responseData] = childrenOf(basic?.content ?? Buffer.alloc(0));
  const responses = childrenOf(responseData?.content ?? Buffer.alloc(0)).filter(({ tag }) => tag === TAG.sequence);
  const [single] = childrenOf(responses[0]?.content ?? Buffer.alloc(0));
  const fields = childrenOf(single?.content ?? Buffer.alloc(0));
  const next = fields.find(({ tag }) => tag === TAG.explicit0);
  // Without a next update there is newer information at any time: an hour is what a reload may take to come.
  if (next === undefined) return { validToMs: timeOf(only(fields, TAG.time, "time")) + HOUR_MS };
  return { validToMs: timeOf(only(childrenOf(next.content), TAG.time, "next update")) };
};

const HOUR_MS = 3_600_000;
