import { ascii, box, concat, fullBox, u8, u16, u32, zeros } from "./boxes.ts";

/** Parameter sets of a 160x120 picture (High, level 1.1), as x264 writes them. */
export const AVC_SEQUENCE_SET = u8(
  0x67,
  0x64,
  0x00,
  0x0b,
  0xac,
  0xd9,
  0x42,
  0x84,
  0x7e,
  0x5f,
  0xf0,
  0x00,
  0x00,
  0x03,
  0x00,
  0x10,
  0x00,
  0x00,
  0x03,
  0x03,
  0x20,
  0xf1,
  0x42,
  0x99,
  0x60,
);
export const AVC_PICTURE_SET = u8(0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0);

export const avcRecord = (nalLengthBytes: 1 | 2 | 4 = 4): Uint8Array =>
  concat(
    u8(1, 0x64, 0x00, 0x0b, 0xfc | (nalLengthBytes - 1), 0xe1),
    u16(AVC_SEQUENCE_SET.length),
    AVC_SEQUENCE_SET,
    u8(1),
    u16(AVC_PICTURE_SET.length),
    AVC_PICTURE_SET,
  );

/** A sample entry of a picture with these boxes behind its fields. */
export const pictureEntry = (
  type: string,
  widthPixels: number,
  heightPixels: number,
  ...boxes: readonly Uint8Array[]
): Uint8Array =>
  box(
    type,
    zeros(6),
    u16(1),
    zeros(16),
    u16(widthPixels),
    u16(heightPixels),
    u32(0x480000, 0x480000, 0),
    u16(1),
    zeros(32),
    u16(0x18),
    u16(0xffff),
    ...boxes,
  );

export const avcEntry = (widthPixels = 160, heightPixels = 120, ...boxes: readonly Uint8Array[]): Uint8Array =>
  pictureEntry("avc1", widthPixels, heightPixels, box("avcC", avcRecord()), ...boxes);

/** VPS, SPS and PPS of one byte of content each behind their header. */
export const hevcRecord = (): Uint8Array =>
  concat(
    u8(1, 0x01, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93, 0xf0, 0, 0xfc, 0xfd, 0xf8, 0xf8, 0, 0, 0x0f, 3),
    ...[0x40, 0x42, 0x44].map((header, index) => concat(u8(0x80 | (32 + index)), u16(1), u16(3), u8(header, 1, 7))),
  );

/** A sample entry of sound. */
export const soundEntry = (
  type: string,
  channelCount: number,
  sampleRateHz: number,
  ...boxes: readonly Uint8Array[]
): Uint8Array =>
  box(
    type,
    zeros(6),
    u16(1),
    zeros(8),
    u16(channelCount),
    u16(16),
    zeros(4),
    u16(sampleRateHz & 0xffff),
    u16(0),
    ...boxes,
  );

const descriptor = (tag: number, ...parts: readonly Uint8Array[]): Uint8Array => {
  const content = concat(...parts);
  return concat(u8(tag, 0x80, 0x80, 0x80, content.length), content);
};

export const streamDescription = (objectTypeIndication: number, config: Uint8Array): Uint8Array =>
  fullBox(
    "esds",
    0,
    0,
    descriptor(
      3,
      u16(1),
      u8(0),
      descriptor(
        4,
        u8(objectTypeIndication, 0x15, 0, 0, 0),
        u32(128_000, 128_000),
        ...(config.length === 0 ? [] : [descriptor(5, config)]),
      ),
      descriptor(6, u8(2)),
    ),
  );

/** AAC-LC, 48 kHz, stereo. */
export const AAC_CONFIG = u8(0x11, 0x90);

export const aacEntry = (config: Uint8Array = AAC_CONFIG, sampleRateHz = 48_000): Uint8Array =>
  soundEntry("mp4a", 2, sampleRateHz, streamDescription(0x40, config));

export const mp3Entry = (): Uint8Array => soundEntry("mp4a", 2, 44_100, streamDescription(0x6b, zeros(0)));

export const textEntry = (): Uint8Array =>
  box(
    "tx3g",
    zeros(6),
    u16(1),
    u32(0),
    u8(1, 0xff, 0, 0, 0, 0),
    zeros(8),
    concat(zeros(4), u16(1), u8(0, 18), u32(0xffffffff)),
    box("ftab", u16(1), u16(1), u8(5), ascii("Serif")),
  );
