import { extname } from "node:path";
import { openGeoIpDat } from "./geoIpDat.ts";
import { openMmdb } from "./mmdb.ts";

/** A file that knows the countries of addresses. */
export interface CountryDatabase {
  /** What it is, for the log. */
  readonly description: string;
  /** Code of a country or region in upper case; undefined for addresses that it does not know. */
  countryOf(address: string): string | undefined;
}

const OPENERS: ReadonlyMap<string, (bytes: Buffer) => CountryDatabase> = new Map([
  [".mmdb", openMmdb],
  [".dat", openGeoIpDat],
]);

const openerOf = (fileName: string) => OPENERS.get(extname(fileName).toLowerCase());

export const isDatabaseName = (fileName: string): boolean => openerOf(fileName) !== undefined;

/** Addresses all over the space: a file that was cut off, or is none, fails at one of them. */
const PROBES: readonly string[] = [
  ...Array.from({ length: 64 }, (_, index) => `${index * 4}.${(index * 37) % 256}.0.1`),
  ...Array.from({ length: 16 }, (_, index) => `2${index.toString(16)}01:db8::1`),
];

/** Throws when the file cannot be used. */
export const openCountryDatabase = (fileName: string, bytes: Buffer): CountryDatabase => {
  const open = openerOf(fileName);
  if (open === undefined) throw new Error("is of an unknown kind");
  const database = open(bytes);
  for (const address of PROBES) database.countryOf(address);
  return database;
};
