import { trimWhiteSpace } from "./bytes.ts";

/**
 * Field names of a combined Vary value in lower case, each once, sorted: equal sets give equal arrays. `*` anywhere
 * makes it `*` (RFC 9110 12.5.5).
 */
export const parseVary = (value: string | undefined): "*" | readonly string[] => {
  const names = new Set<string>();
  for (const member of (value ?? "").split(",")) {
    const name = trimWhiteSpace(member).toLowerCase();
    if (name === "*") return "*";
    if (name !== "") names.add(name);
  }
  return [...names].sort();
};
