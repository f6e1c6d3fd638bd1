import type { ListenAddress, ServerSettings } from "./contract.ts";
import type { HttpsListen } from "./httpsContract.ts";
import { formatHttpsListen } from "./options/httpsOptions.ts";
import type { ProblemList } from "./problems.ts";
import { SERVER_FILE } from "./serverPlaces.ts";
import { findChildren, type XmlElement } from "./xml/xmlElement.ts";

const isEveryAddress = (address: string): boolean => address === "0.0.0.0" || address === "::";

/** The management API has its port on loopback only as long as nobody else may call it. */
export const meetsManager = (
  { address, port }: ListenAddress,
  { host, cache }: Pick<ServerSettings, "host" | "cache">,
): boolean => {
  if (port !== host.manager.port) return false;
  const addresses = address === undefined ? cache.listen : [address];
  return host.manager.allow.length > 0 || addresses.some((each) => isEveryAddress(each) || each === "127.0.0.1");
};

/** As it is written in `<Https Listen>`. */
export const nameHttps = (listen: HttpsListen): string => `<Https Listen="${formatHttpsListen(listen)}">`;

/** Where HTTPS is spoken, by port. */
export class HttpsPorts {
  readonly #byPort = new Map<number, HttpsListen[]>();
  readonly #everywhere: readonly string[];

  constructor({ https, cache }: Pick<ServerSettings, "https" | "cache">) {
    this.#everywhere = cache.listen;
    for (const { listen } of https) {
      const listens = this.#byPort.get(listen.port);
      if (listens === undefined) this.#byPort.set(listen.port, [listen]);
      else listens.push(listen);
    }
  }

  /** One that would need the socket of that place. Addresses of interfaces are not known here. */
  meeting({ address, port }: ListenAddress): HttpsListen | undefined {
    const listens = this.#byPort.get(port);
    if (listens === undefined) return undefined;
    const wanted = address === undefined ? this.#everywhere : [address];
    return listens.find((listen) => {
      if (wanted.some(isEveryAddress)) return true;
      if (listen.kind === "interface") return false;
      const taken = listen.kind === "any" ? this.#everywhere : [listen.name];
      return taken.some((each) => isEveryAddress(each) || wanted.includes(each));
    });
  }
}

/** The management API is never where HTTPS is spoken. */
export const checkHttpsEntries = (
  server: XmlElement,
  settings: Pick<ServerSettings, "host" | "cache" | "https">,
  problems: ProblemList,
): void => {
  const elements = findChildren(server, "Https");
  settings.https.forEach(({ listen }, index) => {
    const { kind, name, port } = listen;
    // An interface's addresses are not known here; hardly ever are they of loopback.
    const address = kind === "any" ? undefined : name;
    if (!meetsManager({ address, port }, settings)) return;
    const { line, column } = elements[index] ?? server;
    const place = { file: SERVER_FILE, line, column, element: "Server/Https@Listen" };
    problems.error(place, `Port ${port} is that of <Manager>.`, "another port");
  });
};
