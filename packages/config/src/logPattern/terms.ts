import type { LogPatternOutcome } from "./logPattern.ts";

/** AWS-81: words that must stand in the line, `?` one of them, `-` none of them; `"…"` holds blanks. */
export const parseTerms = (text: string): LogPatternOutcome => {
  const required: string[] = [];
  const optional: string[] = [];
  const forbidden: string[] = [];
  const TERM = /\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?=\s|$)/y;
  for (let at = 0; at < text.length; at = TERM.lastIndex) {
    TERM.lastIndex = at;
    const [whole, sign, quoted, bare] = TERM.exec(text) ?? [];
    if (whole === undefined) return { ok: false, reason: "has a quote that is not closed, or a word that touches one" };
    const term = quoted === undefined ? (bare ?? "") : quoted.replace(/\\(.)/g, "$1");
    if (term === "") return { ok: false, reason: "has an empty word" };
    (sign === "?" ? optional : sign === "-" ? forbidden : required).push(term);
  }
  return {
    ok: true,
    pattern: {
      kind: "terms",
      matches: (line) =>
        required.every((term) => line.includes(term)) &&
        !forbidden.some((term) => line.includes(term)) &&
        (optional.length === 0 || optional.some((term) => line.includes(term))),
    },
  };
};
