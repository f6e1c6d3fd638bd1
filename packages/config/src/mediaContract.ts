import type { SecretType } from "./drmContract.ts";

/** AES-128 of HLS segments. Not in the guide. */
export interface HlsEncryptionSettings {
  readonly status: "Active" | "Inactive";
  /** 32 hexadecimal digits: the key of all films. Empty: each has its own, made of `secret`. */
  readonly key: string;
  readonly keyType: SecretType;
  /** Text that the keys of the films are made of (HMAC-SHA256 of the canonical URL of the source, its first 16 bytes). */
  readonly secret: string;
  readonly secretType: SecretType;
  /** Where players get the key, `#URL` standing for the URL of the source; empty: here, behind the keyword. */
  readonly keyUri: string;
  readonly servesKey: boolean;
}

/** What `<MP4HLS>` and `<MP3HLS>` have in common (MEDIA-10 to MEDIA-17, MEDIA-50). */
export interface HlsSettings {
  readonly status: "Active" | "Inactive";
  readonly keyword: string;
  readonly indexName: string;
  readonly version: 1 | 3;
  /** Whether the index is a master playlist, which names the playlist `alternatesName`. */
  readonly alternates: boolean;
  readonly alternatesName: string;
  readonly sequence: number;
  readonly durationSeconds: number;
}

/** Of `.mp4` and `.m4a` (MEDIA-24, reading A). */
export interface Mp4HlsSettings extends HlsSettings {
  /** Not in the guide, and off by default: what follows. */
  readonly form: "TS" | "FMP4";
  readonly iframes: boolean;
  readonly subtitles: boolean;
  /** Several films in one master playlist. */
  readonly variants: boolean;
  readonly encryption: HlsEncryptionSettings;
}

export interface Mp3HlsSettings extends HlsSettings {
  readonly segmentType: "TS" | "MP3";
}

/** Not in the guide. */
export interface DashSettings {
  readonly status: "Active" | "Inactive";
  readonly keyword: string;
  readonly manifestName: string;
  readonly durationSeconds: number;
}

/** MEDIA-70 to MEDIA-73, MEDIA-90 and MEDIA-93. */
export interface TrimmingSettings {
  readonly enabled: boolean;
  readonly startParam: string;
  readonly endParam: string;
  readonly allTracks: boolean;
  /** Empty: several sections cannot be asked for. */
  readonly multiParam: string;
  readonly maxRatioPercent: number;
}

/** `<Media>` of one virtual host. */
export interface MediaSettings {
  readonly mp4Hls: Mp4HlsSettings;
  readonly mp3Hls: Mp3HlsSettings;
  readonly dash: DashSettings;
  readonly upfrontMp4Header: boolean;
  readonly upfrontM4aHeader: boolean;
  readonly mp4Trimming: TrimmingSettings;
  readonly m4aTrimming: TrimmingSettings;
  readonly mp3Trimming: Omit<TrimmingSettings, "allTracks">;
}
