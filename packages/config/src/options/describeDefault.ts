import type { AnyOption } from "./option.ts";

const quoteText = (text: string): string => (text === "" ? "empty" : `\`${text}\``);

/** What holds when nobody writes the option, in Markdown. */
export const describeDefault = (row: AnyOption): string => {
  if (row.defaultNote !== undefined) return row.defaultNote;
  if (row.kind === "value") {
    const others = Object.entries(row.profileDefault ?? {}).map(
      ([profile, value]) => `; ${quoteText(row.type.format(value))} with the profile ${profile}`,
    );
    return `${quoteText(row.type.format(row.default))}${others.join("")}`;
  }
  return row.default.length === 0 ? "none" : row.default.map((item) => quoteText(row.format(item))).join(", ");
};
