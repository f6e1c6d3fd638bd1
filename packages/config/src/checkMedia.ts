import type { VhostOptions } from "./contract.ts";
import type { MediaSettings } from "./mediaContract.ts";
import { isAesKey } from "./options/mediaValues.ts";
import type { Place, ProblemList } from "./problems.ts";
import { findChild, findDescendant, type XmlElement } from "./xml/xmlElement.ts";

export interface CheckedMedia {
  readonly media: MediaSettings;
  readonly options: Pick<VhostOptions, "dims" | "drm" | "caseSensitive">;
}

/** A function that is on and has a keyword; those with the smaller rank win where two have the same one. */
interface KeywordUse {
  readonly rank: number;
  readonly name: string;
  readonly keyword: string;
  /** Below the host. */
  readonly elements: readonly string[];
}

interface Check {
  readonly file: string;
  /** `<VHostDefault>` or `<Vhost>`. */
  readonly host: XmlElement;
  readonly path: string;
  readonly problems: ProblemList;
}

const placeOf = ({ file, host, path }: Check, elements: readonly string[], attribute = ""): Place => {
  const { line, column } = findDescendant(host, elements) ?? findChild(host, "Media") ?? host;
  return { file, line, column, element: `${path}/${elements.join("/")}${attribute}` };
};

const keywordUses = ({ media, options }: CheckedMedia): readonly KeywordUse[] =>
  [
    { ...options.dims, name: "Dims", elements: ["Options", "Dims"] },
    { ...options.drm, name: "Drm", elements: ["Options", "Drm"] },
    { ...media.mp4Hls, name: "MP4HLS", elements: ["Media", "MP4HLS"] },
    { ...media.mp3Hls, name: "MP3HLS", elements: ["Media", "MP3HLS"] },
    { ...media.dash, name: "DASH", elements: ["Media", "DASH"] },
  ]
    .filter(({ status }) => status === "Active")
    .map(({ name, keyword, elements }, rank) => ({ rank, name, keyword, elements }));

const checkKeywords = (check: Check, checked: CheckedMedia): void => {
  const fold = (keyword: string): string => (checked.options.caseSensitive ? keyword : keyword.toLowerCase());
  const owners = new Map<string, KeywordUse>();
  for (const use of keywordUses(checked)) {
    const owner = owners.get(fold(use.keyword));
    if (owner === undefined) {
      owners.set(fold(use.keyword), use);
      continue;
    }
    // These two are of different files.
    if (owner.name === "MP3HLS") continue;
    // Both of `<Options>` were there before `<Media>`: what they do with each other is not of this element.
    if (use.elements[0] !== "Media") continue;
    const message = `<${owner.name}> has the keyword ${owner.keyword} too: <${use.name}> does not work.`;
    check.problems.warn(placeOf(check, use.elements, "@Keyword"), message, "a keyword of its own");
  }
};

const checkNames = (check: Check, { media, options }: CheckedMedia): void => {
  const fold = (name: string): string => (options.caseSensitive ? name : name.toLowerCase());
  for (const [element, { alternates, alternatesName, indexName }] of [
    ["MP4HLS", media.mp4Hls],
    ["MP3HLS", media.mp3Hls],
  ] as const) {
    if (!alternates || fold(indexName) !== fold(alternatesName)) continue;
    const place = placeOf(check, ["Media", element, "AlternatesName"]);
    check.problems.error(place, `<Index> has the name ${indexName} too.`, "every name once");
  }
  for (const [element, { enabled, startParam, endParam, multiParam }] of [
    ["MP4Trimming", media.mp4Trimming],
    ["M4ATrimming", media.m4aTrimming],
    ["MP3Trimming", media.mp3Trimming],
  ] as const) {
    if (!enabled || new Set([startParam, endParam, multiParam].map(fold)).size === 3) continue;
    const place = placeOf(check, ["Media", element]);
    check.problems.error(place, "Two of its query parameters have the same name.", "every name once");
  }
};

const checkEncryption = (check: Check, { media: { mp4Hls, dash } }: CheckedMedia): void => {
  const { encryption } = mp4Hls;
  if (mp4Hls.status === "Inactive" || encryption.status === "Inactive") return;
  const elements = ["Media", "MP4HLS", "Encryption"];
  if ((encryption.key === "") === (encryption.secret === "")) {
    const message = "An <Encryption> needs either a Key or a Secret.";
    check.problems.error(placeOf(check, elements), message, 'Secret="…" or Key="…"');
  }
  if (encryption.keyType === "plain" && encryption.key !== "" && !isAesKey(encryption.key)) {
    const place = placeOf(check, elements, "@Key");
    check.problems.error(place, "The key has no 32 hexadecimal digits.", '32 of them, or KeyType="enc"');
  }
  if (encryption.keyUri === "" && !encryption.servesKey) {
    const message = "Nobody would serve the key: there is no KeyURI, and ServeKey is OFF.";
    check.problems.error(placeOf(check, elements, "@KeyURI"), message, 'KeyURI="…" or ServeKey="ON"');
  }
  if (dash.status === "Active") {
    check.problems.warn(placeOf(check, ["Media", "DASH"]), "Segments of <DASH> are not encrypted.");
  }
};

/** What no playlist would name, or what is never there. */
const checkExtras = (check: Check, { media: { mp4Hls } }: CheckedMedia): void => {
  const { status, form, alternates, iframes, subtitles, variants, encryption } = mp4Hls;
  if (status === "Inactive") return;
  const warn = (attribute: string, message: string): void => {
    check.problems.warn(placeOf(check, ["Media", "MP4HLS"], attribute), message);
  };
  if (iframes && form === "TS") warn("@IFrames", 'There is a playlist of key frames with Form="FMP4" only.');
  if (iframes && encryption.status === "Active") warn("@IFrames", "Encrypted segments have no playlist of key frames.");
  const isNamed = alternates || variants || !(iframes || subtitles);
  if (!isNamed)
    warn("/Index@Alternates", "Only a master playlist (Alternates or Variants ON) names key frames and subtitles.");
};

/**
 * What only shows across the elements of a `<Media>`, of a host that writes one or something with a keyword. `host` is the
 * element that holds it, `checked` what it and what it inherits come to; `path` names the element.
 */
export const checkMedia = (
  file: string,
  host: XmlElement | undefined,
  path: string,
  checked: CheckedMedia,
  problems: ProblemList,
): void => {
  if (host === undefined) return;
  const written = [["Media"], ["Options", "Dims"], ["Options", "Drm"]];
  if (written.every((elements) => findDescendant(host, elements) === undefined)) return;
  const check: Check = { file, host, path, problems };
  checkKeywords(check, checked);
  checkNames(check, checked);
  checkEncryption(check, checked);
  checkExtras(check, checked);
};
