import { sharp } from "../../packages/transform/src/images/decoders.ts";
import { label } from "./gallerySources.ts";

/** One result. `file` is undefined when there is none. */
export interface GalleryCell {
  readonly source: string;
  readonly chain: string;
  readonly file: string | undefined;
  readonly contentType: string;
  readonly bytes: Buffer;
  /** What was answered, in a few words. */
  readonly remark: string;
  readonly isFailure: boolean;
}

const [CELL, GAP, LEFT, TOP] = [110, 6, 130, 44];

/** Squares behind what is transparent. */
const CHECKS = [204, 236];

const checkered = (width: number, height: number): Buffer => {
  const pixels = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      pixels.fill(CHECKS[((x >> 3) + (y >> 3)) & 1] ?? 0, (y * width + x) * 3, (y * width + x + 1) * 3);
    }
  }
  return pixels;
};

/** All results in one picture: a row for each source, a column for each chain of commands. */
export const drawSheet = async (
  sources: readonly string[],
  chains: readonly string[],
  cells: readonly GalleryCell[],
): Promise<Buffer> => {
  const [width, height] = [LEFT + chains.length * (CELL + GAP), TOP + sources.length * (CELL + GAP)];
  const layers: { input: Buffer; left: number; top: number }[] = [];
  for (const [row, source] of sources.entries()) {
    layers.push({ input: await label(source, 13, "#000000"), left: 4, top: TOP + row * (CELL + GAP) + 40 });
  }
  for (const [column, chain] of chains.entries()) {
    const [command = "", ...rest] = chain.split("/");
    const left = LEFT + column * (CELL + GAP);
    for (const [line, text] of [command, rest.join("/").slice(0, 20)].entries()) {
      const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
      if (escaped !== "") layers.push({ input: await label(escaped, 11, "#000000"), left, top: 6 + 16 * line });
    }
  }
  for (const cell of cells) {
    const left = LEFT + chains.indexOf(cell.chain) * (CELL + GAP);
    const top = TOP + sources.indexOf(cell.source) * (CELL + GAP);
    const thumbnail = await drawCell(cell);
    const { width: across = CELL, height: down = CELL } = await sharp(thumbnail).metadata();
    const place = { left: left + ((CELL - across) >> 1), top: top + ((CELL - down) >> 1) };
    layers.push({ input: thumbnail, ...place });
  }
  return sharp(checkered(width, height), { raw: { width, height, channels: 3 } })
    .composite(layers)
    .png()
    .toBuffer();
};

/** As a browser shows it: by its EXIF orientation; smaller if it has to be, never larger. */
const drawCell = async (cell: GalleryCell): Promise<Buffer> => {
  if (cell.isFailure) return label("failed", 18, "#c00000");
  if (!cell.contentType.startsWith("image/")) {
    const text = cell.bytes.toString().trim().replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    return sharp(await label((text.match(/.{1,16}/g) ?? []).slice(0, 6).join("\n"), 11, "#000000"))
      .png()
      .toBuffer();
  }
  return sharp(cell.bytes, { autoOrient: true })
    .resize(CELL, CELL, { fit: "inside", withoutEnlargement: true })
    .png()
    .toBuffer();
};
