import type { Place, ProblemList } from "./problems.ts";
import { findChildren, type XmlElement } from "./xml/xmlElement.ts";

/** What one variable of an answer may cost is bounded by it. */
const MOST_OIDS = 200;
const MOST_COMMUNITIES = 100;

/** What shows only where several `<Community>`, or their parts, are seen together. */
export const checkSnmp = (file: string, snmp: XmlElement | undefined, problems: ProblemList): void => {
  const lines = new Map<string, number>();
  findChildren(snmp, "Community").forEach((community, index) => {
    const { line, column, attributes } = community;
    const at = (place: string): Place => ({ file, line, column, element: `Server/Host/SNMP/Community${place}` });
    const name = attributes.get("Name");
    const first = name === undefined ? undefined : lines.get(name);
    if (name === undefined) problems.error(at("@Name"), "A <Community> has no name.", 'Name="{name}"');
    else if (first === undefined) lines.set(name, line);
    else problems.error(at("@Name"), `The community ${name} stands on line ${first} already.`, "each name once");
    if (findChildren(community, "OID").length > MOST_OIDS) {
      problems.error(at("/OID"), "There are too many OIDs.", `at most ${MOST_OIDS}`);
    }
    if (index === MOST_COMMUNITIES) {
      problems.error(at(""), "There are too many communities.", `at most ${MOST_COMMUNITIES}`);
    }
  });
};
