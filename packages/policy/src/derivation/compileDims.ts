import { hash } from "node:crypto";
import type { AutoFormat, DimsSettings, VhostSettings } from "@basalt/config";
import { compileKeyRules, type KeyRules, originFormOf } from "../cacheKey.ts";
import { acceptedFormats } from "../dims/acceptedFormats.ts";
import type { ImageSettings } from "../dims/contract.ts";
import { compileImageCommands, type ImageCommands } from "../dims/imageCommands.ts";
import { remembered } from "../dims/remembered.ts";
import { compileSignatures, type SignedCommands, type VerifyCommands } from "../dims/signedCommands.ts";
import {
  DERIVATION_FAILURE,
  type Derivation,
  type DerivationPlan,
  type DerivationRequest,
  type DerivationRules,
  type DerivationSource,
} from "./contract.ts";

/** A DIMS URL in its parts (DIMS-08). */
export interface DimsUrl {
  /** In front of the keyword, with its query string. */
  readonly source: string;
  readonly commands: string;
  /** A query string behind the commands, with `?`: no part of them. */
  readonly query: string;
}

/** Results of requests whose signature is not valid; none is ever made. */
const UNSIGNED = "unsigned";

const SEPARATOR = ",";

const STATUS_OK = 200;

/**
 * How a host tells DIMS URLs from others. The keyword counts where it first stands behind a URL, so that no command can
 * make what is in front of it a DIMS URL, which no origin may see (DIMS-10). Undefined where the function is off, and
 * where URLs are in lower case and the keyword is not (DIMS-20).
 */
export const compileDimsUrl = (
  dims: DimsSettings,
  caseSensitive: boolean,
): ((target: string) => DimsUrl | undefined) | undefined => {
  if (dims.status === "Inactive") return undefined;
  if (!caseSensitive && dims.keyword !== dims.keyword.toLowerCase()) return undefined;
  const marker = `/${dims.keyword}/`;
  return (target) => {
    const sent = originFormOf(target);
    const at = (caseSensitive ? sent : sent.toLowerCase()).indexOf(marker, 1);
    if (at < 0) return undefined;
    const rest = sent.slice(at + marker.length);
    const question = rest.indexOf("?");
    const [commands, query] = question < 0 ? [rest, ""] : [rest.slice(0, question), rest.slice(question)];
    return { source: sent.slice(0, at), commands, query };
  };
};

const withoutQuery = (target: string): string => {
  const question = target.indexOf("?");
  return question < 0 ? target : target.slice(0, question);
};

const queryOf = (url: string): string => url.slice(withoutQuery(url).length + 1);

/** The query string behind the commands counts by the rules of the host, as if it stood at the source. */
const countedQuery = (keyRules: KeyRules, { source, query }: DimsUrl): string => {
  if (query === "") return "";
  const rest = queryOf(keyRules.canonicalUrl(withoutQuery(source) + query));
  return rest === "" ? "" : `?${rest}`;
};

/** An animation that becomes AVIF stands still. */
const chooseAutoFormat = (selector: string, source: DerivationSource): AutoFormat | undefined => {
  const accepted = selector.split(SEPARATOR);
  const isGif = source.fields.some(
    (name, index) =>
      index % 2 === 0 &&
      name.toLowerCase() === "content-type" &&
      (source.fields[index + 1] ?? "").toLowerCase().startsWith("image/gif"),
  );
  return (["avif", "webp"] as const)
    .filter((format) => accepted.includes(format) && !(isGif && format === "avif"))
    .sort((one, other) => accepted.indexOf(one) - accepted.indexOf(other))[0];
};

const imageSettingsOf = (dims: DimsSettings): ImageSettings => ({
  firstFrameOnly: dims.firstFrameOnly,
  maxSidePixels: dims.maxSidePixels,
  maxPixels: dims.maxPixels,
  maxFrames: dims.maxFrames,
  autoOrient: dims.autoOrient,
  convertsToSrgb: dims.convertsToSrgb,
  stripsLocation: dims.stripsLocation,
  keepsSmaller: dims.keepsSmaller,
  targetSimilarity: dims.targetSimilarity,
});

/** What a URL may call by a name that the configuration gives a meaning. */
const CALLS_BY_NAME = /composite|byoriginal|annotation|preset|auto|%/i;

const DIGEST_CHARACTERS = 8;

const digestOf = (value: unknown): string =>
  hash("sha256", JSON.stringify(value), "base64url").slice(0, DIGEST_CHARACTERS);

const MARKS: readonly (readonly [keyof ImageSettings, string])[] = [
  ["firstFrameOnly", "f"],
  ["autoOrient", "o"],
  ["convertsToSrgb", "c"],
  ["stripsLocation", "l"],
  ["keepsSmaller", "k"],
];

/** Tells results under other settings apart, so that a change of the configuration shows at once; mostly empty. */
const settingsMark = (settings: ImageSettings): string =>
  MARKS.map(([key, mark]) => (settings[key] === true ? mark : "")).join("");

/** Whether pictures are changed even where no command is left. */
const alwaysConverts = ({ firstFrameOnly, autoOrient, convertsToSrgb, stripsLocation }: ImageSettings): boolean =>
  firstFrameOnly || autoOrient || convertsToSrgb || stripsLocation;

const failure = (reason: string): DerivationPlan => ({ kind: "failure", reason });

const badCommands = (detail: string): DerivationPlan => ({
  kind: "failure",
  reason: DERIVATION_FAILURE.CONVERSION,
  detail,
});

class DimsRules implements DerivationRules {
  readonly #dims: DimsSettings;
  readonly #caseSensitive: boolean;
  readonly #split: (target: string) => DimsUrl | undefined;
  readonly #keyRules: KeyRules;
  readonly #commands: ImageCommands;
  readonly #settings: ImageSettings;
  readonly #acceptedFormats: (accept: string) => readonly AutoFormat[];
  readonly #verify: VerifyCommands;
  readonly #settingsMark: string;
  /** Of all that commands call by name. */
  readonly #namedMark: string;

  constructor(vhost: VhostSettings, split: (target: string) => DimsUrl | undefined) {
    const { dims, caseSensitive } = vhost.options;
    this.#dims = dims;
    this.#caseSensitive = caseSensitive;
    this.#split = split;
    this.#keyRules = compileKeyRules(vhost);
    this.#commands = compileImageCommands(dims, !caseSensitive);
    this.#settings = imageSettingsOf(dims);
    this.#acceptedFormats = remembered((accept) => acceptedFormats(dims.formatAuto, accept));
    this.#verify = compileSignatures(dims.signatures);
    const { composites, byOriginal, annotations, presets, formatAuto, targetSimilarity } = dims;
    this.#settingsMark = settingsMark(this.#settings);
    this.#namedMark = digestOf([composites, byOriginal, annotations, presets, formatAuto, targetSimilarity]);
  }

  readonly of = ({ target, get }: DerivationRequest): Derivation | undefined => {
    const url = this.#split(target);
    if (url === undefined) return undefined;
    const { source, commands } = url;
    const signed = this.#signed(source, commands);
    const chain = this.#folded(signed.commands);
    const isAuto = this.#commands.asksForAutoFormat(chain);
    const formats = isAuto ? this.#acceptedFormats(get("accept") ?? "") : [];
    const marks = [this.#settingsMark, CALLS_BY_NAME.test(chain) ? this.#namedMark : "", ...formats];
    return {
      kind: "dims",
      url: `${this.#keyRules.canonicalUrl(source)}/${this.#dims.keyword}/${this.#keyed(url, signed)}`,
      selector: signed.isValid ? marks.filter((mark) => mark !== "").join(SEPARATOR) : UNSIGNED,
      sourceTarget: source,
      commands,
      redirectTarget: this.#dims.onFailure === "redirect" ? source : undefined,
      variesOn: isAuto ? "accept" : undefined,
    };
  };

  readonly plan = (derivation: Derivation, source: DerivationSource): DerivationPlan => {
    const { sourceTarget, selector } = derivation;
    if (selector === UNSIGNED) return badCommands("The commands have no valid signature.");
    if (source.status !== STATUS_OK) return failure(DERIVATION_FAILURE.SOURCE_MISSING);
    if (source.sizeBytes > this.#dims.maxSourceBytes) return failure(DERIVATION_FAILURE.SOURCE_TOO_LARGE);
    const outcome = this.#commands.resolve(this.#folded(this.#signed(sourceTarget, derivation.commands).commands), {
      query: queryOf(this.#keyRules.canonicalUrl(sourceTarget)),
      autoFormat: chooseAutoFormat(selector, source),
    });
    if (!outcome.ok) return badCommands(outcome.reason);
    const { commands } = outcome;
    if (commands.length === 0 && !alwaysConverts(this.#settings)) return { kind: "unchanged" };
    const { maxSourceBytes } = this.#dims;
    return { kind: "operation", operation: { kind: "image", commands, settings: this.#settings }, maxSourceBytes };
  };

  /**
   * What the result is kept under. One signature has one result: nothing that it does not say makes another, neither a
   * query string behind the commands nor the case of its digits.
   */
  #keyed(url: DimsUrl, signed: SignedCommands): string {
    const { commands } = url;
    if (this.#dims.signatures.length === 0) return this.#folded(commands) + countedQuery(this.#keyRules, url);
    const signature = commands.slice(0, commands.length - signed.commands.length);
    return signature.toLowerCase() + this.#folded(signed.commands);
  }

  #folded(text: string): string {
    return this.#caseSensitive ? text : text.toLowerCase();
  }

  #signed(source: string, commands: string): SignedCommands {
    return this.#verify(`${source}/${this.#dims.keyword}/`, commands);
  }
}

/** Pictures that are made of others by their URL (spec 17); undefined where the host makes none. */
export const compileDims = (vhost: VhostSettings): DerivationRules | undefined => {
  const split = compileDimsUrl(vhost.options.dims, vhost.options.caseSensitive);
  return split === undefined ? undefined : new DimsRules(vhost, split);
};
