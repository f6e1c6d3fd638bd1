export type FieldsOutcome =
  | { readonly ok: true; readonly fields: readonly string[] }
  | { readonly ok: false; readonly message: string };

const WRAPPER = /[$!][A-Za-z0-9]+\[/y;

/** Where the wrapper that opens at `start` ends, behind its bracket; -1 when it does not. Brackets inside may nest. */
export const findWrapperEnd = (text: string, start: number): number => {
  let depth = 0;
  for (let index = start; index < text.length; index += 1) {
    const char = text[index];
    if (char === "[") depth += 1;
    else if (char === "]") {
      depth -= 1;
      if (depth === 0) return index + 1;
    }
  }
  return -1;
};

/** Whether a wrapper such as `$IP[` begins here. */
export const opensWrapper = (text: string, index: number): boolean => {
  WRAPPER.lastIndex = index;
  return WRAPPER.test(text);
};

const isBlank = (char: string | undefined): boolean => char === " " || char === "\t";

/**
 * Splits a line at its commas (CFG-63). Commas inside `$NAME[…]` do not count; ` //` outside it begins a comment
 * (OPEN 12), since the guide's own examples carry such notes. Brackets count only behind `$NAME` or `!NAME` at the
 * beginning of a term, so that a URL may hold them.
 */
export const splitFields = (line: string): FieldsOutcome => {
  const fields: string[] = [];
  let field = "";
  let atTermStart = true;
  for (let index = 0; index < line.length; ) {
    if (atTermStart && opensWrapper(line, index)) {
      const end = findWrapperEnd(line, index);
      if (end === -1) return { ok: false, message: `The bracket of ${line.slice(index)} is not closed.` };
      field += line.slice(index, end);
      index = end;
      atTermStart = false;
      continue;
    }
    const char = line[index] ?? "";
    if (char === "," || (char === "/" && line.startsWith("//", index) && isBlank(line[index - 1]))) {
      fields.push(field.trim());
      field = "";
      atTermStart = true;
      if (char === "/") return { ok: true, fields };
    } else {
      field += char;
      atTermStart = isBlank(char)
        ? atTermStart || /^\s&\s$/.test(line.slice(Math.max(0, index - 2), index + 1))
        : false;
    }
    index += 1;
  }
  fields.push(field.trim());
  return { ok: true, fields };
};
