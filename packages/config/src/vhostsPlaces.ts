import type { VhostSettings } from "./contract.ts";
import type { Place } from "./problems.ts";
import type { XmlElement } from "./xml/xmlElement.ts";

export const VHOSTS_FILE = "vhosts.xml";

export const placeInVhosts = (element: XmlElement, path: string): Place => ({
  file: VHOSTS_FILE,
  line: element.line,
  column: element.column,
  element: path,
});

/** A virtual host and where it is written. */
export interface NamedElement {
  readonly vhost: VhostSettings;
  readonly element: XmlElement;
}
