import { mkdir, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { writeDurably } from "../configHistoryPlacement.ts";

/** Who had which row of the SNMP tables when the numbers were last written. */
export interface KeptRows {
  readonly vhosts: ReadonlyMap<string, number>;
  readonly views: ReadonlyMap<string, number>;
}

/** Of an OID: a row beyond it could be asked for by nobody, and would end every walk. */
const LARGEST_ROW = 2 ** 32 - 1;

const isRow = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value > 0 && value <= LARGEST_ROW;

/** Boundary: pairs of a list from a file; those that are no name with a row are left out. */
const pairsIn = (file: unknown, key: string): ReadonlyMap<string, number> => {
  const list: unknown = typeof file === "object" && file !== null ? Reflect.get(file, key) : undefined;
  const pairs = new Map<string, number>();
  for (const pair of Array.isArray(list) ? list : []) {
    const [name, row]: readonly unknown[] = Array.isArray(pair) ? pair : [];
    if (typeof name === "string" && isRow(row)) pairs.set(name, row);
  }
  return pairs;
};

/** Empty when the file is absent or damaged: numbers are then given anew. */
export const readRowFile = async (path: string): Promise<KeptRows> => {
  let file: unknown;
  try {
    file = JSON.parse(await readFile(path, "utf8"));
  } catch {
    file = undefined;
  }
  return { vhosts: pairsIn(file, "vhosts"), views: pairsIn(file, "views") };
};

export const writeRowFile = async (path: string, { vhosts, views }: KeptRows): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  const content = JSON.stringify({ vhosts: [...vhosts], views: [...views] });
  await writeDurably(`${path}.draft`, Buffer.from(content), 0o640);
  await rename(`${path}.draft`, path);
};
