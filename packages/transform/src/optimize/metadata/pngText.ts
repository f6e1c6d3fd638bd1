import { deflateSync, inflateSync } from "node:zlib";
import { clearXmpPosition } from "./xmp.ts";

const KEYWORD = "XML:com.adobe.xmp\0";

/** A packet that is longer is not taken apart. */
const LONGEST_PACKET_BYTES = 1 << 22;

/** The data of a text chunk whose XMP no longer says a position; undefined where it says none. */
export const clearPngText = (type: string, data: Uint8Array): Uint8Array | undefined => {
  if (Buffer.from(data.subarray(0, KEYWORD.length)).toString("latin1") !== KEYWORD) return undefined;
  const packetAt = type === "zTXt" ? KEYWORD.length + 1 : skipStrings(data, KEYWORD.length + 2, 2);
  const isCompressed = type === "zTXt" || data[KEYWORD.length] === 1;
  const packet = isCompressed ? inflate(data.subarray(packetAt)) : Uint8Array.from(data.subarray(packetAt));
  if (packet === undefined || !clearXmpPosition(packet)) return undefined;
  return Buffer.concat([data.subarray(0, packetAt), isCompressed ? deflateSync(packet) : packet]);
};

/** Behind so many strings that end with a zero. */
const skipStrings = (data: Uint8Array, from: number, count: number): number => {
  let at = from;
  for (let left = count; left > 0; left -= 1) {
    const end = data.indexOf(0, at);
    at = end === -1 ? data.length : end + 1;
  }
  return at;
};

const inflate = (data: Uint8Array): Uint8Array | undefined => {
  try {
    return inflateSync(data, { maxOutputLength: LONGEST_PACKET_BYTES });
  } catch {
    return undefined;
  }
};
