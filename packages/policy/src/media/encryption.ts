import { createHmac } from "node:crypto";
import type { HlsEncryptionSettings } from "@basalt/config";
import type { SegmentEncryption } from "@basalt/media";

const KEY_BYTES = 16;

/** Name of the key behind the keyword. */
export const KEY_FILE_NAME = "key";

const keyOf = ({ key, secret }: HlsEncryptionSettings, sourceUrl: string): Uint8Array =>
  key === ""
    ? new Uint8Array(createHmac("sha256", secret).update(sourceUrl, "latin1").digest().subarray(0, KEY_BYTES))
    : new Uint8Array(Buffer.from(key, "hex"));

/**
 * What the segments of a film are encrypted with; undefined where they are not. `sourceUrl` is canonical; `keyAddress` is
 * where this server has the key.
 */
export const encryptionOf = (
  settings: HlsEncryptionSettings,
  sourceUrl: string,
  keyAddress: string,
): SegmentEncryption | undefined => {
  if (settings.status === "Inactive") return undefined;
  const { keyUri } = settings;
  return {
    key: keyOf(settings, sourceUrl),
    keyUri: keyUri === "" ? keyAddress : keyUri.replaceAll("#URL", () => encodeURIComponent(sourceUrl)),
  };
};
