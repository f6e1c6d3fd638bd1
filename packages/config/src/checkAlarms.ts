import type { Place, ProblemList } from "./problems.ts";
import { findChildren, type XmlElement } from "./xml/xmlElement.ts";

/** More would cost the primary too much at the end of a minute. */
const MOST_ALARMS = 100;

const LATENCIES: ReadonlySet<string | undefined> = new Set(["Latency", "IntegrationLatency"]);

/** What shows only where attributes of an `<Alarm>`, or several of them, are seen together. */
export const checkAlarms = (file: string, host: XmlElement | undefined, problems: ProblemList): void => {
  const lines = new Map<string, number>();
  findChildren(host, "Alarm").forEach((alarm, index) => {
    const { line, column, attributes } = alarm;
    const at = (attribute: string): Place => ({ file, line, column, element: `Server/Host/Alarm@${attribute}` });
    const name = attributes.get("Name");
    const first = name === undefined ? undefined : lines.get(name);
    if (name === undefined) problems.error(at("Name"), "An <Alarm> has no name.", 'Name="{name}"');
    else if (first === undefined) lines.set(name, line);
    else problems.error(at("Name"), `The name ${name} stands on line ${first} already.`, "a unique name");
    if (attributes.get("Threshold") === undefined) {
      problems.error(at("Threshold"), "An <Alarm> has no threshold.", 'Threshold="{number}"');
    }
    if (attributes.get("Statistic")?.startsWith("p") === true && !LATENCIES.has(attributes.get("Metric"))) {
      problems.error(
        at("Statistic"),
        "Only latencies have percentiles.",
        "Sum, Average, Minimum, Maximum, SampleCount",
      );
    }
    if (index === MOST_ALARMS) problems.error(at("Name"), "There are too many alarms.", `at most ${MOST_ALARMS}`);
  });
};
