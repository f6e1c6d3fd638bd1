import { compileLogPattern } from "./logPattern/logPattern.ts";
import { compileSelector } from "./logPattern/record.ts";
import { MOST_METRIC_FILTERS } from "./options/metricFilterOptions.ts";
import type { Place, ProblemList } from "./problems.ts";
import { findChildren, type XmlElement } from "./xml/xmlElement.ts";

/** Whether a value other than a number is something that a line which matches the pattern has. */
const isReadable = (pattern: string, value: string): boolean => {
  const outcome = compileLogPattern(pattern);
  if (!outcome.ok || !value.startsWith("$")) return true;
  switch (outcome.pattern.kind) {
    case "terms":
      return false;
    case "columns":
      return outcome.pattern.reader(value.slice(1)) !== undefined;
    case "record":
      return compileSelector(value) !== undefined;
  }
};

/** What shows only where attributes and text of a `<MetricFilter>`, or several of them, are seen together. */
export const checkMetricFilters = (
  file: string,
  logs: XmlElement | undefined,
  path: string,
  problems: ProblemList,
): void => {
  const lines = new Map<string, number>();
  findChildren(logs, "MetricFilter").forEach((filter, index) => {
    const { line, column, attributes } = filter;
    const at = (attribute: string): Place => ({ file, line, column, element: `${path}/MetricFilter@${attribute}` });
    const name = attributes.get("Name");
    const first = name === undefined ? undefined : lines.get(name);
    if (name === undefined) problems.error(at("Name"), "A <MetricFilter> has no name.", 'Name="{name}"');
    else if (first === undefined) lines.set(name, line);
    else problems.error(at("Name"), `The name ${name} stands on line ${first} already.`, "a unique name");
    const value = attributes.get("Value") ?? "1";
    if (!isReadable(filter.text, value)) {
      problems.error(at("Value"), `The pattern has no field ${value}.`, "a number or a field of the pattern");
    }
    if (index === MOST_METRIC_FILTERS) {
      problems.error(at("Name"), "There are too many filters.", `at most ${MOST_METRIC_FILTERS} in a <Log>`);
    }
  });
};
