import type { Explanation } from "../../src/index.ts";

type Fact = Explanation["steps"][number]["facts"][number];

const sourceText = (source: NonNullable<Fact["source"]>): string => {
  if (source.kind === "line") return `${source.file}:${source.line} ${source.element}`.trim();
  return `default${source.profile === undefined ? "" : ` of ${source.profile}`} ${source.element}`;
};

const factLine = ({ name, isField, value, text, because, source }: Fact): string => {
  const shown = text === undefined ? String(value) : `${value} (${text})`;
  const reason = because === undefined ? "" : `; ${because}`;
  return `  ${isField === true ? `${name}:` : name} = ${shown}${reason}${source === undefined ? "" : ` [${sourceText(source)}]`}`;
};

/** Every fact of an explanation, a line each, as golden texts keep it. */
export const renderExplanation = ({ method, url, outcome, status, result, verdict, steps }: Explanation): string =>
  [
    `${method} ${url}`,
    `${outcome}, status ${status}, ${result}: ${verdict}`,
    ...steps.flatMap(({ step, verdict: sentence, facts }) => ["", `${step}: ${sentence}`, ...facts.map(factLine)]),
    "",
  ].join("\n");
