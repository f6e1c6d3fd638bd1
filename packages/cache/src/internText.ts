/** Texts kept at most; a full table is begun anew, which costs only memory for a while. */
const TEXTS = 4_096;
/** Longer ones (dates apart) seldom repeat. */
const LONGEST = 64;

let texts = new Map<string, string>();

/** The same string for the same text: field names and most values are shared by all objects in memory. */
export const internText = (text: string): string => {
  if (text.length > LONGEST) return text;
  const known = texts.get(text);
  if (known !== undefined) return known;
  if (texts.size >= TEXTS) texts = new Map();
  texts.set(text, text);
  return text;
};
