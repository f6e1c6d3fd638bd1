import { type Problem, unreachable } from "@basalt/types";
import type { EdgeConfig, ListenAddress } from "../contract.ts";
import { wholeFile } from "../problems.ts";
import type { ConfigPlace, Provenance } from "../provenance.ts";
import { SERVER_FILE } from "../serverPlaces.ts";
import { VHOSTS_FILE } from "../vhostsPlaces.ts";
import { type FolderState, readFolderState } from "./folderState.ts";
import type { ListeningSocket } from "./listeningSockets.ts";

/** What of the machine decides whether a start would work. */
export interface Surroundings {
  /** Sockets of other programs. */
  readonly listeners: readonly ListeningSocket[];
  /** IP addresses of the interfaces of this machine; undefined when they are not known. */
  readonly addresses: ReadonlySet<string> | undefined;
}

interface Wanted {
  readonly path: string;
  readonly element: string;
  readonly place: ConfigPlace | undefined;
  readonly file: string;
}

const problemAt = (
  severity: Problem["severity"],
  { file, element, place }: Pick<Wanted, "file" | "element" | "place">,
  message: string,
): Problem => ({
  severity,
  ...(place === undefined ? { ...wholeFile(file), element } : { ...place, column: 0 }),
  message,
});

const describeFolder = (wanted: Wanted, state: FolderState): readonly Problem[] => {
  switch (state.kind) {
    case "usable":
      return [];
    case "notAFolder":
      return [problemAt("error", wanted, `${state.path} is not a folder.`)];
    case "notWritable":
      return [problemAt("warning", wanted, `The user who checks cannot write to ${state.path}.`)];
    default:
      return unreachable(state);
  }
};

const foldersOf = ({ server, vhosts }: EdgeConfig, provenance: Provenance): readonly Wanted[] => {
  const { disks } = server.cache.storage;
  const diskPlaces = provenance.serverPlacesOf("Cache/Storage/Disk");
  const storage =
    disks.length === 0
      ? [
          {
            path: server.cache.memoryPath,
            element: "Server/Cache/MemoryPath",
            place: provenance.serverPlacesOf("Cache/MemoryPath")[0],
            file: SERVER_FILE,
          },
        ]
      : disks.map(({ path }, index) => ({
          path,
          element: "Server/Cache/Storage/Disk",
          place: diskPlaces[index],
          file: SERVER_FILE,
        }));
  const logs = new Map<string, Wanted>();
  for (const { name, logs: own } of vhosts) {
    if (logs.has(own.dir)) continue;
    const place = provenance.placesOf(name, "Log@Dir")[0];
    logs.set(own.dir, { path: own.dir, element: "Vhosts/Vhost/Log@Dir", place, file: VHOSTS_FILE });
  }
  return [...storage, ...logs.values()];
};

interface WantedSocket extends ListeningSocket {
  readonly element: string;
  readonly place: ConfigPlace | undefined;
  readonly file: string;
}

const socketsOf = (config: EdgeConfig, provenance: Provenance): readonly WantedSocket[] => {
  const sockets = new Map<string, WantedSocket>();
  const want = (
    { address, port }: ListenAddress,
    element: string,
    place: ConfigPlace | undefined,
    file: string,
  ): void => {
    const addresses = address === undefined ? config.server.cache.listen : [address];
    for (const each of addresses) {
      const key = `${each} ${port}`;
      if (!sockets.has(key)) sockets.set(key, { address: each, port, element, place, file });
    }
  };
  for (const { name, status, listen, portBypass } of config.vhosts) {
    if (status !== "Active") continue;
    const places = provenance.placesOf(name, "Listen");
    for (const [index, each] of listen.entries()) want(each, "Vhosts/Vhost/Listen", places[index], VHOSTS_FILE);
    const relayPlaces = provenance.placesOf(name, "PortBypass");
    for (const [index, { port }] of portBypass.entries()) {
      want({ address: undefined, port }, "Vhosts/Vhost/PortBypass", relayPlaces[index], VHOSTS_FILE);
    }
  }
  const { manager } = config.server.host;
  want(
    { address: manager.allow.length === 0 ? "127.0.0.1" : "0.0.0.0", port: manager.port },
    "Server/Host/Manager@Port",
    provenance.serverPlacesOf("Host/Manager@Port")[0],
    SERVER_FILE,
  );
  return [...sockets.values()];
};

const isWildcard = (address: string): boolean => address === "0.0.0.0" || address === "::";

const collide = (one: ListeningSocket, other: ListeningSocket): boolean =>
  one.port === other.port && (one.address === other.address || isWildcard(one.address) || isWildcard(other.address));

const isLocal = (address: string, addresses: ReadonlySet<string>): boolean =>
  isWildcard(address) || address.startsWith("127.") || addresses.has(address);

const checkSocket = (wanted: WantedSocket, { listeners, addresses }: Surroundings): readonly Problem[] => {
  const { address, port } = wanted;
  if (addresses !== undefined && !isLocal(address, addresses)) {
    return [problemAt("warning", wanted, `No interface of this machine has the address ${address}.`)];
  }
  const other = listeners.find((listener) => collide(wanted, listener));
  if (other === undefined) return [];
  const where = `${other.address.includes(":") ? `[${other.address}]` : other.address}:${other.port}`;
  return [problemAt("warning", wanted, `Port ${port} is in use: another program listens on ${where}.`)];
};

/**
 * What would fail at start only, as far as it can be known without changing anything: folders that cannot be used,
 * ports that another program has, addresses that the machine lacks.
 */
export const checkStart = async (
  config: EdgeConfig,
  provenance: Provenance,
  surroundings: Surroundings,
): Promise<readonly Problem[]> => {
  const folders = await Promise.all(
    foldersOf(config, provenance).map(async (wanted) => describeFolder(wanted, await readFolderState(wanted.path))),
  );
  const sockets = socketsOf(config, provenance).map((wanted) => checkSocket(wanted, surroundings));
  return [...folders, ...sockets].flat();
};
