import { readFile, stat } from "node:fs/promises";
import { sharp } from "./decoders.ts";
import { dissolveLayer, type Layer } from "./layers.ts";
import { checkSize, type ImageLimits } from "./limits.ts";
import { refuseConversion } from "./refusal.ts";

/** Pixels that one thread remembers of overlays; what was used least recently goes first. */
const REMEMBERED_BYTES = 32 * 1024 * 1024;

const remembered = new Map<string, Layer>();
let rememberedBytes = 0;

/** Pixels of the overlay (DIMS-71, DIMS-74), read again when the file has changed. */
export const overlayLayer = async (file: string, dissolve: number, limits: ImageLimits): Promise<Layer> => {
  const name = `${await stampOf(file)} ${dissolve} ${file}`;
  const known = remembered.get(name);
  if (known !== undefined) {
    remembered.delete(name);
    remembered.set(name, known);
    return known;
  }
  const layer = dissolveLayer(await readLayer(file, limits), dissolve);
  remember(name, layer);
  return layer;
};

const stampOf = async (file: string): Promise<string> => {
  try {
    const { mtimeMs, size } = await stat(file);
    return `${mtimeMs} ${size}`;
  } catch {
    return refuseConversion(`overlay ${file} cannot be read`);
  }
};

const readLayer = async (file: string, limits: ImageLimits): Promise<Layer> => {
  try {
    const bytes = await readFile(file);
    const { width, height } = await sharp(bytes).metadata();
    checkSize(limits, width, height, 1);
    const { data, info } = await sharp(bytes, { limitInputPixels: limits.maxPixels })
      .toColourspace("srgb")
      .ensureAlpha()
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height };
  } catch (error) {
    return refuseConversion(`overlay ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
};

const remember = (name: string, layer: Layer): void => {
  if (layer.data.byteLength > REMEMBERED_BYTES / 2) return;
  remembered.set(name, layer);
  rememberedBytes += layer.data.byteLength;
  for (const [oldName, old] of remembered) {
    if (rememberedBytes <= REMEMBERED_BYTES) return;
    remembered.delete(oldName);
    rememberedBytes -= old.data.byteLength;
  }
};
