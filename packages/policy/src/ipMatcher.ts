import { matchesIpPattern, parseIpPattern } from "@basalt/config/ip-pattern";
import type { TextMatcher } from "./glob.ts";

/** Matches client addresses against a form of CFG-64. Anything else, such as a country code, matches nobody. */
export const compileIpMatcher = (pattern: string): TextMatcher => {
  const parsed = parseIpPattern(pattern);
  return parsed === undefined ? () => false : (address) => matchesIpPattern(parsed, address);
};
