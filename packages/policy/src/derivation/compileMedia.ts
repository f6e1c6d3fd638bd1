import { hash } from "node:crypto";
import type { MediaSettings, VhostSettings } from "@basalt/config";
import { METHOD } from "@basalt/http";
import type { Cut, MediaFormat, MediaTask, StreamUris } from "@basalt/media";
import { compileKeyRules, originFormOf } from "../cacheKey.ts";
import { remembered } from "../dims/remembered.ts";
import { encryptionOf, KEY_FILE_NAME } from "../media/encryption.ts";
import { listedFiles } from "../media/listedFiles.ts";
import {
  compileMediaUrl,
  extensionOf,
  type MediaExtension,
  type MediaUrl,
  mayBeMediaUrl,
  type StreamCall,
} from "../media/mediaUrl.ts";
import { compileStreams, type StreamScene, type StreamTasks } from "../media/streamTask.ts";
import { compileCut, type TakenCut, type TrimmingRules } from "../media/takeCut.ts";
import {
  DERIVATION_FAILURE,
  type Derivation,
  type DerivationPlan,
  type DerivationRequest,
  type DerivationRules,
  type DerivationVariant,
  type MediaDerivation,
} from "./contract.ts";

const STATUS_OK = 200;
const STATUS_NOT_FOUND = 404;

/** Goes up when the same task gives other bytes than before: results of two versions must not meet (MEDIA-38). */
const RESULT_VERSION = 1;

/** Frames of MP3 stand all over the file, which is read as a whole for them. */
const MOST_SOURCE_BYTES: Record<MediaFormat, number> = { mp4: Number.MAX_SAFE_INTEGER, mp3: 2 ** 30 };

const DIGEST_CHARACTERS = 16;

const digestOf = (value: unknown): string =>
  hash("sha256", JSON.stringify(value), "base64url").slice(0, DIGEST_CHARACTERS);

const FORMATS: Record<MediaExtension, MediaFormat> = { mp4: "mp4", m4a: "mp4", mp3: "mp3" };

const WHOLE: Cut = {
  sections: [{ startSeconds: undefined, endSeconds: undefined }],
  allTracks: true,
  maxRatioPercent: undefined,
};

const withQuery = (path: string, parameters: readonly string[]): string => {
  const query = parameters.join("&");
  return query === "" ? path : `${path}?${query}`;
};

const withParameters = (url: string, query: string): string => {
  if (query === "") return url;
  return `${url}${url.includes("?") ? "&" : "?"}${query}`;
};

const NOT_FOUND: DerivationPlan = {
  kind: "failure",
  reason: DERIVATION_FAILURE.NO_SUCH_STREAM,
  status: STATUS_NOT_FOUND,
};

/** What may stand in a request target, but not in a URI of a playlist. */
const UNSAFE = /["<>\\^`{|}]/g;

const encoded = (text: string): string =>
  text.replace(UNSAFE, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

const isOn = ({ enabled }: { readonly enabled: boolean }): boolean => enabled;
const isActive = ({ status }: { readonly status: string }): boolean => status === "Active";

const hasMedia = (media: MediaSettings): boolean =>
  [media.mp4Hls, media.mp3Hls, media.dash].some(isActive) ||
  [media.mp4Trimming, media.m4aTrimming, media.mp3Trimming].some(isOn) ||
  media.upfrontMp4Header ||
  media.upfrontM4aHeader;

const ORDINARY = "ordinary";

/** What a host does with the files of one extension. */
interface FileRules {
  readonly format: MediaFormat;
  /** Undefined: the keys are ordinary parameters (MEDIA-80). */
  readonly takeCut: ((parameters: readonly string[]) => TakenCut) | undefined;
  readonly isHeaderMoved: boolean;
  /** Tells results under other settings apart, so that a change of the configuration shows at once. */
  readonly trimMark: string;
  readonly streamMark: string;
}

/** What a derivation of media says. */
type Found = Pick<Derivation, "url" | "selector" | "sourceTarget" | "commands" | "media" | "variants">;

class MediaRules implements DerivationRules {
  readonly #vhost: VhostSettings;
  readonly #caseSensitive: boolean;
  readonly #keyRules;
  readonly #urlOf;
  readonly #files: Readonly<Record<MediaExtension, FileRules>>;
  readonly #streams;
  readonly #known = remembered((sent) => this.#find(sent, ""));
  /** The slash in front of a keyword, where a query string has one. */
  readonly #keywordSlash: RegExp;

  constructor(vhost: VhostSettings) {
    const { media, options } = vhost;
    this.#vhost = vhost;
    this.#caseSensitive = options.caseSensitive;
    this.#keyRules = compileKeyRules(vhost);
    this.#urlOf = compileMediaUrl(media, options.caseSensitive);
    this.#streams = compileStreams(vhost);
    const { mp4Hls, mp3Hls, dash } = media;
    const keywords = [mp4Hls, mp3Hls, dash].map(({ keyword }) => keyword.replaceAll(".", "\\."));
    this.#keywordSlash = new RegExp(`/(?=(?:${keywords.join("|")})/)`, options.caseSensitive ? "g" : "gi");
    this.#files = {
      mp4: this.#fileRules("mp4", media.mp4Trimming, media.upfrontMp4Header),
      m4a: this.#fileRules("m4a", media.m4aTrimming, media.upfrontM4aHeader),
      mp3: this.#fileRules("mp3", { ...media.mp3Trimming, allTracks: false }, false),
    };
  }

  readonly of = ({ target, methodCode, signedParameter = "" }: DerivationRequest): Derivation | undefined => {
    const sent = originFormOf(target);
    if (!mayBeMediaUrl(sent)) return undefined;
    const found = signedParameter === "" ? this.#known(sent) : this.#find(sent, signedParameter);
    if (found === ORDINARY) return undefined;
    const isRead = methodCode === undefined || methodCode === METHOD.GET || methodCode === METHOD.HEAD;
    // Of a file that is written to, nothing is to be made.
    return isRead || found.media?.otherwise !== "source" ? found : undefined;
  };

  #find(sent: string, signedParameter: string): Derivation | typeof ORDINARY {
    const url = this.#urlOf(sent);
    if (url === undefined) return ORDINARY;
    const { stream } = url;
    if (stream === undefined) return this.#ofFile(url, sent);
    const isListed = stream.service === "mp4Hls" && this.#vhost.media.mp4Hls.variants;
    const files = isListed ? listedFiles(url.path) : undefined;
    if (files !== undefined) return this.#ofList(files, url, stream, signedParameter);
    return this.#ofStream(url, stream, signedParameter);
  }

  readonly plan = ({ media, commands }: Derivation, { status }: { readonly status: number }): DerivationPlan => {
    if (media === undefined) return NOT_FOUND;
    const { format, task, otherwise } = media;
    if (status !== STATUS_OK && otherwise === "source") return { kind: "unchanged" };
    if (status !== STATUS_OK) {
      const answered = status >= 400 ? status : STATUS_NOT_FOUND;
      return { kind: "failure", reason: DERIVATION_FAILURE.SOURCE_MISSING, status: answered };
    }
    if (task.kind === "trim" && commands === "") return { kind: "unchanged" };
    return {
      kind: "operation",
      operation: { kind: "media", format, task },
      maxSourceBytes: MOST_SOURCE_BYTES[format],
    };
  };

  #fileRules(extension: MediaExtension, trimming: TrimmingRules & { readonly enabled: boolean }, isMoved: boolean) {
    const { mp4Hls, mp3Hls, dash } = this.#vhost.media;
    const { allTracks, maxRatioPercent } = trimming;
    return {
      format: FORMATS[extension],
      takeCut: trimming.enabled ? compileCut(trimming, this.#caseSensitive) : undefined,
      isHeaderMoved: isMoved,
      trimMark: digestOf([RESULT_VERSION, allTracks, maxRatioPercent]),
      streamMark: digestOf([RESULT_VERSION, allTracks, maxRatioPercent, extension === "mp3" ? mp3Hls : [mp4Hls, dash]]),
    };
  }

  #take({ takeCut }: FileRules, parameters: readonly string[]): TakenCut {
    return takeCut?.(parameters) ?? { isNamed: false, others: parameters, cut: undefined, query: "" };
  }

  /** MEDIA-60, MEDIA-70. */
  #ofFile({ extension, path, parameters }: MediaUrl, sent: string): Derivation | typeof ORDINARY {
    const rules = this.#files[extension];
    const { isNamed, others, cut, query } = this.#take(rules, parameters);
    if (!isNamed && !rules.isHeaderMoved) return ORDINARY;
    const sourceTarget = isNamed ? withQuery(path, others) : sent;
    const task: MediaTask =
      cut === undefined && rules.isHeaderMoved ? { kind: "relocate" } : { kind: "trim", cut: cut ?? WHOLE };
    const url = withParameters(this.#keyRules.canonicalUrl(sourceTarget), query);
    const media: MediaDerivation = {
      format: rules.format,
      task,
      otherwise: "source",
      originTarget: this.#originTarget(path, parameters),
    };
    return this.#derivation({ url, selector: rules.trimMark, sourceTarget, commands: query, media });
  }

  /** MEDIA-20 to MEDIA-26, MEDIA-101 to MEDIA-104. */
  #ofStream(file: MediaUrl, stream: StreamCall, signedParameter: string): Derivation {
    const { place, scene } = this.#streamOf(file, stream, signedParameter);
    const task = this.#tasksOf(stream)?.(stream.fileName, scene);
    if (task === undefined) return this.#derivation(place);
    const { streamMark } = this.#files[file.extension];
    // The query string that a playlist hands on need not be part of the key.
    const selector = "uris" in task ? `${streamMark},${digestOf(task.uris)}` : streamMark;
    return this.#derivation({ ...place, selector, media: this.#streamMedia(file, task) });
  }

  /** Of several files there is the master playlist alone. */
  #ofList(files: readonly string[], url: MediaUrl, stream: StreamCall, signedParameter: string): Derivation {
    const { place } = this.#streamOf(url, stream, signedParameter);
    const isThere = this.#folded(stream.fileName) === this.#folded(this.#vhost.media.mp4Hls.indexName);
    const variants = isThere ? files.map((path) => this.#variantOf({ ...url, path }, stream, signedParameter)) : [];
    const [first] = variants;
    if (first === undefined) return this.#derivation(place);
    return this.#derivation({ ...place, sourceTarget: first.derivation.sourceTarget, variants });
  }

  #variantOf(named: MediaUrl, stream: StreamCall, signedParameter: string): DerivationVariant {
    const file = { ...named, extension: extensionOf(named.path) ?? named.extension };
    const { place, scene } = this.#streamOf(file, stream, signedParameter);
    const task = this.#streams.mp4HlsVariant(scene);
    const { prefix, suffix } = scene.uris;
    // What has the same name for one file alone may be another playlist.
    const selector = `${this.#files[file.extension].streamMark},${digestOf(scene.uris)},variant`;
    return {
      derivation: this.#derivation({ ...place, selector, media: this.#streamMedia(file, task) }),
      playlistTarget: `${prefix}${task.variantName}${suffix}`,
    };
  }

  /** Where a stream of a file is kept, and what it is made of. */
  #streamOf(
    { extension, path, parameters }: MediaUrl,
    stream: StreamCall,
    signedParameter: string,
  ): { readonly place: Omit<Found, "media" | "variants">; readonly scene: StreamScene } {
    const taken = this.#take(this.#files[extension], parameters);
    const others = taken.others.filter((parameter) => parameter !== "");
    const sourceTarget = withQuery(path, others);
    const sourceUrl = this.#keyRules.canonicalUrl(sourceTarget);
    const keyword = this.#folded(stream.keyword);
    const url = `${withParameters(sourceUrl, taken.query)}/${keyword}/${this.#folded(stream.fileName)}`;
    const uris = this.#urisOf(path, keyword, withParameters(withQuery("", others), taken.query), signedParameter);
    const isEncrypted = stream.service === "mp4Hls";
    const encryption = isEncrypted
      ? encryptionOf(this.#vhost.media.mp4Hls.encryption, sourceUrl, `${uris.prefix}${KEY_FILE_NAME}${uris.suffix}`)
      : undefined;
    const place = { url, selector: "", sourceTarget, commands: stream.fileName };
    return { place, scene: { cut: taken.cut, uris, encryption } };
  }

  #streamMedia({ extension, path, parameters }: MediaUrl, task: MediaTask): MediaDerivation {
    const { format } = this.#files[extension];
    return { format, task, otherwise: "absent", originTarget: this.#originTarget(path, parameters) };
  }

  #tasksOf({ service }: StreamCall): StreamTasks | undefined {
    return service === "none" ? undefined : this.#streams[service];
  }

  /**
   * MEDIA-103: form (1), with the rest of the query string; where a parameter is handed on that is looked for at the end,
   * form (2). A path with two slashes in front would name a host.
   */
  #urisOf(path: string, keyword: string, query: string, signedParameter: string): StreamUris {
    const file = encoded(this.#folded(path.startsWith("//") ? `/.${path}` : path));
    const carried = encoded(query.replace(this.#keywordSlash, "%2F"));
    if (signedParameter === "") return { prefix: `${file}${carried}/${keyword}/`, suffix: "" };
    return { prefix: `${file}/${keyword}/`, suffix: withParameters(carried, encoded(signedParameter)) };
  }

  /** MEDIA-79: what the client has asked for, but for names that this server alone knows. */
  #originTarget(path: string, parameters: readonly string[]): string | undefined {
    return this.#vhost.originOptions.wholeClientRequest ? withQuery(path, parameters) : undefined;
  }

  #derivation(found: Found): Derivation {
    return { kind: "media", redirectTarget: undefined, variesOn: undefined, ...found };
  }

  #folded(text: string): string {
    return this.#caseSensitive ? text : text.toLowerCase();
  }
}

/** What is made of MP4, M4A and MP3 files by their URLs (spec 18); undefined where the host makes nothing of them. */
export const compileMedia = (vhost: VhostSettings): DerivationRules | undefined =>
  hasMedia(vhost.media) ? new MediaRules(vhost) : undefined;
