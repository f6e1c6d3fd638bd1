/** Bytes received as latin1 as the text that they most likely are: UTF-8 if they can be that. */
export const readableText = (latin1: string): string => {
  if (!/[\x80-\xff]/.test(latin1)) return latin1;
  const text = Buffer.from(latin1, "latin1").toString("utf8");
  return text.includes("\ufffd") ? latin1 : text;
};

/** Text of any characters as bytes of UTF-8, one character each, so that it can go into a line. */
export const asBytes = (text: string): string =>
  /[^\0-\x7f]/.test(text) ? Buffer.from(text, "utf8").toString("latin1") : text;

/** LOG-30: a comma list in one field. In one pass: a pattern would look at a run of blanks once for each of them. */
export const joinedList = (list: string): string =>
  list
    .split(",")
    .map((member) => member.trim())
    .join("+");
