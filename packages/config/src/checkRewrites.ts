import { compilePattern } from "./linearPattern/linearPattern.ts";
import type { ProblemList } from "./problems.ts";
import { findChild, findChildren, type XmlElement } from "./xml/xmlElement.ts";

/** `#n` of a group that the expression lacks would always be empty: a mistake. */
export const checkRewrites = (
  file: string,
  parent: XmlElement | undefined,
  path: string,
  problems: ProblemList,
): void => {
  for (const rewrite of findChildren(parent, "URLRewrite")) {
    const replace = findChild(rewrite, "Replace");
    const compiled = compilePattern(findChild(rewrite, "Pattern")?.text ?? "");
    if (replace === undefined || !compiled.ok) continue;
    const { groupCount } = compiled.pattern;
    const highest = Math.max(0, ...[...replace.text.matchAll(/#(\d)/g)].map(([, digit]) => Number(digit)));
    if (highest <= groupCount) continue;
    const { line, column } = replace;
    const place = { file, line, column, element: `${path}/URLRewrite/Replace` };
    const groups = groupCount === 1 ? "1 group" : `${groupCount} groups`;
    problems.error(place, `#${highest} is written, but <Pattern> has ${groups}.`, "#0 to the number of groups");
  }
};
