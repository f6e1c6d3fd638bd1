import { compileGlob } from "./glob.ts";

/** What may stand for the same path in another spelling. */
const MAY_DIFFER = /[%\\]|\/[./]/;

const decoded = (path: string): string =>
  path.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));

/**
 * A path as an origin server may understand it: percent-encodings undone, backslashes taken for slashes, empty and dot
 * segments gone (RFC 3986 6.2.2). Only to compare with: it is sent to nobody.
 */
export const understoodPath = (path: string): string => {
  if (!MAY_DIFFER.test(path)) return path;
  const segments: string[] = [];
  const parts = decoded(path).replaceAll("\\", "/").split("/").slice(1);
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    if (part === "..") segments.pop();
    if (part === ".." || part === "." || part === "") {
      if (isLast) segments.push("");
    } else {
      segments.push(part);
    }
  }
  return `/${segments.join("/")}`;
};

/** Whether a path has segments that lead out of a folder. */
export const leavesFolder = (path: string): boolean => /[/\\]\.\.(?:[/\\]|$)/.test(decoded(path));

/** Position of the first pattern (CFG-70) that means a path in its own spelling or as `understoodPath`; -1 when none does. */
export const compilePathPatterns = (
  patterns: readonly string[],
  caseSensitive: boolean,
): ((path: string) => number) => {
  const matchers = patterns.map((pattern) => compileGlob(pattern, caseSensitive));
  return (path) => {
    const understood = understoodPath(path);
    return matchers.findIndex((matches) => matches(path) || (understood !== path && matches(understood)));
  };
};
