import { MOST_SUBSCRIPTIONS } from "./options/subscriptionOptions.ts";
import type { Place, ProblemList } from "./problems.ts";
import { findChildren, type XmlElement } from "./xml/xmlElement.ts";

/** What shows only where attributes of a `<Subscription>`, or several of them, are seen together. */
export const checkSubscriptions = (
  file: string,
  parent: XmlElement | undefined,
  path: string,
  problems: ProblemList,
): void => {
  const lines = new Map<string, number>();
  findChildren(parent, "Subscription").forEach((subscription, index) => {
    const { line, column, attributes } = subscription;
    const at = (attribute: string): Place => ({ file, line, column, element: `${path}/Subscription@${attribute}` });
    const name = attributes.get("Name");
    const first = name === undefined ? undefined : lines.get(name);
    if (name === undefined) problems.error(at("Name"), "A <Subscription> has no name.", 'Name="{name}"');
    else if (first === undefined) lines.set(name, line);
    else problems.error(at("Name"), `The name ${name} stands on line ${first} already.`, "a unique name");
    if (!attributes.has("Url")) problems.error(at("Url"), "A <Subscription> has no receiver.", 'Url="{URL}"');
    if (index === MOST_SUBSCRIPTIONS) {
      problems.error(at("Name"), "There are too many subscriptions.", `at most ${MOST_SUBSCRIPTIONS}`);
    }
  });
};
