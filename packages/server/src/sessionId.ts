import { randomInt } from "node:crypto";

const HALF = 2 ** 32;

/** The upper half tells the processes of a host apart, and this process from those before it. */
const processPart = BigInt(randomInt(1, HALF)) << 32n;

let last = 0;

/** A number for the next client connection of this process; it begins anew after 2^32 of them. */
export const nextSessionNumber = (): number => {
  last = (last + 1) % HALF;
  return last;
};

/** The id that logs show of a connection (HTTP-41): unsigned 64-bit. Made when it is asked for: few requests need it. */
export const sessionIdOf = (sessionNumber: number): bigint => processPart | BigInt(sessionNumber);
