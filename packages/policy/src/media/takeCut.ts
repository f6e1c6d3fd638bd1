import type { TrimmingSettings } from "@basalt/config";
import type { Cut, Section } from "@basalt/media";
import { decoded, parameterName } from "./mediaUrl.ts";

export interface TakenCut {
  /** Whether one of the keys stands in the URL. */
  readonly isNamed: boolean;
  /** The parameters without the keys, in their order (MEDIA-79). */
  readonly others: readonly string[];
  /** Undefined: the whole file (MEDIA-75). */
  readonly cut: Cut | undefined;
  /** The cut as parameters of a query string, written always the same way; empty for the whole file. */
  readonly query: string;
}

export type TrimmingRules = Omit<TrimmingSettings, "enabled">;

/** One number as a client wrote it: shortened, so that equal ones are one text. */
interface WrittenSeconds {
  readonly text: string;
  readonly seconds: number | undefined;
}

const MOST_DECIMALS = 6;

/** An empty text is an omitted side; undefined: no number. */
const readSeconds = (text: string): WrittenSeconds | undefined => {
  if (text === "") return { text: "", seconds: undefined };
  const [whole, digits = "", decimals = ""] = /^(\d{0,15})(?:\.(\d{0,15}))?$/.exec(text) ?? [];
  if (whole === undefined || (digits === "" && decimals === "")) return undefined;
  const fraction = decimals.slice(0, MOST_DECIMALS).replace(/0+$/, "");
  const shortened = `${digits.replace(/^0+(?=\d)/, "") || "0"}${fraction === "" ? "" : `.${fraction}`}`;
  return { text: shortened, seconds: Number(shortened) };
};

const isForward = ({ startSeconds = 0, endSeconds }: Section): boolean =>
  endSeconds === undefined || startSeconds < endSeconds;

interface ReadSection {
  readonly section: Section;
  readonly start: string;
  readonly end: string;
}

/** MEDIA-74, MEDIA-75: undefined for a section that cannot be. */
const readSection = (startText: string, endText: string): ReadSection | undefined => {
  const start = readSeconds(startText);
  const end = readSeconds(endText);
  if (start === undefined || end === undefined) return undefined;
  const section = { startSeconds: start.seconds, endSeconds: end.seconds };
  return isForward(section) ? { section, start: start.text, end: end.text } : undefined;
};

/** What stands behind so many is not read: each costs a search in every track of the film. */
const MOST_SECTIONS = 1_000;

/** Sections that cannot be are left out (MEDIA-91, MEDIA-92). */
const readSections = (value: string): readonly ReadSection[] =>
  value.split(",", MOST_SECTIONS).flatMap((text) => {
    const [start = "", end, ...rest] = text.trim().split("-");
    return end === undefined || rest.length > 0 ? [] : (readSection(start.trim(), end.trim()) ?? []);
  });

const NOTHING_CUT = { cut: undefined, query: "" } as const;

const parameterValue = (parameter: string): string => {
  const equals = parameter.indexOf("=");
  return equals < 0 ? "" : decoded(parameter.slice(equals + 1));
};

/** Takes what is said of sections out of the parameters of a URL. Of a key that stands twice the later counts (MEDIA-102). */
export const compileCut = (
  { startParam, endParam, multiParam, allTracks, maxRatioPercent }: TrimmingRules,
  caseSensitive: boolean,
): ((parameters: readonly string[]) => TakenCut) => {
  const fold = (text: string): string => (caseSensitive ? text : text.toLowerCase());
  const start = fold(startParam);
  const end = fold(endParam);
  const multi = multiParam === "" ? undefined : fold(multiParam);

  const multiCut = (value: string): Pick<TakenCut, "cut" | "query"> => {
    const sections = readSections(value);
    if (sections.length === 0) return NOTHING_CUT;
    return {
      cut: { sections: sections.map(({ section }) => section), allTracks, maxRatioPercent },
      query: `${multiParam}=${sections.map((each) => `${each.start}-${each.end}`).join(",")}`,
    };
  };

  const singleCut = (startText: string, endText: string): Pick<TakenCut, "cut" | "query"> => {
    const read = readSection(startText.trim(), endText.trim());
    if (read === undefined || (read.start === "" && read.end === "")) return NOTHING_CUT;
    const parts = [
      ...(read.start === "" ? [] : [`${startParam}=${read.start}`]),
      ...(read.end === "" ? [] : [`${endParam}=${read.end}`]),
    ];
    return { cut: { sections: [read.section], allTracks, maxRatioPercent: undefined }, query: parts.join("&") };
  };

  return (parameters) => {
    const others: string[] = [];
    let startText: string | undefined;
    let endText: string | undefined;
    let multiText: string | undefined;
    for (const parameter of parameters) {
      const name = fold(parameterName(parameter));
      if (name === multi) multiText = parameterValue(parameter);
      else if (name === start) startText = parameterValue(parameter);
      else if (name === end) endText = parameterValue(parameter);
      else others.push(parameter);
    }
    const isNamed = others.length < parameters.length;
    if (!isNamed) return { isNamed, others: parameters, ...NOTHING_CUT };
    // MEDIA-94: the other keys say nothing then.
    const taken = multiText === undefined ? singleCut(startText ?? "", endText ?? "") : multiCut(multiText);
    return { isNamed, others, ...taken };
  };
};
