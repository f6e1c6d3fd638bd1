import sharp from "sharp";

/** RGB rows of a picture that looks somewhat like a photograph: soft light, a few shapes with edges, fine grain. */
export const paint = (width: number, height: number): Buffer => {
  const pixels = Buffer.allocUnsafe(width * height * 3);
  let grain = 12345;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [across, down] = [x / width, y / height];
      grain = (Math.imul(grain, 1103515245) + 12345) >>> 0;
      const noise = (grain >>> 28) - 8;
      const isSun = Math.hypot(across - 0.7, (down - 0.3) * (height / width)) < 0.12;
      const isRoof = down > 0.55 && Math.abs(across - 0.3) < (down - 0.5) * 0.5;
      const sky = [90 + 100 * down, 140 + 60 * down, 220 - 40 * down];
      const colour = isSun ? [250, 220, 120] : isRoof ? [150 - 60 * across, 70, 50] : sky;
      const at = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel++) {
        pixels[at + channel] = Math.max(0, Math.min(255, (colour[channel] ?? 0) + noise));
      }
    }
  }
  return pixels;
};

export const photo = (width: number, height: number) =>
  sharp(paint(width, height), { raw: { width, height, channels: 3 } });

/** A picture of one colour with rectangles of others on it. */
export const blocks = (
  width: number,
  height: number,
  background: string,
  parts: readonly { left: number; top: number; width: number; height: number; colour: string }[] = [],
) =>
  sharp({ create: { width, height, channels: 4, background } }).composite(
    parts.map(({ left, top, colour, ...size }) => ({
      input: { create: { ...size, channels: 4, background: colour } },
      left,
      top,
    })),
  );

export interface FramePart {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** Index into the palette. */
  readonly colour: number;
}

/**
 * An animated GIF written byte by byte, so that frames may cover a part of the canvas (which sharp never writes).
 * `colours`: four of RGB. Pixels are written as nine-bit codes with a clear code before the table would grow.
 */
export const animatedGif = (
  width: number,
  height: number,
  colours: readonly number[],
  frames: readonly (FramePart & { readonly delayMs: number })[],
  rounds = 0,
): Uint8Array<ArrayBuffer> => {
  const word = (value: number): number[] => [value & 255, value >> 8];
  const bytes: number[] = [...Buffer.from("GIF89a", "latin1"), ...word(width), ...word(height), 0xf1, 0, 0];
  bytes.push(...Array.from({ length: 12 }, (_, index) => colours[index] ?? 0));
  bytes.push(0x21, 0xff, 11, ...Buffer.from("NETSCAPE2.0", "latin1"), 3, 1, ...word(rounds), 0);
  for (const frame of frames) {
    bytes.push(0x21, 0xf9, 4, 1 << 2, ...word(Math.round(frame.delayMs / 10)), 0, 0);
    bytes.push(0x2c, ...word(frame.left), ...word(frame.top), ...word(frame.width), ...word(frame.height), 0);
    bytes.push(8, ...packCodes(frame.width * frame.height, frame.colour), 0);
  }
  bytes.push(0x3b);
  return Uint8Array.from(bytes);
};

const packCodes = (pixels: number, colour: number): number[] => {
  const packed: number[] = [];
  let [held, bits] = [0, 0];
  const put = (code: number): void => {
    held |= code << bits;
    bits += 9;
    for (; bits >= 8; bits -= 8) {
      packed.push(held & 255);
      held >>>= 8;
    }
  };
  for (let pixel = 0; pixel < pixels; pixel++) {
    if (pixel % 200 === 0) put(256);
    put(colour);
  }
  put(257);
  if (bits > 0) packed.push(held & 255);
  const blocksOfBytes: number[] = [];
  for (let at = 0; at < packed.length; at += 255) {
    const part = packed.slice(at, at + 255);
    blocksOfBytes.push(part.length, ...part);
  }
  return blocksOfBytes;
};
