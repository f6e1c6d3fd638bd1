/** What the text of a key is put together from (DRM-09 to DRM-12). */
export type DrmKeyPart = "$Token" | "$url" | "$filename1" | "$filename2";

export type DrmAlgorithm = "RC4" | "AES-128-CTR" | "AES-128-CBC";

/** `enc`: the value is what `/command/encryptpassword` gave (DRM-17). Of a configuration in service all are `plain`. */
export type SecretType = "plain" | "enc";

/** Encryption of content by URL (HTTP-64 to HTTP-76, DRM-01 to DRM-19). */
export interface DrmSettings {
  readonly status: "Active" | "Inactive";
  readonly keyword: string;
  readonly maxSourceBytes: number;
  readonly algorithm: DrmAlgorithm;
  /** For AES 16 characters or 32 hexadecimal digits; RC4 has none. */
  readonly iv: string;
  readonly ivType: SecretType;
  readonly token: string;
  readonly tokenType: SecretType;
  readonly key: readonly DrmKeyPart[];
  readonly keyHash: "none" | "MD5" | "SHA-1" | "SHA-256";
}
