/**
 * Names of counter blocks. Beside the one of a virtual host there is one for its loopback traffic, which the statistics
 * leave out unless they are told to count it, and one for each bypassed port. No name of a host has a NUL.
 */
export interface BlockScope {
  readonly vhost: string;
  /** Loopback clients and origins. */
  readonly isLocal: boolean;
  /** Of a bypassed port; undefined for all the rest. */
  readonly port: number | undefined;
}

const NUL = "\u0000";
const LOCAL = "local";

export const blockKey = ({ vhost, isLocal, port }: BlockScope): string =>
  vhost + (isLocal ? NUL + LOCAL : "") + (port === undefined ? "" : NUL + port);

export const scopeOf = (key: string): BlockScope => {
  const [vhost = "", ...parts] = key.split(NUL);
  const port = parts.find((part) => part !== LOCAL);
  return { vhost, isLocal: parts.includes(LOCAL), port: port === undefined ? undefined : Number(port) };
};

export interface FolderScope {
  readonly vhost: string;
  readonly isLocal: boolean;
  readonly path: string;
}

export const folderKey = ({ vhost, isLocal, path }: FolderScope): string =>
  `${vhost}${NUL}${isLocal ? LOCAL : ""}${NUL}${path}`;

export const folderScopeOf = (key: string): FolderScope => {
  const [vhost = "", local = "", path = ""] = key.split(NUL);
  return { vhost, isLocal: local === LOCAL, path };
};
