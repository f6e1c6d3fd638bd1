import { FIELD, type FieldBlock, METHOD, type Method } from "@basalt/http";
import {
  compileCachingRules,
  type RequestFacts,
  type ResponseFacts,
  requestFacts,
  responseFacts,
} from "../src/index.ts";
import { type VhostChanges, vhostWith } from "./settings.ts";

export { compileCachingRules };

export type Fields = Readonly<Record<string, string | undefined>>;

/** 2026-01-01, when everything in these tests arrives. */
export const ARRIVAL_MS = Date.UTC(2026, 0, 1);

export const flat = (fields: Fields): string[] =>
  Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));

export const responseOf = (status: number, fields: Fields): ResponseFacts =>
  responseFacts(status, flat(fields), ARRIVAL_MS);

const FLAGS: ReadonlyMap<string, number> = new Map([
  ["cache-control", FIELD.CACHE_CONTROL],
  ["pragma", FIELD.CACHE_CONTROL],
  ["authorization", FIELD.AUTHORIZATION],
]);

const blockOf = (fields: Fields): Pick<FieldBlock, "flags" | "get"> => ({
  flags: Object.keys(fields).reduce((flags, name) => flags | (FLAGS.get(name) ?? 0), 0),
  get: (name) => fields[name],
});

export const requestOf = (method: Method, fields: Fields = {}): RequestFacts => requestFacts(method, blockOf(fields));

export const EMPTY_REQUEST = requestOf(METHOD.GET);

export const sharedRules = (changes: VhostChanges = {}) =>
  compileCachingRules(
    vhostWith({ ...changes, options: { cachingProfile: "rfc9111", varyHeader: ["*"], ...changes.options } }),
  );
