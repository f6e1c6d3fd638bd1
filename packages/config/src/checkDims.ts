import type { VhostOptions } from "./contract.ts";
import { parseImageCommands } from "./dims/commandSyntax.ts";
import type { DimsSettings } from "./dimsContract.ts";
import type { ProblemList } from "./problems.ts";
import { suggest } from "./syntax/suggest.ts";
import { findChild, findChildren, type XmlElement } from "./xml/xmlElement.ts";

const NAMED = ["Composite", "ByOriginal", "Annotation", "Preset"] as const;

interface Check {
  readonly file: string;
  readonly path: string;
  readonly problems: ProblemList;
}

const placeOf = ({ file, path }: Check, element: XmlElement, rest: string) => ({
  file,
  line: element.line,
  column: element.column,
  element: `${path}/Dims${rest}`,
});

const checkRequired = (check: Check, element: XmlElement, attribute: string): void => {
  if ((element.attributes.get(attribute) ?? "") !== "") return;
  const place = placeOf(check, element, `/${element.name}@${attribute}`);
  check.problems.error(place, `A <${element.name}> has no ${attribute}.`, `${attribute}="…"`);
};

const checkNames = (check: Check, elements: readonly XmlElement[], caseSensitive: boolean): void => {
  const lines = new Map<string, number>();
  for (const element of elements) {
    checkRequired(check, element, "Name");
    const name = element.attributes.get("Name") ?? "";
    const folded = caseSensitive ? name : name.toLowerCase();
    const first = lines.get(folded);
    if (first === undefined) lines.set(folded, element.line);
    else {
      const place = placeOf(check, element, `/${element.name}@Name`);
      check.problems.error(place, `The name ${name} stands on line ${first} already.`, "every name once");
    }
  }
};

type CalledKind = "Composite" | "ByOriginal" | "Annotation";

/** Names that a chain calls, as `Composite water1`. */
const calledNames = (chain: string): readonly (readonly [kind: CalledKind, name: string])[] => {
  const outcome = parseImageCommands(chain);
  const called: (readonly [CalledKind, string])[] = [];
  for (const command of outcome.ok ? outcome.commands : []) {
    if (command.kind === "composite") called.push(["Composite", command.name]);
    else if (command.kind === "byOriginal") called.push(["ByOriginal", command.name]);
    else if (command.kind === "annotation") for (const name of command.names) called.push(["Annotation", name]);
  }
  return called;
};

const usesAutoFormat = (chain: string): boolean => {
  const outcome = parseImageCommands(chain);
  return outcome.ok && outcome.commands.some(({ kind }) => kind === "formatAuto");
};

/** What a chain calls and the host does not have: a request for it fails (DIMS-11). */
const checkChain = (
  check: Check,
  element: XmlElement,
  rest: string,
  names: Readonly<Record<CalledKind, readonly string[]>>,
  dims: DimsSettings,
  fold: (name: string) => string,
): void => {
  const place = placeOf(check, element, rest);
  for (const [kind, name] of calledNames(element.text)) {
    const known = names[kind];
    if (known.some((each) => fold(each) === fold(name))) continue;
    const near = suggest(name, known);
    const hint = near === undefined ? "" : ` Did you mean ${near}?`;
    check.problems.warn(place, `There is no <${kind}> ${name}: such requests fail.${hint}`);
  }
  if (dims.formatAuto.length === 0 && usesAutoFormat(element.text)) {
    check.problems.warn(place, "format/auto needs <FormatAuto>: such requests fail.");
  }
};

/**
 * What only shows across the elements of a `<Dims>`. `options` is the element that holds it, `resolved` what it and what
 * it inherits come to; `path` names the element.
 */
export const checkDims = (
  file: string,
  options: XmlElement | undefined,
  path: string,
  { dims, caseSensitive }: Pick<VhostOptions, "dims" | "caseSensitive">,
  problems: ProblemList,
): void => {
  const element = findChild(options, "Dims");
  if (element === undefined) return;
  const check: Check = { file, path, problems };
  for (const name of NAMED) checkNames(check, findChildren(element, name), caseSensitive);
  for (const composite of findChildren(element, "Composite")) checkRequired(check, composite, "File");
  for (const signature of findChildren(element, "Signature")) checkRequired(check, signature, "Key");
  for (const choice of findChildren(element, "ByOriginal")) {
    if (findChild(choice, "Condition") !== undefined) continue;
    const place = placeOf(check, choice, "/ByOriginal/Condition");
    problems.error(place, "A <ByOriginal> has no <Condition>.", "one <Condition> or more");
  }
  const fold = (name: string): string => (caseSensitive ? name : name.toLowerCase());
  const names = {
    Composite: dims.composites.map(({ name }) => name),
    ByOriginal: dims.byOriginal.map(({ name }) => name),
    Annotation: dims.annotations.map(({ name }) => name),
  };
  for (const choice of findChildren(element, "ByOriginal")) {
    for (const condition of findChildren(choice, "Condition")) {
      checkChain(check, condition, "/ByOriginal/Condition", names, dims, fold);
    }
  }
  for (const preset of findChildren(element, "Preset")) checkChain(check, preset, "/Preset", names, dims, fold);
  if (dims.status === "Active" && !caseSensitive && dims.keyword !== dims.keyword.toLowerCase()) {
    const message = `URLs are in lower case (CaseSensitive OFF), so the keyword ${dims.keyword} is never found in one.`;
    problems.warn(placeOf(check, element, "@Keyword"), message, "a keyword in lower case");
  }
};
