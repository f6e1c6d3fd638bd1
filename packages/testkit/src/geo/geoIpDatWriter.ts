import { addressBits, growTree, splitNetwork } from "./prefixTree.ts";

/** Numbers of countries by network. */
export type NumberedNetworks = Readonly<Record<string, number>>;

export type DatEdition = "oldest" | "country" | "city";

const COUNTRY_SEGMENTS = 16_776_960;
const NODE_BYTES = 6;
const MARKER = [0xff, 0xff, 0xff];
const CITY_EDITION = 2;

/** A GeoIP database as it was before MaxMind DB, of IPv4 networks; `oldest` tells nothing of itself. */
export const writeGeoIpDat = (table: NumberedNetworks, edition: DatEdition = "country"): Buffer => {
  const networks = Object.entries(table).map(([network, number]) => {
    const { address, length } = splitNetwork(network);
    return [addressBits(address).slice(0, length), String(number)] as const;
  });
  const nodes = growTree(networks);
  const segments = edition === "city" ? nodes.length : COUNTRY_SEGMENTS;
  const tree = Buffer.alloc(nodes.length * NODE_BYTES);
  const cities: number[] = [0];
  for (const [index, { records }] of nodes.entries()) {
    for (const [side, record] of records.entries()) {
      let number = segments;
      if (record !== undefined && "node" in record) number = record.node;
      else if (record !== undefined && edition === "city") number = segments + cities.push(Number(record.value)) - 1;
      else if (record !== undefined) number = segments + Number(record.value);
      tree.writeUIntLE(number, index * NODE_BYTES + side * 3, 3);
    }
  }
  const text = Buffer.from("GEO-TEST Copyright (c) test", "latin1");
  switch (edition) {
    case "oldest":
      return tree;
    case "country":
      return Buffer.concat([tree, text, Buffer.from([...MARKER, 1])]);
    case "city": {
      const count = Buffer.alloc(3);
      count.writeUIntLE(segments, 0, 3);
      return Buffer.concat([tree, Buffer.from(cities), text, Buffer.from([...MARKER, CITY_EDITION]), count]);
    }
  }
};
