import { selectorOf } from "@basalt/policy";

export type FieldGetter = (lowerCaseName: string) => string | undefined;

/**
 * Which requests a stored response may answer (RFC 9111 4.1): the names of the fields that count, and a digest of the
 * values that its request had. Empty when none counts.
 */
export const selectionOf = (names: readonly string[], get: FieldGetter): string =>
  names.length === 0 ? "" : `${names.join(",")} ${selectorOf(names, get)}`;

const namesIn = (selection: string): readonly string[] => selection.slice(0, selection.indexOf(" ")).split(",");

/** The selector under which a response of that kind is kept for a request with these fields. */
export const selectorFor = (selection: string, get: FieldGetter): string => selectorOf(namesIn(selection), get);

export const isSelected = (selection: string, get: FieldGetter): boolean =>
  selection === "" || selectionOf(namesIn(selection), get) === selection;
