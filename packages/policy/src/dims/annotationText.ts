const PLACEHOLDER = /\$QUERYSTRING\[([^\]]{1,100})\]/gi;

/** More is no text on a picture. */
const LONGEST_TEXT = 1_000;

const decodeValue = (text: string): string => {
  const blanks = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(blanks);
  } catch {
    return blanks;
  }
};

/** The first value of each key. */
const valuesOf = (query: string): ReadonlyMap<string, string> => {
  const values = new Map<string, string>();
  for (const pair of query.split("&")) {
    const equals = pair.indexOf("=");
    const key = decodeValue(equals < 0 ? pair : pair.slice(0, equals));
    if (!values.has(key)) values.set(key, equals < 0 ? "" : decodeValue(pair.slice(equals + 1)));
  }
  return values;
};

/**
 * What is drawn of an annotation (DIMS-111): `query` is the query string in front of the keyword, without `?`. Empty
 * when nothing is left of it.
 */
export const annotationText = (template: string, query: string): string => {
  const values = valuesOf(query);
  const filled = template.replace(PLACEHOLDER, (_, key: string) => values.get(key) ?? "");
  return (
    filled
      .slice(0, LONGEST_TEXT)
      .replaceAll("\\n", "\n")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
      .replace(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/g, "")
      .trim()
  );
};
