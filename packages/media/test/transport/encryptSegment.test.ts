import { createDecipheriv } from "node:crypto";
import { describe, expect, it } from "vitest";
import { encryptSegment } from "../../src/index.ts";
import { filler } from "../support/transportInput.ts";

const key = Uint8Array.from({ length: 16 }, (_, index) => index);

const decrypted = (bytes: Uint8Array, vector: string): Uint8Array => {
  const decipher = createDecipheriv("aes-128-cbc", key, Buffer.from(vector, "hex"));
  return Uint8Array.from(Buffer.concat([decipher.update(bytes), decipher.final()]));
};

describe("AES-128 of segments (RFC 8216 5.2)", () => {
  it.each([0, 1, 15, 16, 17, 188 * 40])("pads %i bytes to whole blocks, one more where they are whole", (size) => {
    const segment = filler(size);
    const encrypted = encryptSegment(segment, key, 0);
    expect(encrypted.length).toBe((Math.floor(size / 16) + 1) * 16);
    expect(decrypted(encrypted, "00".repeat(16))).toEqual(segment);
  });

  it.each([
    [258, `${"00".repeat(14)}0102`],
    [2 ** 40 + 5, `${"00".repeat(10)}010000000005`],
  ])("takes the media sequence number %i as the initialisation vector", (number, vector) => {
    expect(decrypted(encryptSegment(filler(100), key, number), vector)).toEqual(filler(100));
  });

  it("MEDIA-36 makes equal bytes of equal segments", () => {
    expect(encryptSegment(filler(100), key, 3)).toEqual(encryptSegment(filler(100), key, 3));
  });
});
