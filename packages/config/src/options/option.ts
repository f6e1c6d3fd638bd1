import type { CachingProfile } from "../contract.ts";
import type { XmlElement } from "../xml/xmlElement.ts";
import type { ValueType } from "./valueTypes.ts";

/** What a change needs to take effect. */
export type Reload = "live" | "restart";

export type ProfileDefault<T> = { readonly [Profile in CachingProfile]?: T };

/** One value an operator may write. Parser, validation, inheritance, reload diff and reference page read these rows. */
export interface Option<T> {
  readonly kind: "value";
  /** Place below the table's root: `TTL/Res2xx` is an element's text, `TTL/Res2xx@Ratio` its attribute. */
  readonly at: string;
  readonly elements: readonly string[];
  readonly attribute: string | undefined;
  readonly type: ValueType<T>;
  readonly default: T;
  /** Defaults of caching profiles that differ from `default`. */
  readonly profileDefault: ProfileDefault<T> | undefined;
  /** For the reference page, when the default depends on the machine. */
  readonly defaultNote: string | undefined;
  readonly reload: Reload;
  readonly doc: string;
  readonly spec: string;
}

export interface ListAttribute {
  readonly name: string;
  readonly type: ValueType<unknown>;
  /** What its absence means, for the reference page. */
  readonly defaultNote: string;
  readonly doc: string;
  /** When it differs from that of the list. */
  readonly reload?: Reload;
}

export interface ListChild {
  readonly name: string;
  readonly type: ValueType<unknown>;
  readonly doc: string;
  /** May stand any number of times, or not at all. */
  readonly isRepeated?: boolean;
}

/** A repeated element; a list is inherited or replaced as a whole (OPEN 8 of spec 01). */
export interface ListOption<Item> {
  readonly kind: "list";
  readonly at: string;
  readonly elements: readonly string[];
  /** Other names of its elements, which all stand in one order. */
  readonly alternates?: readonly string[];
  /** Undefined for an element without text of its own. */
  readonly text: ValueType<unknown> | undefined;
  readonly attributes: readonly ListAttribute[];
  /** Child elements, each of which must stand once unless it is repeated. */
  readonly children?: readonly ListChild[];
  /** Rows relative to each of the elements, for one with a table of its own. */
  readonly below?: readonly AnyOption[];
  readonly default: readonly Item[];
  readonly defaultNote: string | undefined;
  readonly reload: Reload;
  readonly doc: string;
  readonly spec: string;
  /** Called for elements whose text passed its type; attributes and children may not have. */
  read(element: XmlElement, parent: XmlElement | undefined): Item;
  format(item: Item): string;
  /** What a given change needs, when that depends on the change. */
  reloadOf?(from: readonly Item[], to: readonly Item[]): Reload;
  /** For `reload: "restart"`: the items until the restart, when a part of them is followed at once. */
  keep?(current: readonly Item[], next: readonly Item[]): readonly Item[];
}

/** Mirrors the settings type: an option where that has a leaf, so that no setting can lack a row. */
export type OptionTable<Settings> = {
  readonly [Key in keyof Settings]: Settings[Key] extends readonly (infer Item)[]
    ? Option<Settings[Key]> | ListOption<Item>
    : Settings[Key] extends string | number | boolean | undefined
      ? Option<Settings[Key]>
      : OptionTable<Settings[Key]>;
};

interface Details<T = never> {
  readonly doc: string;
  readonly spec: string;
  readonly reload?: Reload;
  readonly defaultNote?: string;
  readonly profileDefault?: ProfileDefault<T>;
}

const splitPlace = (at: string): { readonly elements: readonly string[]; readonly attribute: string | undefined } => {
  const [path = "", attribute] = at.split("@");
  return { elements: path === "" ? [] : path.split("/"), attribute };
};

export const option = <T>(at: string, type: ValueType<T>, defaultValue: T, details: Details<T>): Option<T> => ({
  kind: "value",
  at,
  ...splitPlace(at),
  type,
  default: defaultValue,
  profileDefault: details.profileDefault,
  defaultNote: details.defaultNote,
  reload: details.reload ?? "live",
  doc: details.doc,
  spec: details.spec,
});

export const listOption = <Item>(
  at: string,
  row: Details &
    Pick<
      ListOption<Item>,
      "text" | "alternates" | "attributes" | "children" | "below" | "default" | "read" | "format" | "reloadOf" | "keep"
    >,
): ListOption<Item> => ({
  ...row,
  kind: "list",
  at,
  elements: splitPlace(at).elements,
  defaultNote: row.defaultNote,
  reload: row.reload ?? "live",
});

export type AnyOption = Option<unknown> | ListOption<unknown>;

/** An element of the guide that this version accepts without acting on it, or that the guide itself has dropped. */
export interface InactiveOption {
  readonly kind: "inactive" | "removed";
  readonly at: string;
  readonly repeatable: boolean;
  readonly doc: string;
  readonly spec: string;
}

/**
 * Rows as `[place, spec, doc]`; `*` behind a place marks an element that may be repeated.
 */
export const defineInactive = (rows: readonly (readonly [at: string, spec: string, doc: string])[]): InactiveOption[] =>
  rows.map(([at, spec, doc]) => ({
    kind: "inactive",
    at: at.replaceAll("*", ""),
    repeatable: at.endsWith("*"),
    doc,
    spec,
  }));
