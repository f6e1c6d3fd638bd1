import { hash } from "node:crypto";
import type { VhostSettings } from "@basalt/config";
import { listMembers } from "@basalt/http";
import { compileRequestSelection } from "./requestSelection.ts";

const EVERY_NAME: readonly string[] = ["*"];
const NO_NAMES: readonly string[] = [];

/** KEY-09, KEY-10: see `CachingRules.selectingFields`. `honoured`: `<VaryHeader>`, `*` alone for all names. */
export const compileSelectingFields = (
  honoured: readonly string[],
): ((vary: "*" | readonly string[]) => "*" | readonly string[]) => {
  if (honoured.length === 0) return () => NO_NAMES;
  const honoursAll = honoured.includes("*");
  const names = new Set(honoursAll ? EVERY_NAME : honoured);
  return (vary) => {
    if (vary === "*") return honoursAll ? "*" : NO_NAMES;
    if (vary.length === 0) return NO_NAMES;
    return vary.filter((name) => name !== "accept-encoding" && (honoursAll || names.has(name)));
  };
};

/** As `compileSelectingFields`, with what `<Forward>` adds (AWS-54). */
export const compileSelection = ({ options }: Pick<VhostSettings, "options">) => {
  const byVary = compileSelectingFields(options.varyHeader);
  return compileRequestSelection(options)?.selecting(byVary) ?? byVary;
};

/** Fields whose members are compared without regard to case (RFC 9110 12.5.1, 12.5.4), parameters in quotes aside. */
const CASE_INSENSITIVE: ReadonlySet<string> = new Set(["accept", "accept-charset", "accept-language"]);

const DIGEST_LENGTH = 22;
const REMEMBERED = 512;
const LONGEST_REMEMBERED = 256;
const remembered = new Map<string, string>();

/**
 * The secondary key (KEY-10, RFC 9111 4.1): one short text for all requests that select the same representation,
 * letters, digits, `-` and `_` only. Normalised are the white space about list members, and letter case where the
 * field has none. The order of members stays: servers break ties by it. Without names the key is empty.
 */
export const selectorOf = (names: readonly string[], get: (lowerCaseName: string) => string | undefined): string => {
  if (names.length === 0) return "";
  let text = "";
  for (const name of names) {
    const value = get(name);
    const normal = value === undefined ? undefined : normalise(name, value);
    text += normal === undefined ? `${name}\n-\n` : `${name}\n${normal.length}\n${normal}\n`;
  }
  const known = remembered.get(text);
  if (known !== undefined) return known;
  const digest = hash("sha256", text, "base64url").slice(0, DIGEST_LENGTH);
  if (text.length <= LONGEST_REMEMBERED) {
    if (remembered.size >= REMEMBERED) remembered.clear();
    remembered.set(text, digest);
  }
  return digest;
};

/** Cookies are no list: what an origin makes of a stray comma is not what it makes of none. */
const normalise = (name: string, value: string): string => {
  if (name === "cookie") return value;
  const list = listMembers(value).join(",");
  return CASE_INSENSITIVE.has(name) ? list.replace(/[^"]+|"(?:[^"\\]|\\.)*"?/g, lowerUnquoted) : list;
};

const lowerUnquoted = (text: string): string => (text.startsWith('"') ? text : text.toLowerCase());
