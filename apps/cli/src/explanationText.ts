import type { ConfigSource, ExplainFact } from "@basalt/management";
import type { PrintedExplanation, PrintedStep } from "./explanation.ts";

const STYLE = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

type Paint = (style: keyof typeof STYLE, text: string) => string;

const OUTCOME_STYLES: ReadonlyMap<string, keyof typeof STYLE> = new Map([
  ["hit", "green"],
  ["staleHit", "green"],
  ["renewal", "yellow"],
  ["miss", "yellow"],
  ["bypass", "cyan"],
  ["management", "cyan"],
]);

const TITLES: ReadonlyMap<string, string> = new Map([
  ["request", "Request"],
  ["vhost", "Virtual host"],
  ["listen", "Listening address"],
  ["requestRules", "Request rules"],
  ["access", "Access"],
  ["derivation", "Made of another"],
  ["method", "Cache or bypass"],
  ["key", "Cache key"],
  ["lookup", "Lookup"],
  ["ttl", "Lifetime"],
  ["reuse", "Reuse"],
  ["origin", "Origin"],
  ["response", "Response"],
]);

/** Values longer than this do not push what stands behind them to the right. */
const WIDEST_VALUE = 44;
const TITLE_WIDTH = 19;

/** What comes from outside must not steer the terminal. */
const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  text.replace(/[\x00-\x1f\x7f-\x9f]/g, (character) => {
    const code = character.charCodeAt(0).toString(16).padStart(2, "0");
    return `\\x${code}`;
  });

/** `freshUntil` as `fresh until`; names of header fields and of files stay as they are. */
const labelOf = ({ name, isField }: ExplainFact): string => {
  const isWord = isField !== true && /^[a-z][A-Za-z0-9]*$/.test(name);
  return isWord ? name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`) : printable(name);
};

const valueText = ({ value, text }: ExplainFact): string => {
  if (text !== undefined) return printable(text);
  if (value === null) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return printable(String(value));
};

/** Element paths without what is the same for all of them. */
const shortElement = (element: string): string =>
  element.replace(/^(Vhosts\/Vhost|Server\/VHostDefault)(\/|(?=@))/, "");

const sourceText = (source: ConfigSource): string => {
  const element = source.element === "" ? "" : `<${printable(shortElement(source.element))}>`;
  if (source.kind === "default") {
    return `default${source.profile === undefined ? "" : ` of ${printable(source.profile)}`} ${element}`.trim();
  }
  return `${printable(source.file)}:${source.line} ${element}`.trim();
};

const factLine = (fact: ExplainFact, nameWidth: number, valueWidth: number, paint: Paint): string => {
  const label = paint("dim", labelOf(fact).padEnd(nameWidth));
  const value = valueText(fact);
  const because = fact.because === undefined ? "" : printable(fact.because);
  const source = fact.source === undefined ? "" : paint("dim", `[${sourceText(fact.source)}]`);
  const remarks = [because, source].filter((remark) => remark !== "").join("  ");
  return `     ${label}  ${remarks === "" ? value : value.padEnd(valueWidth)}  ${remarks}`.trimEnd();
};

const stepLines = ({ step, verdict, facts }: PrintedStep, number: number, paint: Paint): string[] => {
  const title = (TITLES.get(step) ?? printable(step)).padEnd(TITLE_WIDTH);
  const nameWidth = Math.max(0, ...facts.map((fact) => labelOf(fact).length));
  const lengths = facts.map((fact) => valueText(fact).length).filter((length) => length <= WIDEST_VALUE);
  const valueWidth = Math.max(0, ...lengths);
  return [
    `${String(number).padStart(2)}  ${paint("bold", title)} ${printable(verdict)}`,
    ...facts.map((fact) => factLine(fact, nameWidth, valueWidth, paint)),
  ];
};

/** For people: a section per decision, each fact with the reason and the line of the configuration behind it. */
export const formatExplanation = (explanation: PrintedExplanation, hasColours: boolean): string => {
  const paint: Paint = (style, text) => (hasColours ? `\u001b[${STYLE[style]}m${text}\u001b[0m` : text);
  const { method, url, outcome, verdict, steps } = explanation;
  const sections = steps.map((step, index) => stepLines(step, index + 1, paint).join("\n"));
  const head = [
    paint("bold", `${printable(method)} ${printable(url)}`),
    paint(OUTCOME_STYLES.get(outcome) ?? "red", printable(verdict)),
  ].join("\n");
  return [head, ...sections].join("\n\n");
};
