/**
 * What a response is tagged by stands in one field of our own, which no client sees: the names of the fields that
 * tags are taken from may change later, and what is stored keeps the tags that it came with.
 */
export const TAGS_FIELD = "Basalt-Tags";
export const TAGS_FIELD_LOWER_CASE = "basalt-tags";

/** Tags of one response beyond these are not kept: an origin can fill the index with them. */
export const MOST_TAGS = 256;
export const LONGEST_TAG = 1024;
export const MOST_TAG_CHARACTERS = 8192;

/** Its tags may hold commas; in all other fields a comma ends a tag too. */
const SEPARATED_BY_BLANKS_ALONE = "surrogate-key";

/**
 * A response's fields (flat) as the caches work with them: those that tags are taken from (`names`, lower case) are
 * taken out, and one TAGS_FIELD stands for them, tags parted by one blank, each once, in their order. The same list
 * where nothing has to change. What calls itself TAGS_FIELD already is not ours and goes.
 */
export const withTags = (fields: readonly string[], names: readonly string[]): readonly string[] => {
  if (!hasAny(fields, names)) return fields;
  const kept: string[] = [];
  const tags = new Set<string>();
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? "";
    const lowerCaseName = name.toLowerCase();
    if (lowerCaseName === TAGS_FIELD_LOWER_CASE) continue;
    if (names.includes(lowerCaseName)) addTags(tags, lowerCaseName, fields[index + 1] ?? "");
    else kept.push(name, fields[index + 1] ?? "");
  }
  const text = joinedTags(tags);
  if (text !== "") kept.push(TAGS_FIELD, text);
  return kept;
};

/** A response that is relayed, without the fields that tags are taken from. */
export const withoutTagFields = (fields: readonly string[], names: readonly string[]): readonly string[] => {
  if (!hasAny(fields, names)) return fields;
  const kept: string[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? "";
    const lowerCaseName = name.toLowerCase();
    if (lowerCaseName === TAGS_FIELD_LOWER_CASE || names.includes(lowerCaseName)) continue;
    kept.push(name, fields[index + 1] ?? "");
  }
  return kept;
};

/** Tags in fields that `withTags` has made, parted by one blank; empty for none. */
export const tagsIn = (fields: readonly string[]): string => {
  for (let index = fields.length - 2; index >= 0; index -= 2)
    if (fields[index] === TAGS_FIELD) return fields[index + 1] ?? "";
  return "";
};

/** Lower case is made of a name only where its length is that of one that is looked for. */
const hasAny = (fields: readonly string[], names: readonly string[]): boolean => {
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? "";
    if (isOfThatLength(name.length, names) && isAny(name.toLowerCase(), names)) return true;
  }
  return false;
};

const isOfThatLength = (length: number, names: readonly string[]): boolean => {
  if (length === TAGS_FIELD.length) return true;
  for (const name of names) if (name.length === length) return true;
  return false;
};

const isAny = (lowerCaseName: string, names: readonly string[]): boolean =>
  lowerCaseName === TAGS_FIELD_LOWER_CASE || names.includes(lowerCaseName);

const addTags = (tags: Set<string>, lowerCaseName: string, value: string): void => {
  const separator = lowerCaseName === SEPARATED_BY_BLANKS_ALONE ? /[ \t]+/ : /[ \t,]+/;
  for (const tag of value.split(separator)) {
    if (tags.size >= MOST_TAGS) return;
    if (tag !== "" && tag.length <= LONGEST_TAG) tags.add(tag);
  }
};

const joinedTags = (tags: ReadonlySet<string>): string => {
  let text = "";
  for (const tag of tags) {
    if (text.length + 1 + tag.length > MOST_TAG_CHARACTERS) return text;
    text += text === "" ? tag : ` ${tag}`;
  }
  return text;
};
