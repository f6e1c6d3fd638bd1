import sharp from "sharp";

/**
 * The formats that sources may have. Everything else stays shut, above all what reads further files or runs a
 * language of its own (SVG, PDF) and what browsers do not ask for (TIFF and scientific formats).
 */
const OPEN_DECODERS = [
  "VipsForeignLoadJpeg",
  "VipsForeignLoadPng",
  "VipsForeignLoadNsgif",
  "VipsForeignLoadWebp",
  "VipsForeignLoadHeif",
];

sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({ operation: OPEN_DECODERS });

/** No two conversions share anything, and the pool has as many jobs under way as there are cores. */
sharp.cache(false);
sharp.concurrency(1);

export { sharp };
