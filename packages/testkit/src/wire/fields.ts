/** Field lines as they go over the wire: name, value, name, value … */
export type FlatFields = readonly string[];

/** Field lines as a test writes them; a list gives several lines of one name. */
export type FieldRecord = Readonly<Record<string, string | readonly string[]>>;

export const toFlatFields = (record: FieldRecord): string[] => {
  const flat: string[] = [];
  for (const [name, value] of Object.entries(record)) {
    for (const line of typeof value === "string" ? [value] : value) flat.push(name, line);
  }
  return flat;
};

export const fieldLines = (fields: FlatFields, name: string): string[] => {
  const wanted = name.toLowerCase();
  const lines: string[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const value = fields[index + 1];
    if (fields[index]?.toLowerCase() === wanted && value !== undefined) lines.push(value);
  }
  return lines;
};

/** All lines of one name combined with ", " (RFC 9110 5.3). */
export const fieldValue = (fields: FlatFields, name: string): string | undefined => {
  const lines = fieldLines(fields, name);
  return lines.length === 0 ? undefined : lines.join(", ");
};

export const hasField = (fields: FlatFields, name: string): boolean => fieldLines(fields, name).length > 0;

/** True when a comma list such as Connection names the token. */
export const listNames = (fields: FlatFields, name: string, token: string): boolean =>
  fieldLines(fields, name).some((line) => line.split(",").some((part) => part.trim().toLowerCase() === token));

export const renderFields = (fields: FlatFields): string => {
  let text = "";
  for (let index = 0; index + 1 < fields.length; index += 2) text += `${fields[index]}: ${fields[index + 1]}\r\n`;
  return text;
};
