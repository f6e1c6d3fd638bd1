import { trimWhiteSpace } from "./bytes.ts";

/** Members of a comma-separated list, commas in quoted strings left alone, white space and empty members removed. */
export const listMembers = (value: string): string[] => {
  const members: string[] = [];
  let from = 0;
  let isQuoted = false;
  for (let index = 0; index <= value.length; index++) {
    const character = value[index];
    if (character === "\\" && isQuoted) index++;
    else if (character === '"') isQuoted = !isQuoted;
    else if ((character === "," && !isQuoted) || character === undefined) {
      const member = trimWhiteSpace(value.slice(from, index));
      if (member !== "") members.push(member);
      from = index + 1;
    }
  }
  const rest = trimWhiteSpace(value.slice(from));
  if (rest !== "") members.push(rest);
  return members;
};

/** Text of a quoted string without its quotes and escapes; anything else as it is. */
export const unquote = (text: string): string =>
  text.startsWith('"')
    ? text.slice(1, text.endsWith('"') && text.length > 1 ? -1 : undefined).replace(/\\(.)/g, "$1")
    : text;
