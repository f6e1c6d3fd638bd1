/**
 * Names of counter blocks. Beside the one of a virtual host there is one for its loopback traffic and one for its HTTPS
 * traffic, which the statistics leave out unless they are told to count them, one for what is both, and one for each
 * bypassed port. No name of a host has a NUL.
 */
export interface BlockScope {
  readonly vhost: string;
  /** Loopback clients and origins. */
  readonly isLocal: boolean;
  /** Of a bypassed port; undefined for all the rest. */
  readonly port: number | undefined;
  /** HTTPS that counts apart (STAT-13). */
  readonly isTls?: boolean;
}

const NUL = "\u0000";
const LOCAL = "local";
const TLS = "tls";

export const blockKey = ({ vhost, isLocal, port, isTls = false }: BlockScope): string =>
  vhost + (isLocal ? NUL + LOCAL : "") + (isTls ? NUL + TLS : "") + (port === undefined ? "" : NUL + port);

export const scopeOf = (key: string): BlockScope => {
  const [vhost = "", ...parts] = key.split(NUL);
  const port = parts.find((part) => part !== LOCAL && part !== TLS);
  return {
    vhost,
    isLocal: parts.includes(LOCAL),
    port: port === undefined ? undefined : Number(port),
    isTls: parts.includes(TLS),
  };
};

export interface FolderScope {
  readonly vhost: string;
  readonly isLocal: boolean;
  readonly path: string;
}

export const folderKey = ({ vhost, isLocal, path }: FolderScope): string =>
  `${vhost}${NUL}${isLocal ? LOCAL : ""}${NUL}${path}`;

export interface OriginScope {
  readonly vhost: string;
  /** Host and port as the service map shows them. */
  readonly origin: string;
}

export const originKey = ({ vhost, origin }: OriginScope): string => `${vhost}${NUL}${origin}`;

export const originScopeOf = (key: string): OriginScope => {
  const [vhost = "", origin = ""] = key.split(NUL);
  return { vhost, origin };
};

export const folderScopeOf = (key: string): FolderScope => {
  const [vhost = "", local = "", path = ""] = key.split(NUL);
  return { vhost, isLocal: local === LOCAL, path };
};
