import type {
  DashSettings,
  HlsEncryptionSettings,
  HlsSettings,
  MediaSettings,
  Mp3HlsSettings,
  Mp4HlsSettings,
  TrimmingSettings,
} from "../mediaContract.ts";
import { keyword } from "./dimsValues.ts";
import {
  hexKey,
  keyAddress,
  pathSegment,
  playlistVersion,
  queryKey,
  queryKeyOrNone,
  secretText,
} from "./mediaValues.ts";
import { type OptionTable, option } from "./option.ts";
import { duration, integer, oneOf, onOff } from "./valueTypes.ts";

const OWN = "own element, issue 10";
const NOT_IN_GUIDE = "Not in the guide.";

const status = oneOf("Active", "Inactive");
const secretType = oneOf("plain", "enc");

/** Players count segments in 32 bits. */
const sequence = integer({ min: 0, max: 2_147_483_647 });

const segmentSeconds = duration({ min: 1, max: 86_400 });

/** `requirements` names the rows of status, keyword and the rest. */
const hlsRows = (
  element: "MP4HLS" | "MP3HLS",
  files: string,
  defaultKeyword: string,
  requirements: (row: string) => string,
): OptionTable<HlsSettings> => ({
  status: option(`${element}@Status`, status, "Inactive", {
    doc: `Whether ${files} are served as HLS.`,
    spec: requirements("MEDIA-10"),
  }),
  keyword: option(`${element}@Keyword`, keyword, defaultKeyword, {
    doc: "Path segment behind the URL of the file, in front of the names of playlists and segments.",
    spec: requirements("MEDIA-11"),
  }),
  indexName: option(`${element}/Index`, pathSegment, "index.m3u8", {
    doc: "Name of the playlist.",
    spec: requirements("MEDIA-12"),
  }),
  version: option(`${element}/Index@Ver`, playlistVersion, 3, {
    doc: "3: durations with three decimals. 1: whole seconds, and no `#EXT-X-VERSION`.",
    spec: requirements("MEDIA-13"),
  }),
  alternates: option<boolean>(`${element}/Index@Alternates`, onOff, false, {
    doc: "Whether the playlist is a master playlist, which names `<AlternatesName>`.",
    spec: requirements("MEDIA-14"),
  }),
  alternatesName: option(`${element}/AlternatesName`, pathSegment, "playlist.m3u8", {
    doc: "Name of the playlist of the segments where `Alternates` is ON.",
    spec: requirements("MEDIA-15"),
  }),
  sequence: option<number>(`${element}/Sequence`, sequence, 0, {
    doc: "Number of the first segment.",
    spec: requirements("MEDIA-16"),
  }),
  durationSeconds: option<number>(`${element}/Duration`, segmentSeconds, 10, {
    doc: "Target length of a segment, which begins with a key frame.",
    spec: requirements("MEDIA-17"),
  }),
});

const ENCRYPTION: OptionTable<HlsEncryptionSettings> = {
  status: option("MP4HLS/Encryption@Status", status, "Inactive", {
    doc: `Whether segments are encrypted by AES-128. ${NOT_IN_GUIDE}`,
    spec: OWN,
  }),
  key: option("MP4HLS/Encryption@Key", hexKey, "", {
    doc: `Key of all films, which does for tests; never shown. ${NOT_IN_GUIDE}`,
    defaultNote: "none",
    spec: OWN,
  }),
  keyType: option("MP4HLS/Encryption@KeyType", secretType, "plain", {
    doc: `\`enc\`: \`Key\` is what \`/command/encryptpassword\` answered. ${NOT_IN_GUIDE}`,
    spec: OWN,
  }),
  secret: option("MP4HLS/Encryption@Secret", secretText, "", {
    doc: `Text that a key for each film is made of: the first 16 bytes of the HMAC-SHA256 of its canonical URL; never shown. ${NOT_IN_GUIDE}`,
    defaultNote: "none",
    spec: OWN,
  }),
  secretType: option("MP4HLS/Encryption@SecretType", secretType, "plain", {
    doc: `\`enc\`: \`Secret\` is what \`/command/encryptpassword\` answered. ${NOT_IN_GUIDE}`,
    spec: OWN,
  }),
  keyUri: option("MP4HLS/Encryption@KeyURI", keyAddress, "", {
    doc: `Where players get the key; \`#URL\` stands for the URL of the film, percent-encoded. ${NOT_IN_GUIDE}`,
    defaultNote: "`key` behind the keyword",
    spec: OWN,
  }),
  servesKey: option<boolean>("MP4HLS/Encryption@ServeKey", onOff, false, {
    doc: `Whether this server answers \`/video.mp4/{Keyword}/key\` with the key, to whom the access rules let through. ${NOT_IN_GUIDE}`,
    spec: OWN,
  }),
};

const MP4_HLS: OptionTable<Mp4HlsSettings> = {
  ...hlsRows("MP4HLS", "`.mp4` and `.m4a`", "mp4hls", (row) => row),
  form: option("MP4HLS@Form", oneOf("TS", "FMP4"), "TS", {
    doc: `Segments are MPEG-TS, or fragmented MP4 (CMAF) for players of HLS version 7. ${NOT_IN_GUIDE}`,
    spec: OWN,
  }),
  iframes: option<boolean>("MP4HLS@IFrames", onOff, false, {
    doc: `Whether there is a playlist of key frames, \`iframes.m3u8\`, which the master playlist names; with \`Form="FMP4"\`. ${NOT_IN_GUIDE}`,
    spec: OWN,
  }),
  subtitles: option<boolean>("MP4HLS@Subtitles", onOff, false, {
    doc: `Whether the text track of a film is served as WebVTT, \`subtitles.m3u8\`, which the master playlist names. ${NOT_IN_GUIDE}`,
    spec: OWN,
  }),
  variants: option<boolean>("MP4HLS@Variants", onOff, false, {
    doc: `Whether \`/a.mp4,b.mp4/{Keyword}/{Index}\` is a master playlist of several films, up to 8, of which players choose by their bit rates. ${NOT_IN_GUIDE}`,
    spec: OWN,
  }),
  encryption: ENCRYPTION,
};

const MP3_HLS: OptionTable<Mp3HlsSettings> = {
  ...hlsRows("MP3HLS", "`.mp3`", "mp3hls", (row) => `MEDIA-50, ${row}`),
  segmentType: option("MP3HLS@SegmentType", oneOf("TS", "MP3"), "TS", {
    doc: "Segments are MPEG-TS, or pieces of the MP3.",
    spec: "MEDIA-51",
  }),
};

const DASH: OptionTable<DashSettings> = {
  status: option("DASH@Status", status, "Inactive", {
    doc: `Whether \`.mp4\` and \`.m4a\` are served as MPEG-DASH. ${NOT_IN_GUIDE}`,
    spec: OWN,
  }),
  keyword: option("DASH@Keyword", keyword, "dash", {
    doc: `Path segment behind the URL of the file. ${NOT_IN_GUIDE}`,
    spec: OWN,
  }),
  manifestName: option("DASH/Manifest", pathSegment, "manifest.mpd", {
    doc: `Name of the manifest. ${NOT_IN_GUIDE}`,
    spec: OWN,
  }),
  durationSeconds: option<number>("DASH/Duration", segmentSeconds, 10, {
    doc: `Target length of a segment. ${NOT_IN_GUIDE}`,
    spec: OWN,
  }),
};

const trimmingRows = (
  element: "MP4Trimming" | "M4ATrimming" | "MP3Trimming",
  extension: string,
): OptionTable<Omit<TrimmingSettings, "allTracks" | "multiParam" | "maxRatioPercent">> => ({
  enabled: option<boolean>(element, onOff, false, {
    doc: `Whether the query string may ask for sections of \`${extension}\`.`,
    spec: "MEDIA-70",
  }),
  startParam: option(`${element}@StartParam`, queryKey, "start", {
    doc: "Key of the query string that has the start, in seconds.",
    spec: "MEDIA-71",
  }),
  endParam: option(`${element}@EndParam`, queryKey, "end", {
    doc: "Key of the query string that has the end, in seconds.",
    spec: "MEDIA-72",
  }),
});

const maxRatioRow = (element: string, note: string, requirement: string) =>
  option<number>(`${element}@MaxRatio`, integer({ min: 0, max: 100 }, "%"), 50, {
    doc: `By how much several sections may play longer than the source; what goes beyond is left out.${note}`,
    spec: requirement,
  });

const movieTrimmingRows = (
  element: "MP4Trimming" | "M4ATrimming",
  extension: string,
): OptionTable<TrimmingSettings> => ({
  ...trimmingRows(element, extension),
  allTracks: option<boolean>(`${element}@AllTracks`, onOff, false, {
    doc: "Whether tracks beside sound and picture are kept.",
    spec: "MEDIA-73",
  }),
  multiParam: option(`${element}@MultiParam`, queryKey, "trimming", {
    doc: "Key of the query string that has several sections, as `0-30,210-270`.",
    spec: "MEDIA-90",
  }),
  maxRatioPercent: maxRatioRow(element, "", "MEDIA-93"),
});

/** Places are relative to `<Media>` of `<VHostDefault>` or `<Vhost>`. */
export const MEDIA_OPTIONS: OptionTable<MediaSettings> = {
  mp4Hls: MP4_HLS,
  mp3Hls: MP3_HLS,
  dash: DASH,
  upfrontMp4Header: option<boolean>("UpfrontMP4Header", onOff, false, {
    doc: "Whether the header of `.mp4` is moved to the front while sending.",
    spec: "MEDIA-60",
  }),
  upfrontM4aHeader: option<boolean>("UpfrontM4AHeader", onOff, false, {
    doc: "Whether the header of `.m4a` is moved to the front while sending.",
    spec: "MEDIA-61",
  }),
  mp4Trimming: movieTrimmingRows("MP4Trimming", ".mp4"),
  m4aTrimming: movieTrimmingRows("M4ATrimming", ".m4a"),
  mp3Trimming: {
    ...trimmingRows("MP3Trimming", ".mp3"),
    multiParam: option("MP3Trimming@MultiParam", queryKeyOrNone, "", {
      doc: `Key of the query string that has several sections. ${NOT_IN_GUIDE}`,
      defaultNote: "none",
      spec: OWN,
    }),
    maxRatioPercent: maxRatioRow("MP3Trimming", ` ${NOT_IN_GUIDE}`, OWN),
  },
};
