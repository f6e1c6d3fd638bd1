import { inflateSync } from "node:zlib";

export interface ReadPicture {
  readonly width: number;
  readonly height: number;
  /** `#RRGGBB`. */
  colorAt(x: number, y: number): string;
  /** How many pixels of a color there are above the legend, or in a part of the picture. */
  count(color: string, part?: { readonly left?: number; readonly right?: number; readonly bottom?: number }): number;
}

/** A PNG with a palette and unfiltered rows, as the graphs are; throws for anything else. */
export const readPicture = (bytes: Uint8Array): ReadPicture => {
  const buffer = Buffer.from(bytes);
  if (buffer.toString("latin1", 1, 4) !== "PNG") throw new Error("no PNG");
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < buffer.length; at += buffer.readUInt32BE(at) + 12) {
    chunks.set(buffer.toString("latin1", at + 4, at + 8), buffer.subarray(at + 8, at + 8 + buffer.readUInt32BE(at)));
  }
  const [head, palette, data] = [chunks.get("IHDR"), chunks.get("PLTE"), chunks.get("IDAT")];
  if (head === undefined || palette === undefined || data === undefined || !chunks.has("IEND")) throw new Error("cut");
  const [width, height] = [head.readUInt32BE(0), head.readUInt32BE(4)];
  const rows = inflateSync(data);
  const colors = Array.from({ length: palette.length / 3 }, (_, index) => {
    return `#${palette.toString("hex", index * 3, index * 3 + 3).toUpperCase()}`;
  });
  const indexAt = (x: number, y: number): number => rows[y * (width + 1) + 1 + x] ?? 0;
  return {
    width,
    height,
    colorAt: (x, y) => colors[indexAt(x, y)] ?? "",
    count: (color, { left = 0, right = width, bottom = height } = {}) => {
      const wanted = colors.indexOf(color);
      let count = 0;
      for (let y = 0; y < bottom; y++) for (let x = left; x < right; x++) if (indexAt(x, y) === wanted) count += 1;
      return count;
    },
  };
};
