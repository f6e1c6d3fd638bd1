import { type IpNumber, parseIpAddress } from "@basalt/config";
import type { CountryDatabase } from "./countryDatabase.ts";

/**
 * GeoIP databases as they were before MaxMind DB: a binary tree over the bits of the address, two records of three bytes
 * (little endian) per node, the left one for a bit that is 0. A record below `segments` names a node; from there on it
 * is an answer: the number of a country, or where the record of a city lies. Behind the tree of a database that is not
 * of the oldest kind stand three bytes 0xFF, its edition, and for cities the number of segments.
 */
const RECORD_BYTES = 3;
const NODE_BYTES = 2 * RECORD_BYTES;
const COUNTRY_SEGMENTS = 16_776_960;
/** Within so many bytes of the end. */
const STRUCTURE_INFO_BYTES = 20;
/** Added to the edition in databases of a certain age. */
const EDITION_OFFSET = 105;

interface Edition {
  readonly name: string;
  readonly bits: 32 | 128;
  readonly hasCities: boolean;
}

const EDITIONS: ReadonlyMap<number, Edition> = new Map([
  [1, { name: "GeoIP country", bits: 32, hasCities: false }],
  [2, { name: "GeoIP city", bits: 32, hasCities: true }],
  [6, { name: "GeoIP city", bits: 32, hasCities: true }],
  [12, { name: "GeoIP country, IPv6", bits: 128, hasCities: false }],
  [17, { name: "GeoIP country", bits: 32, hasCities: false }],
  [18, { name: "GeoIP country, IPv6", bits: 128, hasCities: false }],
  [30, { name: "GeoIP city, IPv6", bits: 128, hasCities: true }],
  [31, { name: "GeoIP city, IPv6", bits: 128, hasCities: true }],
]);

/** By the numbers of the databases; 0 is no country. */
const COUNTRIES: readonly string[] = (
  "-- AP EU AD AE AF AG AI AL AM CW AO AQ AR AS AT AU AW AZ BA BB BD BE BF BG BH BI BJ BM BN BO BR BS BT BV BW BY BZ CA " +
  "CC CD CF CG CH CI CK CL CM CN CO CR CU CV CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR SX GA GB " +
  "GD GE GF GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IN IO IQ IR IS IT JM JO JP KE KG KH KI KM " +
  "KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA " +
  "NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RU RW SA SB SC SD SE SG SH SI " +
  "SJ SK SL SM SN SO SR ST SV SY SZ TC TD TF TG TH TJ TK TM TN TO TL TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN " +
  "VU WF WS YE YT RS ZA ZM ME ZW A1 A2 O1 AX GG IM JE BL MF BQ SS O1"
).split(" ");

interface Structure {
  readonly edition: Edition;
  readonly segments: number;
}

const readStructure = (bytes: Buffer): Structure => {
  const first = Math.max(0, bytes.length - RECORD_BYTES - STRUCTURE_INFO_BYTES + 1);
  for (let place = bytes.length - RECORD_BYTES - 1; place >= first; place--) {
    if (bytes.readUIntLE(place, RECORD_BYTES) !== 0xff_ffff) continue;
    const code = bytes.readUInt8(place + RECORD_BYTES);
    const edition = EDITIONS.get(code > EDITION_OFFSET ? code - EDITION_OFFSET : code);
    if (edition === undefined) throw new Error(`is of edition ${code}, which names no countries`);
    if (!edition.hasCities) return { edition, segments: COUNTRY_SEGMENTS };
    const segments = bytes.readUIntLE(place + RECORD_BYTES + 1, RECORD_BYTES);
    if (segments * NODE_BYTES > place) throw new Error("is not complete");
    return { edition, segments };
  }
  return { edition: { name: "GeoIP country", bits: 32, hasCities: false }, segments: COUNTRY_SEGMENTS };
};

/** Throws when the bytes are no such database; so does a lookup that comes to a place which is not there. */
export const openGeoIpDat = (bytes: Buffer): CountryDatabase => {
  if (bytes.length < NODE_BYTES) throw new Error("is too short");
  const { edition, segments } = readStructure(bytes);
  const { bits, hasCities } = edition;

  const answerFor = (isOne: (bit: number) => boolean): number => {
    let node = 0;
    for (let bit = bits - 1; bit >= 0; bit--) {
      const isRight = isOne(bit);
      const record = bytes.readUIntLE(node * NODE_BYTES + (isRight ? RECORD_BYTES : 0), RECORD_BYTES);
      if (record >= segments) return record;
      node = record;
    }
    throw new Error("has a tree that does not end");
  };

  /** Records of cities lie behind the tree; the first byte is the country. */
  const countryNumber = (answer: number): number => {
    if (!hasCities) return answer - segments;
    return answer === segments ? 0 : bytes.readUInt8(answer + (NODE_BYTES - 1) * segments);
  };

  return {
    description: edition.name,
    countryOf: (address) => {
      const parsed = parseIpAddress(address);
      if (parsed === undefined || (parsed.family === 4) !== (bits === 32)) return undefined;
      const number = countryNumber(answerFor(bitsOf(parsed)));
      return number === 0 ? undefined : COUNTRIES[number];
    },
  };
};

/** The bits of an address, 0 the last. */
const bitsOf = (address: IpNumber): ((bit: number) => boolean) =>
  address.family === 4
    ? (bit) => ((address.value >>> bit) & 1) === 1
    : (bit) => ((address.value >> BigInt(bit)) & 1n) === 1n;
