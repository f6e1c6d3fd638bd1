/** What a line of a log says, by the names that its form gives to fields. */
export interface LineFields {
  /** Undefined for a field that the line lacks, or that it writes as `-`. */
  field(name: string): string | number | boolean | undefined;
  readonly names: readonly string[];
  /** Undefined where the line has no moment of its own. */
  readonly timestampMs: number | undefined;
}

/** How the lines of a file are written. */
export interface LineForm {
  /** Undefined: the line is not of this form. */
  read(line: string): LineFields | undefined;
}

export const presentText = (text: string | undefined): string | undefined =>
  text === undefined || text === "" || text === "-" ? undefined : text;

/** Fields of one line in the order of their names. */
export const fieldsByPosition = (
  positions: ReadonlyMap<string, number>,
  values: readonly (string | undefined)[],
  timestampMs: number | undefined,
): LineFields => ({
  names: [...positions.keys()],
  field: (name) => {
    const position = positions.get(name);
    return position === undefined ? undefined : presentText(values[position]);
  },
  timestampMs,
});

export const positionsOf = (names: readonly string[]): ReadonlyMap<string, number> =>
  new Map(names.map((name, index) => [name, index]));
