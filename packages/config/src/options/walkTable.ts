import type { CachingProfile } from "../contract.ts";
import type { NoteWritten } from "../writtenPlaces.ts";
import type { XmlElement } from "../xml/xmlElement.ts";
import { findChildren, findDescendant } from "../xml/xmlElement.ts";
import type { AnyOption, ListOption, Option, OptionTable, Reload } from "./option.ts";

/**
 * Boundary: walks a table and the settings it mirrors side by side. The types of both agree by `OptionTable`, which
 * TypeScript cannot follow through a generic walk; the casts of that walk are confined to this file.
 */
type Branch = { readonly [key: string]: Branch | AnyOption };
type Values = { readonly [key: string]: unknown };

const isOption = (entry: Branch | AnyOption): entry is AnyOption => entry.kind === "value" || entry.kind === "list";

/** `<Host/>` writes an empty value, `<Host Bypass="OFF"/>` writes an attribute only. */
const isEmptyWritten = (row: Option<unknown>, element: XmlElement): boolean =>
  row.type.emptyIsValue && (row.attribute !== undefined || element.attributes.size === 0);

const readWritten = <T>(
  row: Option<T>,
  layer: XmlElement,
  note: NoteWritten | undefined,
): { readonly value: T } | undefined => {
  const element = findDescendant(layer, row.elements);
  if (element === undefined) return undefined;
  const text = row.attribute === undefined ? element.text : element.attributes.get(row.attribute);
  if (text === undefined || (text === "" && !isEmptyWritten(row, element))) return undefined;
  const outcome = row.type.parse(text);
  if (!outcome.ok) return undefined;
  note?.(row.at, element.line);
  return { value: outcome.value };
};

const elementsOf = (
  row: Pick<ListOption<unknown>, "elements" | "alternates">,
  parent: XmlElement | undefined,
): readonly XmlElement[] => {
  const name = row.elements.at(-1) ?? "";
  const { alternates } = row;
  if (alternates === undefined) return findChildren(parent, name);
  return parent?.children.filter((child) => child.name === name || alternates.includes(child.name)) ?? [];
};

const readList = <Item>(
  row: ListOption<Item>,
  layer: XmlElement,
  note: NoteWritten | undefined,
): readonly Item[] | undefined => {
  const parent = findDescendant(layer, row.elements.slice(0, -1));
  const elements = elementsOf(row, parent).filter((element) => row.text?.parse(element.text).ok ?? true);
  for (const element of elements) note?.(row.at, element.line);
  return elements.length === 0 ? undefined : elements.map((element) => row.read(element, parent));
};

const defaultOf = (row: AnyOption, profile: CachingProfile): unknown =>
  row.kind === "value" ? (row.profileDefault?.[profile] ?? row.default) : row.default;

const resolveBranch = (
  branch: Branch,
  layer: XmlElement | undefined,
  base: Values | undefined,
  note: NoteWritten | undefined,
  profile: CachingProfile,
): Values => {
  const resolved: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(branch)) {
    const inherited = base?.[key];
    if (!isOption(entry)) {
      resolved[key] = resolveBranch(entry, layer, inherited as Values | undefined, note, profile);
      continue;
    }
    const fallback = base === undefined ? defaultOf(entry, profile) : inherited;
    if (layer === undefined) resolved[key] = fallback;
    else if (entry.kind === "list") resolved[key] = readList(entry, layer, note) ?? fallback;
    else resolved[key] = (readWritten(entry, layer, note) ?? { value: fallback }).value;
  }
  return resolved;
};

/**
 * Inheritance, leaf by leaf (CFG-53, OPEN 8 reading B): what `layer` writes, else `base`, else the built-in default of
 * the caching profile. Values that do not parse count as not written; validation reports them. `note` is told what
 * `layer` writes.
 */
export const resolveOptions = <Settings>(
  table: OptionTable<Settings>,
  layer: XmlElement | undefined,
  base?: Settings,
  note?: NoteWritten,
  profile: CachingProfile = "guide",
): Settings => {
  if (layer === undefined && base !== undefined) return base;
  return resolveBranch(table as unknown as Branch, layer, base as Values | undefined, note, profile) as Settings;
};

const collectOptions = (branch: Branch, rows: AnyOption[]): AnyOption[] => {
  for (const entry of Object.values(branch)) {
    if (isOption(entry)) rows.push(entry);
    else collectOptions(entry, rows);
  }
  return rows;
};

export const flattenTable = <Settings>(table: OptionTable<Settings>): readonly AnyOption[] =>
  collectOptions(table as unknown as Branch, []);

const formatValue = (row: AnyOption, value: unknown): string =>
  row.kind === "value" ? row.type.format(value) : (value as readonly unknown[]).map(row.format).join(", ");

const keepBranch = (branch: Branch, current: Values, next: Values): Values => {
  const kept: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(branch)) {
    if (!isOption(entry)) kept[key] = keepBranch(entry, current[key] as Values, next[key] as Values);
    else if (entry.reload === "live") kept[key] = next[key];
    else if (entry.kind === "value" || entry.keep === undefined) kept[key] = current[key];
    else kept[key] = entry.keep(current[key] as readonly unknown[], next[key] as readonly unknown[]);
  }
  return kept;
};

/** `next`, but `current` where a row acts at start only. */
export const keepSettings = <Settings>(table: OptionTable<Settings>, current: Settings, next: Settings): Settings =>
  keepBranch(table as unknown as Branch, current as Values, next as Values) as Settings;

export interface Difference {
  readonly row: AnyOption;
  readonly from: string;
  readonly to: string;
  readonly effect: Reload;
}

const effectOf = (row: AnyOption, from: unknown, to: unknown): Reload =>
  row.kind === "value"
    ? row.reload
    : (row.reloadOf?.(from as readonly unknown[], to as readonly unknown[]) ?? row.reload);

const compareBranches = (branch: Branch, from: Values, to: Values, found: Difference[]): void => {
  for (const [key, entry] of Object.entries(branch)) {
    if (!isOption(entry)) {
      compareBranches(entry, from[key] as Values, to[key] as Values, found);
      continue;
    }
    const before = formatValue(entry, from[key]);
    const after = formatValue(entry, to[key]);
    if (before === after) continue;
    found.push({ row: entry, from: before, to: after, effect: effectOf(entry, from[key], to[key]) });
  }
};

export const compareSettings = <Settings>(
  table: OptionTable<Settings>,
  from: Settings,
  to: Settings,
): readonly Difference[] => {
  const found: Difference[] = [];
  if (from !== to) compareBranches(table as unknown as Branch, from as Values, to as Values, found);
  return found;
};
