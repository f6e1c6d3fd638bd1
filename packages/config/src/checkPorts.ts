import type { ListenAddress, ServerSettings } from "./contract.ts";
import { tcpPort } from "./options/valueTypes.ts";
import type { ProblemList } from "./problems.ts";
import { type NamedElement, placeInVhosts } from "./vhostsPlaces.ts";
import { findChildren } from "./xml/xmlElement.ts";

const isEveryAddress = (address: string): boolean => address === "0.0.0.0" || address === "::";

/** The management API has its port on loopback only as long as nobody else may call it. */
const meetsManager = ({ address, port }: ListenAddress, { host, cache }: ServerSettings): boolean => {
  if (port !== host.manager.port) return false;
  const addresses = address === undefined ? cache.listen : [address];
  return host.manager.allow.length > 0 || addresses.some((each) => isEveryAddress(each) || each === "127.0.0.1");
};

const checkManagerPort = (hosts: readonly NamedElement[], server: ServerSettings, problems: ProblemList): void => {
  for (const { vhost, element } of hosts) {
    if (vhost.status !== "Active") continue;
    const taken = vhost.listen.find((listen) => meetsManager(listen, server));
    if (taken === undefined) continue;
    const written = findChildren(element, "Listen").find(({ text }) => text.endsWith(`:${taken.port}`));
    const place = placeInVhosts(written ?? element, "Vhosts/Vhost/Listen");
    problems.error(place, `Port ${taken.port} is that of <Manager>.`, "another port");
  }
};

const checkRelays = (hosts: readonly NamedElement[], server: ServerSettings, problems: ProblemList): void => {
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
    } else if (port === server.host.manager.port) {
      problems.error(place, `Port ${port} is that of <Manager>.`, "another port");
    }
    if (first === undefined) lines.set(port, element.line);
  }
};

/**
 * A port has one use: HTTP, the management API, or a relay for one host, which is never one that HTTP is spoken on
 * (BYP-23).
 */
export const checkPorts = (hosts: readonly NamedElement[], server: ServerSettings, problems: ProblemList): void => {
  checkManagerPort(hosts, server, problems);
  checkRelays(hosts, server, problems);
};
