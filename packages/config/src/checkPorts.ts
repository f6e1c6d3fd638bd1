import { HttpsPorts, meetsManager, nameHttps } from "./checkHttpsPorts.ts";
import type { ServerSettings } from "./contract.ts";
import { tcpPort } from "./options/valueTypes.ts";
import type { ProblemList } from "./problems.ts";
import { type NamedElement, placeInVhosts } from "./vhostsPlaces.ts";
import { findChildren } from "./xml/xmlElement.ts";

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

const checkHttpsListeners = (hosts: readonly NamedElement[], https: HttpsPorts, problems: ProblemList): void => {
  for (const { vhost, element } of hosts) {
    if (vhost.status !== "Active") continue;
    for (const listen of vhost.listen) {
      const entry = https.meeting(listen);
      if (entry === undefined) continue;
      const written = findChildren(element, "Listen").find(({ text }) => text.endsWith(`:${listen.port}`));
      const place = placeInVhosts(written ?? element, "Vhosts/Vhost/Listen");
      problems.error(place, `Port ${listen.port} is that of ${nameHttps(entry)}.`, "a port without HTTPS");
    }
  }
};

const checkRelays = (
  hosts: readonly NamedElement[],
  server: ServerSettings,
  https: HttpsPorts,
  problems: ProblemList,
): void => {
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
    const entry = https.meeting({ address: undefined, port });
    if (first !== undefined) {
      problems.error(place, `Port ${port} is relayed by line ${first} already.`, "every port once");
    } else if (listener !== undefined) {
      problems.error(place, `The virtual host ${listener} listens on port ${port}.`, "a port without <Listen>");
    } else if (entry !== undefined) {
      problems.error(place, `Port ${port} is that of ${nameHttps(entry)}.`, "a port without HTTPS");
    } else if (port === server.host.manager.port) {
      problems.error(place, `Port ${port} is that of <Manager>.`, "another port");
    }
    if (first === undefined) lines.set(port, element.line);
  }
};

/**
 * A port has one use: HTTP, HTTPS (TLS-04), the management API, or a relay for one host, which is never one that HTTP
 * is spoken on (BYP-23).
 */
export const checkPorts = (hosts: readonly NamedElement[], server: ServerSettings, problems: ProblemList): void => {
  const https = new HttpsPorts(server);
  checkManagerPort(hosts, server, problems);
  checkHttpsListeners(hosts, https, problems);
  checkRelays(hosts, server, https, problems);
};
