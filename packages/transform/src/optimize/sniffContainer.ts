/** By the first bytes, whatever a Content-Type says. */
export const sniffContainer = (source: Uint8Array): "jpg" | "png" | "webp" | "gif" | undefined => {
  const first = String.fromCharCode(...source.subarray(0, 12));
  if (first.startsWith("\xff\xd8\xff")) return "jpg";
  if (first.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (first.startsWith("RIFF") && first.endsWith("WEBP")) return "webp";
  if (first.startsWith("GIF87a") || first.startsWith("GIF89a")) return "gif";
  return undefined;
};
