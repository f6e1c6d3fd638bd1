/** What of DER (X.690) a test certificate needs. */

export const tagged = (tag: number, ...contents: readonly Buffer[]): Buffer => {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
};

const lengthOf = (length: number): Buffer => {
  if (length < 0x80) return Buffer.from([length]);
  if (length < 0x100) return Buffer.from([0x81, length]);
  return Buffer.from([0x82, length >> 8, length & 0xff]);
};

export const sequence = (...contents: readonly Buffer[]): Buffer => tagged(0x30, ...contents);
export const set = (...contents: readonly Buffer[]): Buffer => tagged(0x31, ...contents);
export const octetString = (content: Buffer): Buffer => tagged(0x04, content);
export const utf8String = (text: string): Buffer => tagged(0x0c, Buffer.from(text, "utf8"));
/** Whole bytes. */
export const oneBitString = (content: Buffer): Buffer => tagged(0x03, Buffer.from([0]), content);

export const integer = (value: number): Buffer => {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  return tagged(0x02, ((bytes[0] ?? 0) & 0x80) === 0 ? bytes : Buffer.concat([Buffer.from([0]), bytes]));
};

export const utcTime = (moment: Date): Buffer =>
  tagged(0x17, Buffer.from(`${moment.toISOString().slice(2, 19).replace(/[-:T]/g, "")}Z`, "latin1"));

export const generalizedTime = (moment: Date): Buffer =>
  tagged(0x18, Buffer.from(`${moment.toISOString().slice(0, 19).replace(/[-:T]/g, "")}Z`, "latin1"));

export const objectIdentifier = (text: string): Buffer => {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const digits = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return tagged(0x06, Buffer.from(bytes));
};
