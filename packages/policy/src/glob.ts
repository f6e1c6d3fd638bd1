export type TextMatcher = (text: string) => boolean;

/**
 * Patterns know one special character: `*` stands for any run of characters, also none, also `/` (CFG-70). The parts
 * between the stars are searched once from left to right and never again, so no pattern makes a text expensive.
 */
export const compileGlob = (pattern: string, caseSensitive: boolean): TextMatcher => {
  const wanted = caseSensitive ? pattern : pattern.toLowerCase();
  const parts = wanted.split("*");
  if (parts.length === 1) {
    return caseSensitive ? (text) => text === wanted : (text) => text.toLowerCase() === wanted;
  }
  if (parts.every((part) => part === "")) return () => true;
  return caseSensitive ? (text) => matchesParts(parts, text) : (text) => matchesParts(parts, text.toLowerCase());
};

/** The same for a pattern used too seldom to be compiled; case counts. */
export const matchesGlob = (pattern: string, text: string): boolean =>
  pattern.includes("*") ? matchesParts(pattern.split("*"), text) : pattern === text;

/** `parts` are what lies between the stars, at least two. */
const matchesParts = (parts: readonly string[], text: string): boolean => {
  const prefix = parts[0] ?? "";
  const suffix = parts[parts.length - 1] ?? "";
  const end = text.length - suffix.length;
  if (prefix.length > end || !text.startsWith(prefix) || !text.endsWith(suffix)) return false;
  let position = prefix.length;
  for (let index = 1; index < parts.length - 1; index++) {
    const part = parts[index] ?? "";
    const found = text.indexOf(part, position);
    if (found < 0 || found + part.length > end) return false;
    position = found + part.length;
  }
  return true;
};
