import type { Cut, MediaTask, Section } from "@basalt/media";
import { unreachable } from "@basalt/types";
import type { DerivationVariant, MediaDerivation } from "../derivation/contract.ts";
import type { ExplainFact } from "./contract.ts";
import type { Sources } from "./sources.ts";

const sectionWords = ({ startSeconds, endSeconds }: Section): string =>
  `${startSeconds ?? "beginning"} to ${endSeconds ?? "end"}`;

const cutFacts = (cut: Cut | undefined): ExplainFact[] =>
  cut === undefined
    ? []
    : [
        {
          name: "sections",
          value: cut.sections.length,
          text: cut.sections.map(sectionWords).join(", "),
          because: "seconds, as the query string asks for; cuts are made at key frames",
        },
      ];

const FORM_WORDS = { ts: "MPEG-TS", mp3: "MP3", fmp4: "fragmented MP4" } as const;

const LIST_WORDS = {
  segments: "the playlist of the segments",
  master: "the master playlist",
  iframes: "the playlist of key frames",
} as const;

const taskWords = (task: MediaTask): string => {
  switch (task.kind) {
    case "relocate":
      return "the file with its header in front";
    case "trim":
      return "a section of the file";
    case "playlist":
      return LIST_WORDS[task.list];
    case "segment":
      return `segment ${task.number} in ${FORM_WORDS[task.segmenting.form]}`;
    case "init":
      return "the initialisation section";
    case "manifest":
      return "the DASH manifest";
    case "subtitles":
      return task.list === "playlist" ? "the playlist of the subtitles" : "the subtitles";
    case "key":
      return "the key of the segments";
    default:
      return unreachable(task);
  }
};

const hlsElement = ({ format }: MediaDerivation): string => (format === "mp3" ? "MP3HLS" : "MP4HLS");

const isOfDash = (task: MediaTask): boolean =>
  task.kind === "manifest" || ("segmenting" in task && task.segmenting.tracks !== undefined);

/** The row that has switched on what is asked for. */
const switchOf = (media: MediaDerivation, sourcePath: string): string => {
  const { task } = media;
  const extension = sourcePath.slice(-3).toUpperCase();
  if (task.kind === "relocate") return `Media/Upfront${extension}Header`;
  if (task.kind === "trim") return `Media/${extension}Trimming`;
  return `Media/${isOfDash(task) ? "DASH" : hlsElement(media)}@Status`;
};

/** What a URL of several media files asks for. */
export const variantFacts = (variants: readonly DerivationVariant[], sources: Sources): readonly ExplainFact[] => [
  {
    name: "asksFor",
    value: "a master playlist of several files",
    source: sources.option("Media/MP4HLS@Variants"),
  },
  {
    name: "variants",
    value: variants.length,
    text: variants.map(({ derivation }) => derivation.sourceTarget).join(", "),
    because: "what follows is about the first; files that are missing or refused are left out",
  },
];

/** What a URL of a media file asks for. */
export const mediaFacts = (
  media: MediaDerivation | undefined,
  sourceTarget: string,
  sources: Sources,
): readonly ExplainFact[] => {
  if (media === undefined) return [{ name: "asksFor", value: null, text: "nothing that there is" }];
  const { task, originTarget } = media;
  const [sourcePath = ""] = sourceTarget.split("?", 1);
  return [
    { name: "asksFor", value: taskWords(task), source: sources.option(switchOf(media, sourcePath)) },
    ...("cut" in task ? cutFacts(task.cut) : []),
    ...(originTarget === undefined
      ? []
      : [
          {
            name: "originUrl",
            value: originTarget,
            because: "the origin gets the query string of the client",
            source: sources.option("OriginOptions/WholeClientRequest"),
          },
        ]),
  ];
};
