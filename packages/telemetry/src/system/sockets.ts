import { wholeNumber, wordsOf } from "./procText.ts";

/** TCP of the operating system, IPv4 and IPv6 together (STAT-50, OPEN-S9). */
export interface TcpSockets {
  /** Attached to a file: listening ones too. */
  readonly inUse: number;
  readonly orphan: number;
  readonly timeWait: number;
  readonly allocated: number;
  /** Pages. */
  readonly memoryPages: number;
}

/** The words of a line `TCP: inuse 5 orphan 0 …` as pairs. */
const pairsOf = (text: string, name: string): ReadonlyMap<string, number> => {
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${name}:`)) ?? "";
  const words = wordsOf(line).slice(1);
  const pairs = new Map<string, number>();
  for (let index = 0; index + 1 < words.length; index += 2)
    pairs.set(words[index] ?? "", wholeNumber(words[index + 1]));
  return pairs;
};

/** /proc/net/sockstat and /proc/net/sockstat6; all but `inuse` is told by the first for both families. */
export const parseTcpSockets = (text: string, text6: string): TcpSockets => {
  const tcp = pairsOf(text, "TCP");
  return {
    inUse: (tcp.get("inuse") ?? 0) + (pairsOf(text6, "TCP6").get("inuse") ?? 0),
    orphan: tcp.get("orphan") ?? 0,
    timeWait: tcp.get("tw") ?? 0,
    allocated: tcp.get("alloc") ?? 0,
    memoryPages: tcp.get("mem") ?? 0,
  };
};

/** Connections in ESTABLISHED and CLOSE_WAIT: `CurrEstab` of the Tcp lines of /proc/net/snmp. */
export const parseEstablished = (text: string): number => {
  const [names, values] = text.split("\n").filter((line) => line.startsWith("Tcp:"));
  const column = wordsOf(names ?? "").indexOf("CurrEstab");
  return column < 0 ? 0 : wholeNumber(wordsOf(values ?? "")[column]);
};
