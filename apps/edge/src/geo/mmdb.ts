import { type CountryResponse, Reader } from "mmdb-lib";
import type { CountryDatabase } from "./countryDatabase.ts";

/** Ends the data section; the metadata follow it, within so many bytes of the end of the file. */
const METADATA_MARKER = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");
const METADATA_SECTION_BYTES = 128 * 1024;

/** Decoded records by where they lie: a database of countries has some hundreds, one of cities very many. */
const MOST_RECORDS = 4_096;

/** Continents under the codes that older databases have for addresses of no one country. */
const REGION_OF_CONTINENT: ReadonlyMap<unknown, string> = new Map([
  ["AS", "AP"],
  ["OC", "AP"],
  ["EU", "EU"],
]);

const propertyOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;

const codeOf = (value: unknown): string | undefined =>
  typeof value === "string" && /^[A-Za-z][A-Za-z0-9]$/.test(value) ? value.toUpperCase() : undefined;

/** The databases of several makers: `country.iso_code`, or a code itself as `country` or `country_code`. */
const countryIn = (record: unknown): string | undefined => {
  const country = propertyOf(record, "country");
  const continent = propertyOf(propertyOf(record, "continent"), "code");
  return (
    codeOf(propertyOf(country, "iso_code")) ??
    codeOf(country) ??
    codeOf(propertyOf(record, "country_code")) ??
    codeOf(propertyOf(propertyOf(record, "registered_country"), "iso_code")) ??
    REGION_OF_CONTINENT.get(continent)
  );
};

/** A MaxMind DB file (GeoLite2, GeoIP2, DB-IP and others). Throws when the bytes are none. */
export const openMmdb = (bytes: Buffer): CountryDatabase => {
  const tail = bytes.subarray(Math.max(0, bytes.length - METADATA_SECTION_BYTES));
  if (tail.lastIndexOf(METADATA_MARKER) < 0) throw new Error("has no metadata: it is no MaxMind DB, or not complete");
  const records = new Map<string | number, unknown>();
  const reader = new Reader<CountryResponse>(bytes, {
    cache: {
      get: (place) => records.get(place),
      set: (place, record) => {
        if (records.size >= MOST_RECORDS) records.clear();
        records.set(place, record);
      },
    },
  });
  const { searchTreeSize, databaseType, ipVersion } = reader.metadata;
  if (!Number.isInteger(searchTreeSize) || searchTreeSize >= bytes.length) throw new Error("is not complete");
  return {
    description: databaseType,
    countryOf: (address) => (ipVersion === 4 && address.includes(":") ? undefined : countryIn(reader.get(address))),
  };
};
