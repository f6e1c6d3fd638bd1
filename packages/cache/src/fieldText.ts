/** What could not be a line of a head as we write it: line ends, NUL, and what is outside latin1. */
const UNFIT_VALUE = /[\0\r\n\u0100-\uffff]/;
const NAME = /^[!-9;-~]+$/;

const isFit = (name: string, value: string): boolean => NAME.test(name) && !UNFIT_VALUE.test(value);

/** Flat fields as `Name: value` lines, the form in which they are stored and sent; a field that has none is left out. */
export const fieldText = (fields: readonly string[]): string => {
  let text = "";
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? "";
    const value = fields[index + 1] ?? "";
    if (!isFit(name, value)) continue;
    text += `${name}: ${value}\r\n`;
  }
  return text;
};

/** The fields of whole lines, flat; undefined when the text is not made of such lines. */
export const parseFieldText = (text: string): string[] | undefined => {
  const fields: string[] = [];
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf("\r\n", start);
    const colon = text.indexOf(": ", start);
    if (end < 0 || colon <= start || colon > end) return undefined;
    const name = text.slice(start, colon);
    const value = text.slice(colon + 2, end);
    if (!isFit(name, value)) return undefined;
    fields.push(name, value);
    start = end + 2;
  }
  return fields;
};
