import { METHOD, type Method } from "./contract.ts";

const CODES: ReadonlyMap<string, Method> = new Map(Object.entries(METHOD).filter(([name]) => name !== "OTHER"));

/** Names are case-sensitive (RFC 9110 9.1): `get` is OTHER. */
export const methodCode = (name: string): Method => CODES.get(name) ?? METHOD.OTHER;
