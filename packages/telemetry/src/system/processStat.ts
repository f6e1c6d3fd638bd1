import { wholeNumber, wordsOf } from "./procText.ts";

/** Of one process and its threads. */
export interface ProcessStat {
  readonly userTicks: number;
  readonly systemTicks: number;
  readonly residentPages: number;
}

/** /proc/{pid}/stat; undefined when it is no such text. */
export const parseProcessStat = (text: string): ProcessStat | undefined => {
  // The name of the program is in brackets and may hold blanks, brackets and line feeds itself.
  const end = text.lastIndexOf(")");
  if (end < 0) return undefined;
  const words = wordsOf(text.slice(end + 1));
  if (words.length < 22) return undefined;
  return {
    userTicks: wholeNumber(words[11]),
    systemTicks: wholeNumber(words[12]),
    residentPages: wholeNumber(words[21]),
  };
};
