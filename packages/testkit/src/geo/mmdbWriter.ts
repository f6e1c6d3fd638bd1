import { addressBits, growTree, type NetworkTable, splitNetwork } from "./prefixTree.ts";

type MmdbValue = string | number | readonly MmdbValue[] | { readonly [key: string]: MmdbValue };

const MAP = 7;
const STRING = 2;
const UINT32 = 6;
const ARRAY = 11;

const control = (type: number, size: number): number[] => {
  const sizeBits = size < 29 ? [size] : [29, size - 29];
  const [first = 0, ...rest] = sizeBits;
  return type > 7 ? [first, type - 7, ...rest] : [(type << 5) | first, ...rest];
};

const encode = (value: MmdbValue): Buffer => {
  if (typeof value === "string") {
    const text = Buffer.from(value, "utf8");
    return Buffer.concat([Buffer.from(control(STRING, text.length)), text]);
  }
  if (typeof value === "number") {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return Buffer.concat([Buffer.from(control(UINT32, 4)), bytes]);
  }
  if (Array.isArray(value)) return Buffer.concat([Buffer.from(control(ARRAY, value.length)), ...value.map(encode)]);
  const entries = Object.entries(value);
  const content = entries.flatMap(([key, item]) => [encode(key), encode(item)]);
  return Buffer.concat([Buffer.from(control(MAP, entries.length)), ...content]);
};

const SEPARATOR_BYTES = 16;
const MARKER = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");

/** A MaxMind DB of the given networks: `1.2.3.0/24` to a code of a country, or to `continent:AS`. */
export const writeMmdb = (table: NetworkTable, buildEpoch = 1_700_000_000): Buffer => {
  const networks = Object.entries(table).map(([network, value]) => {
    const { address, length } = splitNetwork(network);
    const bits = addressBits(address);
    const front = bits.length === 32 ? new Array<number>(96).fill(0) : [];
    return [[...front, ...bits.slice(0, length)], value] as const;
  });
  const nodes = growTree(networks);
  const offsets = new Map<string, number>();
  const data: Buffer[] = [];
  let dataBytes = 0;
  for (const value of new Set(Object.values(table))) {
    const [kind, code = ""] = value.split(":");
    const record = encode(
      kind === "continent" ? { continent: { code } } : { country: { iso_code: value, names: { en: `Land ${value}` } } },
    );
    offsets.set(value, dataBytes);
    data.push(record);
    dataBytes += record.length;
  }
  const tree = Buffer.alloc(nodes.length * 6);
  for (const [index, { records }] of nodes.entries()) {
    for (const [side, record] of records.entries()) {
      const number =
        record === undefined
          ? nodes.length
          : "node" in record
            ? record.node
            : nodes.length + SEPARATOR_BYTES + (offsets.get(record.value) ?? 0);
      tree.writeUIntBE(number, index * 6 + side * 3, 3);
    }
  }
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: buildEpoch,
    database_type: "Test-Country",
    description: { en: "test" },
    ip_version: 6,
    languages: ["en"],
    node_count: nodes.length,
    record_size: 24,
  });
  return Buffer.concat([tree, Buffer.alloc(SEPARATOR_BYTES), ...data, MARKER, metadata]);
};
