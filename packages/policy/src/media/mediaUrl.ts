import type { MediaSettings } from "@basalt/config";

export type MediaExtension = "mp4" | "m4a" | "mp3";

/** `none`: MP3 HLS where MP4 HLS has its keyword (MEDIA-52). */
export type StreamService = "mp4Hls" | "mp3Hls" | "dash" | "none";

/** What stands behind the URL of a media file; undefined: the file itself is asked for. */
export interface StreamCall {
  readonly service: StreamService;
  /** As configured. */
  readonly keyword: string;
  /** Between the keyword and the next `?`. */
  readonly fileName: string;
}

/** A URL of a media file in its parts (MEDIA-101, MEDIA-102). */
export interface MediaUrl {
  readonly extension: MediaExtension;
  readonly path: string;
  /** Of the query strings in front of and behind the keyword together; a key that both have is that of the latter. */
  readonly parameters: readonly string[];
  readonly stream: StreamCall | undefined;
}

const MEDIA_FILE = /\.m(?:p[34]|4a)(?:[/?]|$)/i;

/** One search, since it is asked of every request: false for what cannot be the URL of a media file. */
export const mayBeMediaUrl = (sent: string): boolean => MEDIA_FILE.test(sent);

const EXTENSION = /\.(mp[34]|m4a)$/i;
const EXTENSION_CHARACTERS = 4;

/** Undefined for a path without one of them. */
export const extensionOf = (path: string): MediaExtension | undefined => {
  const [, written = ""] = EXTENSION.exec(path) ?? [];
  const folded = written.toLowerCase();
  return folded === "mp4" || folded === "m4a" || folded === "mp3" ? folded : undefined;
};

/** Name of a parameter as its sender meant it. */
export const parameterName = (parameter: string): string => {
  const equals = parameter.indexOf("=");
  return decoded(equals < 0 ? parameter : parameter.slice(0, equals));
};

/** Without percent-encoding; what is not well-formed is itself. */
export const decoded = (text: string): string => {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

const parametersOf = (query: string): readonly string[] => (query === "" ? [] : query.split("&"));

const united = (first: string, second: string): readonly string[] => {
  const later = parametersOf(second);
  if (later.length === 0) return parametersOf(first);
  const names = new Set(later.map(parameterName));
  return [...parametersOf(first).filter((parameter) => !names.has(parameterName(parameter))), ...later];
};

interface Keyword {
  /** `/{keyword}/`, in lower case where the case of URLs does not count. */
  readonly marker: string;
  readonly keyword: string;
  readonly service: StreamService;
  readonly extensions: readonly MediaExtension[];
}

const MOVIES: readonly MediaExtension[] = ["mp4", "m4a"];
const AUDIO: readonly MediaExtension[] = ["mp3"];

const keywordsOf = ({ mp4Hls, mp3Hls, dash }: MediaSettings, fold: (text: string) => string): readonly Keyword[] => {
  const markerOf = (keyword: string): string => `/${fold(keyword)}/`;
  const isOfMp4Hls = (keyword: string): boolean =>
    mp4Hls.status === "Active" && markerOf(keyword) === markerOf(mp4Hls.keyword);
  const keywords: Keyword[] = [];
  const add = (keyword: string, service: StreamService, extensions: readonly MediaExtension[]): void => {
    keywords.push({ marker: markerOf(keyword), keyword, service, extensions });
  };
  if (mp4Hls.status === "Active") add(mp4Hls.keyword, "mp4Hls", MOVIES);
  if (mp3Hls.status === "Active") add(mp3Hls.keyword, isOfMp4Hls(mp3Hls.keyword) ? "none" : "mp3Hls", AUDIO);
  if (dash.status === "Active" && !isOfMp4Hls(dash.keyword)) add(dash.keyword, "dash", MOVIES);
  return keywords;
};

/**
 * Reads path and query string of a URL; undefined for all that is not about a media file. The keyword counts where it
 * first stands behind the extension of a media file.
 */
export const compileMediaUrl = (
  media: MediaSettings,
  caseSensitive: boolean,
): ((sent: string) => MediaUrl | undefined) => {
  const fold = (text: string): string => (caseSensitive ? text : text.toLowerCase());
  const keywords = keywordsOf(media, fold);

  /** Looks at four characters in front of each place only: a URL may be one keyword behind the other. */
  const streamIn = (sent: string, folded: string, { marker, keyword, service, extensions }: Keyword) => {
    const question = sent.indexOf("?");
    const pathEnd = question < 0 ? sent.length : question;
    for (let at = folded.indexOf(marker, 1); at > 0; at = folded.indexOf(marker, at + 1)) {
      const isInQuery = at > pathEnd;
      const end = isInQuery ? pathEnd : at;
      const extension = extensionOf(sent.slice(Math.max(0, end - EXTENSION_CHARACTERS), end));
      const isFound = extension !== undefined && extensions.includes(extension);
      // The path in front of a query string is the same for all places behind.
      if (!isFound && isInQuery) return undefined;
      if (!isFound) continue;
      const rest = sent.slice(at + marker.length);
      const nameEnd = rest.indexOf("?");
      const fileName = nameEnd < 0 ? rest : rest.slice(0, nameEnd);
      const front = isInQuery ? sent.slice(pathEnd + 1, at) : "";
      const parameters = united(front, nameEnd < 0 ? "" : rest.slice(nameEnd + 1));
      return { at, url: { extension, path: sent.slice(0, end), parameters, stream: { service, keyword, fileName } } };
    }
    return undefined;
  };

  return (sent) => {
    if (!mayBeMediaUrl(sent)) return undefined;
    const folded = fold(sent);
    const [first] = keywords
      .flatMap((keyword) => streamIn(sent, folded, keyword) ?? [])
      .sort((one, other) => one.at - other.at);
    if (first !== undefined) return first.url;
    const question = sent.indexOf("?");
    const path = question < 0 ? sent : sent.slice(0, question);
    const extension = extensionOf(path);
    if (extension === undefined) return undefined;
    return {
      extension,
      path,
      parameters: question < 0 ? [] : parametersOf(sent.slice(question + 1)),
      stream: undefined,
    };
  };
};
