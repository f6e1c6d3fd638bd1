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

interface Placed {
  readonly input: Buffer;
  readonly left: number;
  readonly top: number;
}

/** All results in one picture: a row for each source, a column for each chain of commands. */
export const drawSheet = async (
  sources: readonly string[],
  chains: readonly string[],
  cells: readonly GalleryCell[],
): Promise<Buffer> => {
  const width = LEFT + chains.length * (CELL + GAP);
  const rows: Placed[] = [{ input: await drawBand(width, TOP, await placeHeadings(chains)), left: 0, top: 0 }];
  for (const [row, source] of sources.entries()) {
    const layers = [{ input: await label(source, 13, "#000000"), left: 4, top: 40 }];
    for (const cell of cells.filter((one) => one.source === source)) {
      layers.push(await placeCell(cell, LEFT + chains.indexOf(cell.chain) * (CELL + GAP)));
    }
    const input = await drawBand(width, CELL + GAP, layers);
    rows.push({ input, left: 0, top: TOP + row * (CELL + GAP) });
  }
  return drawBand(width, TOP + sources.length * (CELL + GAP), rows);
};

const drawBand = (width: number, height: number, layers: readonly Placed[]): Promise<Buffer> =>
  sharp(checkered(width, height), { raw: { width, height, channels: 3 } })
    .composite([...layers])
    .png({ compressionLevel: 3 })
    .toBuffer();

const placeHeadings = async (chains: readonly string[]): Promise<Placed[]> => {
  const placed: Placed[] = [];
  for (const [column, chain] of chains.entries()) {
    const [command = "", ...rest] = chain.split("/");
    for (const [line, text] of [command, rest.join("/").slice(0, 18)].entries()) {
      const input = text === "" ? undefined : await label(escapeMarkup(text), 10, "#000000");
      if (input !== undefined) placed.push({ input, left: LEFT + column * (CELL + GAP), top: 6 + 16 * line });
    }
  }
  return placed;
};

const placeCell = async (cell: GalleryCell, left: number): Promise<Placed> => {
  const input = await drawCell(cell);
  const { width, height } = await sharp(input).metadata();
  return { input, left: left + ((CELL - width) >> 1), top: Math.max(0, (CELL - height) >> 1) };
};

const escapeMarkup = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** As a browser shows it: by its EXIF orientation; smaller if it has to be, never larger. */
const drawCell = async (cell: GalleryCell): Promise<Buffer> => {
  if (cell.isFailure) return label("failed", 18, "#c00000");
  if (!cell.contentType.startsWith("image/")) {
    const lines =
      cell.bytes
        .toString()
        .trim()
        .match(/.{1,15}/g) ?? [];
    return label(escapeMarkup(lines.slice(0, 6).join("\n")), 11, "#000000");
  }
  return sharp(cell.bytes, { autoOrient: true })
    .resize(CELL, CELL, { fit: "inside", withoutEnlargement: true })
    .png()
    .toBuffer();
};
