import type { SelectedNames, VhostOptions } from "@basalt/config";

type FieldGetter = (lowerCaseName: string) => string | undefined;
type SelectingFields = (vary: "*" | readonly string[]) => "*" | readonly string[];

const isSet = ({ mode }: SelectedNames): boolean => mode !== "profile";

/**
 * Those that requests to the origin say by options of their own, that the variant stands for, or that concern the
 * client's own exchange with this cache: its ranges and conditions would have the origin answer with a part, or nothing.
 */
const NEVER_HANDED_ON: ReadonlySet<string> = new Set([
  ...["accept-encoding", "cookie", "host", "x-forwarded-for"],
  ...["if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range"],
  ...["connection", "content-length", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"],
]);

/** The pairs of the named cookies, in the order of the names; undefined when there are none. */
const pickCookies = (sent: string, names: readonly string[]): string | undefined => {
  const pairs = sent.split(";").map((pair) => pair.trim());
  const picked = names.flatMap((name) => pairs.filter((pair) => pair.startsWith(`${name}=`)));
  return picked.length === 0 ? undefined : picked.join("; ");
};

/** The cookies of a request that count (AWS-54), as one value. */
export const selectedCookies = (sent: string | undefined, { mode, names }: SelectedNames): string | undefined => {
  if (sent === undefined || mode === "none") return undefined;
  return mode === "list" ? pickCookies(sent, names) : sent;
};

/** The part of a URL behind `?` with the named parameters alone, in their order; with `?`, or empty. */
const pickParameters = (query: string, names: ReadonlySet<string>): string => {
  const kept = query
    .slice(1)
    .split("&")
    .filter((parameter) => names.has(parameter.split("=", 1)[0] ?? ""));
  return kept.length === 0 ? "" : `?${kept.join("&")}`;
};

/** What of a URL's query counts; undefined when other options decide. `foldsCase`: the URL comes in lower case. */
export const compileSelectedQuery = (
  { mode, names }: SelectedNames,
  foldsCase: boolean,
): ((url: string) => string) | undefined => {
  if (mode === "profile") return undefined;
  if (mode === "all") return (url) => url;
  const kept = new Set(mode === "none" ? [] : names.map((name) => (foldsCase ? name.toLowerCase() : name)));
  return (url) => {
    const query = url.indexOf("?");
    return query < 0 ? url : `${url.slice(0, query)}${pickParameters(url.slice(query), kept)}`;
  };
};

/** How the fields and cookies of a request count where `<Forward>` says something of them (AWS-54). */
export interface RequestSelector {
  /** A field as far as it tells objects apart. */
  read(lowerCaseName: string, get: FieldGetter): string | undefined;
  /** Names of client fields that are handed on; `all`: every one; undefined: as the profile says. */
  readonly handedOn: readonly string[] | "all" | undefined;
  /** Cookie to be handed on; null: as the profile says. */
  cookieOf(get: FieldGetter): string | undefined | null;
  /** Fields that tell the responses of a URL apart: what is handed on does, whatever the origin says in Vary. */
  selecting(byVary: SelectingFields): SelectingFields;
}

export const compileRequestSelection = ({
  selection,
}: Pick<VhostOptions, "selection">): RequestSelector | undefined => {
  const { headers, cookies } = selection;
  if (!isSet(headers) && !isSet(cookies)) return undefined;
  const named = headers.mode === "list" ? headers.names.filter((name) => !NEVER_HANDED_ON.has(name)) : [];
  const countsCookies = isSet(cookies)
    ? cookies.mode !== "none"
    : headers.mode === "list" && headers.names.includes("cookie");
  const own = [...named, ...(countsCookies ? ["cookie"] : [])];
  const isHandedOnAlways = (name: string): boolean =>
    name === "cookie" ? isSet(cookies) || isSet(headers) : isSet(headers);
  return {
    read: (name, get) => (name === "cookie" ? selectedCookies(get(name), cookies) : get(name)),
    handedOn: headers.mode === "profile" ? undefined : headers.mode === "all" ? "all" : named,
    cookieOf: (get) => {
      if (!isSet(cookies) && !isSet(headers)) return null;
      if (!isSet(cookies)) return headers.mode === "all" || countsCookies ? get("cookie") : undefined;
      return selectedCookies(get("cookie"), cookies);
    },
    selecting: (byVary) => (vary) => {
      if (headers.mode === "all") return "*";
      const said = byVary(vary);
      if (said === "*") return isSet(headers) ? sorted(own) : "*";
      return sorted([...own, ...said.filter((name) => !isHandedOnAlways(name))]);
    },
  };
};

const sorted = (names: readonly string[]): readonly string[] => [...new Set(names)].sort();
