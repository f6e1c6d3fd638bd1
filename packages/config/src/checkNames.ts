import type { ProblemList } from "./problems.ts";
import { type NamedElement, placeInVhosts } from "./vhostsPlaces.ts";
import { findChildren } from "./xml/xmlElement.ts";

const linesOfNames = (hosts: readonly NamedElement[], problems: ProblemList): ReadonlyMap<string, number> => {
  const lines = new Map<string, number>();
  for (const { vhost, element } of hosts) {
    const name = vhost.name.toLowerCase();
    const first = lines.get(name);
    if (first === undefined) lines.set(name, element.line);
    else if (name !== "") {
      const message = `The name ${vhost.name} is taken by the <Vhost> on line ${first}; case does not count.`;
      problems.error(placeInVhosts(element, "Vhosts/Vhost@Name"), message, "a unique name");
    }
  }
  return lines;
};

/** No two hosts may have one name (CFG-54); an alias that can never be reached is told (CFG-58). */
export const checkNames = (hosts: readonly NamedElement[], problems: ProblemList): void => {
  const lineOfName = linesOfNames(hosts, problems);
  const lineOfAlias = new Map<string, number>();
  for (const { vhost, element } of hosts) {
    for (const alias of findChildren(element, "Alias")) {
      const place = placeInVhosts(alias, "Vhosts/Vhost/Alias");
      const word = alias.text.toLowerCase();
      const owner = word === vhost.name.toLowerCase() ? undefined : lineOfName.get(word);
      const other = lineOfAlias.get(word);
      if (other === undefined) lineOfAlias.set(word, alias.line);
      if (owner !== undefined) {
        problems.warn(place, `The alias ${alias.text} is the name of the <Vhost> on line ${owner}; the name counts.`);
      } else if (other !== undefined) {
        problems.warn(place, `The alias ${alias.text} stands on line ${other} already; the first one counts.`);
      }
    }
  }
};
