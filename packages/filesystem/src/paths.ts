const SPACE = 0x20;
const DELETE = 0x7f;
const HASH = 0x23;

/** Where a path of the mount leads: its first name is a host, the rest a URL (FS-15). */
export interface MountedPath {
  readonly host: string;
  /** Path and query string of a request; undefined: the host's own folder. */
  readonly target: string | undefined;
}

/**
 * `path`: the names below the mount, joined by `/`, one character for each byte. The separator stands for `/` in what
 * follows the host (FS-51); bytes that no request target may have are written as `%XX`.
 */
export const mountedPathOf = (path: string, separator: string): MountedPath => {
  const slash = path.indexOf("/");
  if (slash < 0) return { host: path.toLowerCase(), target: undefined };
  const rest = path.slice(slash).replaceAll(separator, "/");
  return { host: path.slice(0, slash).toLowerCase(), target: escapeTarget(rest) };
};

/** A host that a `Host` field can name. */
export const isHostName = (host: string): boolean => /^[\w.\-~:[\]]{1,255}$/.test(host);

/** FS-33, reading A: the whole path behind the host. */
export const hasDot = (target: string): boolean => target.includes(".");

const escapeTarget = (text: string): string => {
  let escaped = "";
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text.charCodeAt(at);
    if (byte > SPACE && byte < DELETE && byte !== HASH) continue;
    escaped += `${text.slice(from, at)}%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    from = at + 1;
  }
  return from === 0 ? text : escaped + text.slice(from);
};
