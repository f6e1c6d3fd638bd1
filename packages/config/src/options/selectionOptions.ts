import type { OverloadSettings, RequestSelection, SelectedNames } from "../selectionContract.ts";
import { type OptionTable, option } from "./option.ts";
import { integer, oneOf, plainFieldNameList, type ValueType } from "./valueTypes.ts";

/** A comma list of names without white space and separators; case counts. */
const nameList: ValueType<readonly string[]> = {
  name: "list",
  allowed: "a comma list of names, or empty for none",
  emptyIsValue: true,
  parse: (text) => {
    if (text === "") return { ok: true, value: [] };
    const names = text.split(",").map((name) => name.trim());
    const wrong = names.find((name) => !/^[!"#$%'-<>@-~]{1,100}$/.test(name) || /[;,]/.test(name));
    if (wrong !== undefined) return { ok: false, message: `${JSON.stringify(wrong.slice(0, 100))} cannot be a name.` };
    return { ok: true, value: [...new Set(names)] };
  },
  format: (names) => names.join(", "),
};

const selectionRows = (
  element: string,
  what: string,
  names: ValueType<readonly string[]>,
): OptionTable<SelectedNames> => ({
  mode: option(`Forward/${element}@Mode`, oneOf("profile", "none", "list", "all"), "profile", {
    doc: `Which ${what} are part of the key and handed on to the origin by requests that fill the cache; \`list\`: those named, \`profile\`: as the other options say.`,
    spec: "AWS-54",
  }),
  names: option<readonly string[]>(`Forward/${element}`, names, [], {
    doc: `Names of ${what} for \`list\`.`,
    defaultNote: "none",
    spec: "AWS-54",
  }),
});

/** Places are relative to `<Options>`. */
export const SELECTION_OPTIONS: OptionTable<RequestSelection> = {
  headers: selectionRows("Headers", "header fields", plainFieldNameList),
  cookies: selectionRows("Cookies", "cookies", nameList),
  query: selectionRows("QueryString", "query parameters", nameList),
};

/** Where clients go: a path on the host, or a URL with its scheme; nothing that could end a header line. */
const pageUrl: ValueType<string> = {
  name: "URL",
  allowed: "a path that begins with /, a URL that begins with http:// or https://, or empty",
  emptyIsValue: true,
  parse: (text) =>
    text === "" || /^(?:\/|https?:\/\/[^/])[\x21-\x7e]*$/.test(text)
      ? { ok: true, value: text }
      : { ok: false, message: `${JSON.stringify(text.slice(0, 100))} is no such page.` },
  format: (value) => value,
};

/** Places are relative to `<Options>`. */
export const OVERLOAD_OPTIONS: OptionTable<OverloadSettings> = {
  limit: option<number>("Overload@Limit", integer({ min: 0, max: 100_000_000 }), 0, {
    doc: "Most requests of clients in progress, over all workers; further ones are shown `Page`. 0 without limit.",
    spec: "AWS-58",
  }),
  page: option<string>("Overload@Page", pageUrl, "", {
    doc: "Where they are sent by a 302; the page itself is always served. Without it, and for other methods than GET and HEAD, they get a 503.",
    spec: "AWS-58",
  }),
};
