import { readPairs } from "./procText.ts";

export interface Processor {
  /** Number that the kernel gave it. */
  readonly id: number;
  readonly model: string;
  /** As the kernel writes it, e.g. `2400.000`; empty where it does not tell. */
  readonly mhz: string;
  /** E.g. `8192 KB`; empty where it does not tell. */
  readonly cache: string;
  readonly socket: number;
  readonly core: number;
}

const ARM_MODELS: ReadonlyMap<string, string> = new Map([
  ["0xd03", "Cortex-A53"],
  ["0xd07", "Cortex-A57"],
  ["0xd08", "Cortex-A72"],
  ["0xd0b", "Cortex-A76"],
  ["0xd0c", "Neoverse-N1"],
  ["0xd40", "Neoverse-V1"],
  ["0xd49", "Neoverse-N2"],
  ["0xd4f", "Neoverse-V2"],
]);

const armModel = (pairs: ReadonlyMap<string, string>): string => {
  const part = pairs.get("CPU part")?.toLowerCase();
  if (part === undefined) return "";
  return ARM_MODELS.get(part) ?? `ARM implementer ${pairs.get("CPU implementer") ?? "?"} part ${part}`;
};

const numberOf = (text: string | undefined): number =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : 0;

/** /proc/cpuinfo: one block per processor; the words of x86, ARM and POWER. */
export const parseProcessors = (text: string): readonly Processor[] => {
  const shared = readPairs(text);
  return text.split(/\n\s*\n/).flatMap((block) => {
    const pairs = readPairs(block);
    const id = pairs.get("processor");
    if (id === undefined || !/^\d+$/.test(id)) return [];
    const named = pairs.get("model name") ?? pairs.get("cpu");
    return [
      {
        id: Number(id),
        model: named ?? (armModel(pairs) || (shared.get("Hardware") ?? "")),
        mhz: pairs.get("cpu MHz") ?? pairs.get("clock")?.replace(/MHz$/i, "") ?? "",
        cache: pairs.get("cache size") ?? "",
        socket: numberOf(pairs.get("physical id")),
        core: numberOf(pairs.get("core id")),
      },
    ];
  });
};
