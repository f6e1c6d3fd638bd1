/** Values of `exif:GPS…` as attributes and as elements. */
const GPS_VALUES =
  /(\bexif:GPS\w{1,40}\s{0,20}=\s{0,20})("[^"<]*"|'[^'<]*')|(<exif:GPS\w{1,40}[^<>]{0,200}>)([^<]*)(?=<)/g;

/** Blanks out positions in an XMP packet in place, byte for byte. Whether there were any. */
export const clearXmpPosition = (packet: Uint8Array): boolean => {
  const text = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength).toString("latin1");
  const cleared = text.replace(
    GPS_VALUES,
    (_, name: string | undefined, value: string | undefined, tag: string | undefined, content: string | undefined) =>
      name === undefined || value === undefined
        ? `${tag ?? ""}${" ".repeat(content?.length ?? 0)}`
        : `${name}${value.charAt(0)}${" ".repeat(value.length - 2)}${value.charAt(0)}`,
  );
  if (cleared === text) return false;
  packet.set(Buffer.from(cleared, "latin1"));
  return true;
};
