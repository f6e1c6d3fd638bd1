import { MOST_MINUTES } from "./options/logOptions.ts";
import type { ProblemList } from "./problems.ts";
import { findChildren, type XmlElement } from "./xml/xmlElement.ts";

/** What shows only where attributes of one log element are seen together: `Unit` beside `Type`, a receiver without `Dest`. */
export const checkLogs = (file: string, logs: XmlElement | undefined, path: string, problems: ProblemList): void => {
  for (const log of logs?.children ?? []) {
    const type = log.attributes.get("Type")?.toLowerCase();
    const unit = log.attributes.get("Unit");
    const { line, column } = log;
    const place = { file, line, column, element: `${path}/${log.name}@Unit` };
    if (type !== undefined && unit !== undefined) {
      const numbers = unit.split(",").map(Number);
      if (type === "both" && numbers.length !== 2) {
        problems.error(place, "With Type both, Unit needs two numbers.", "{minutes}, {megabytes}");
      } else if (type !== "both" && numbers.length !== 1) {
        problems.error(place, `With Type ${type}, Unit is one number.`, type === "size" ? "{megabytes}" : "{minutes}");
      } else if (type !== "size" && Number(numbers[0]) > MOST_MINUTES) {
        problems.error(place, "A file begins once a day at least.", `minutes, 1 to ${MOST_MINUTES}`);
      }
    }
    for (const receiver of findChildren(log, "SysLog")) {
      if (receiver.attributes.has("Dest")) continue;
      const at = { file, line: receiver.line, column: receiver.column, element: `${path}/${log.name}/SysLog@Dest` };
      problems.error(at, "The receiver has no address.", 'Dest="{host}:{port}"');
    }
  }
};
