import { tcpPort } from "./options/valueTypes.ts";
import type { ProblemList } from "./problems.ts";
import { type NamedElement, placeInVhosts } from "./vhostsPlaces.ts";
import { findChildren } from "./xml/xmlElement.ts";

/** A port is relayed for one host only and is never one that HTTP is spoken on (BYP-23). */
export const checkPorts = (hosts: readonly NamedElement[], managerPort: number, problems: ProblemList): void => {
  const relays = hosts.flatMap(({ element }) =>
    findChildren(element, "PortBypass").flatMap((relay) => {
      const outcome = tcpPort.parse(relay.text);
      return outcome.ok ? [{ port: outcome.value, element: relay }] : [];
    }),
  );
  if (relays.length === 0) return;
  const listeners = new Map<number, string>();
  for (const { vhost } of hosts) for (const { port } of vhost.listen) listeners.set(port, vhost.name);
  const lines = new Map<number, number>();
  for (const { port, element } of relays) {
    const place = placeInVhosts(element, "Vhosts/Vhost/PortBypass");
    const first = lines.get(port);
    const listener = listeners.get(port);
    if (first !== undefined) {
      problems.error(place, `Port ${port} is relayed by line ${first} already.`, "every port once");
    } else if (listener !== undefined) {
      problems.error(place, `The virtual host ${listener} listens on port ${port}.`, "a port without <Listen>");
    } else if (port === managerPort) {
      problems.error(place, `Port ${port} is that of <Manager>.`, "another port");
    }
    if (first === undefined) lines.set(port, element.line);
  }
};
