import { combineValues } from "./fieldBlock.ts";

/**
 * Combined value of a field in a flat list (name, value, name, value …); the name in lower case. Not for Set-Cookie,
 * whose lines cannot be combined.
 */
export const getField = (flat: readonly string[], lowerCaseName: string): string | undefined => {
  let values: string[] | undefined;
  let only: string | undefined;
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const name = flat[index];
    if (name === undefined || name.length !== lowerCaseName.length || name.toLowerCase() !== lowerCaseName) continue;
    const value = flat[index + 1] ?? "";
    if (only === undefined) only = value;
    else if (values === undefined) values = [only, value];
    else values.push(value);
  }
  return values === undefined ? only : combineValues(lowerCaseName, values);
};
