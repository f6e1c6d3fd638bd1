import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A TCP socket of this machine that takes connections. */
export interface ListeningSocket {
  /** `0.0.0.0` and `::` stand for every address. */
  readonly address: string;
  readonly port: number;
}

const LISTEN_STATE = "0A";

/** Of a socket in the table: its local address, port, and the number of its inode. */
interface TableRow extends ListeningSocket {
  readonly inode: string;
}

/** The kernel writes addresses as 32 bit words in the byte order of the machine. */
const swapWord = (word: string): string => word.match(/../g)?.reverse().join("") ?? "";

const readIpv4 = (hex: string): string =>
  Array.from(swapWord(hex).match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)).join(".");

const readIpv6 = (hex: string): string => {
  const digits = (hex.match(/.{8}/g) ?? []).map(swapWord).join("");
  if (/^0{20}ffff/i.test(digits)) return readIpv4(hex.slice(-8));
  if (/^0+$/.test(digits)) return "::";
  return (digits.match(/.{4}/g) ?? []).map((group) => Number.parseInt(group, 16).toString(16)).join(":");
};

/** The listening sockets in the text of `/proc/net/tcp` or `/proc/net/tcp6`. */
export const parseSocketTable = (text: string): readonly TableRow[] =>
  text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
      const [hex = "", port = ""] = local.split(":");
      if (state !== LISTEN_STATE || (hex.length !== 8 && hex.length !== 32)) return [];
      const address = hex.length === 8 ? readIpv4(hex) : readIpv6(hex);
      return [{ address, port: Number.parseInt(port, 16), inode }];
    });

const readOrEmpty = (path: string): string => {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
};

/** Inodes of the sockets that a process holds; none when it may not be looked at. */
const socketsOf = (pid: number): readonly string[] => {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).flatMap((name) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${name}`))?.[1] ?? [];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
};

/** Listening sockets of this machine but for those of the processes `own`; empty where the system does not tell. */
export const readListeningSockets = (own: readonly number[]): readonly ListeningSocket[] => {
  const ours = new Set(own.flatMap(socketsOf));
  return ["/proc/net/tcp", "/proc/net/tcp6"]
    .flatMap((path) => parseSocketTable(readOrEmpty(path)))
    .filter(({ inode }) => !ours.has(inode));
};
