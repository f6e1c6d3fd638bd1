import { boxesIn, childrenOf, contentOf, findBox, typeOf } from "../write/boxTree.ts";
import type { CueText } from "./timedText.ts";

const textIn = (box: Uint8Array | undefined): string =>
  box === undefined ? "" : new TextDecoder().decode(Uint8Array.from(contentOf(box)));

const oneLine = (text: string): string => text.replace(/\s+/g, " ").replaceAll("-->", "").trim();

/** A sample of a wvtt track (ISO 14496-30, 6.6): its cues, all of which last as long as the sample. */
export const readWebVttSample = (sample: Uint8Array): CueText[] =>
  boxesIn(sample)
    .filter((box) => typeOf(box) === "vttc")
    .map((cue) => {
      const parts = childrenOf(cue);
      const lines = textIn(findBox(parts, "payl")).split(/\r\n|[\r\n]/);
      const text = lines.filter((line) => line.trim() !== "" && !line.includes("-->")).join("\n");
      return { text, settings: oneLine(textIn(findBox(parts, "sttg"))) };
    });
