import type { CacheVhost } from "@basalt/cache";
import { type ContentCoding, recordsHeads, type StatsOptions, type VhostSettings } from "@basalt/config";
import {
  type CodingChoice,
  type CompressionRules,
  type ConnectionDecision,
  type ConnectionRules,
  codingsOf,
  compileCodingChoice,
  compileCompression,
  compileConnectionRules,
  compileCors,
  compileDerivations,
  compileExpiresRules,
  compileHeaderRules,
  compileKeyRules,
  compileMethodRules,
  compilePostSelector,
  compileRequestSelection,
  compileSubPaths,
  type DerivationRules,
  type ExpiresRules,
  type HeaderRules,
  type KeyRules,
  type MethodRules,
  type PostSelector,
  type RequestSelector,
  type SubPaths,
  withCors,
} from "@basalt/policy";
import type { TracingRules } from "@basalt/telemetry";
import type { OverloadGuard } from "./access/overloadGate.ts";
import { RateLimits } from "./access/rateLimits.ts";
import { compileVhostAccess, type VhostAccess } from "./access/vhostAccess.ts";
import { hasRulesPerResponse } from "./delivery/responseFields.ts";
import { HotCopies } from "./hotCopies.ts";
import type { VhostBandwidth } from "./pacing/vhostBandwidth.ts";
import { SearchRules } from "./searchRules.ts";

/** Who counts and logs the client side of a request: its virtual host, or the facade that it was addressed to. */
export interface BookedVhost {
  readonly name: string;
  readonly stats: StatsOptions;
  /** Offset of its counters. */
  readonly counters: number;
  /** Those of clients that count apart, made at their first request (`clientBlockOf`). */
  readonly blocks: (number | undefined)[];
  /** The heads of its transactions are logged (AWS-91). */
  readonly isRecorded: boolean;
}

/** A virtual host ready to serve: its rules compiled once per configuration. */
export interface ServedVhost extends BookedVhost {
  readonly settings: VhostSettings;
  readonly cache: CacheVhost;
  /** Undefined: everybody may have everything. */
  readonly access: VhostAccess | undefined;
  readonly keyRules: KeyRules;
  readonly methodRules: MethodRules;
  readonly connectionRules: ConnectionRules;
  /** What most requests get: prepared responses carry these lines. Undefined where each response differs (HTTP-10, HTTP-45). */
  readonly standardConnection: ConnectionDecision | undefined;
  readonly compression: CompressionRules | undefined;
  /** Undefined as `compression` is. */
  readonly codingChoice: CodingChoice | undefined;
  /** All that the choice may give. */
  readonly codings: readonly ContentCoding[] | undefined;
  /** Undefined: compressed copies stay as they were made first. */
  readonly hotCopies: HotCopies | undefined;
  /** What its URLs may ask to be made of its objects; undefined: nothing. */
  readonly derivations: DerivationRules | undefined;
  readonly headerRules: HeaderRules | undefined;
  readonly expiresRules: ExpiresRules | undefined;
  /** For a POST that is cached (KEY-12). */
  readonly postSelector: PostSelector;
  /** Other hosts that handle some of its paths (VHT-30). */
  readonly subPaths: SubPaths | undefined;
  /** Undefined: its requests have no traces. */
  readonly tracing: TracingRules | undefined;
  /** Undefined: its responses go as fast as they can. */
  readonly bandwidth: VhostBandwidth | undefined;
  /** No-Vary-Search. */
  readonly searchRules: SearchRules;
  /** What of fields and cookies counts; undefined: all that Vary names (AWS-54). */
  readonly requestSelector: RequestSelector | undefined;
  /** Undefined: any number of requests may be in progress. */
  readonly overload: OverloadGuard | undefined;
  /** Some origin servers are for clients of some countries. */
  readonly originsByCountry: boolean;
}

export const compileServedVhost = (
  settings: VhostSettings,
  cache: CacheVhost,
  tracing?: TracingRules,
  rateLimits: RateLimits = new RateLimits(),
  bandwidth?: VhostBandwidth,
  overload?: OverloadGuard,
): ServedVhost => {
  const connectionRules = compileConnectionRules(settings.options);
  const headerRules = withCors(compileHeaderRules(settings), compileCors(settings.options.access.cors));
  const compression = settings.options.compression.enabled ? compileCompression(settings) : undefined;
  const counted = settings.options.keepAliveHeader && settings.options.keepAliveHeaderMax > 0;
  return {
    name: settings.name,
    stats: settings.stats,
    settings,
    cache,
    access: compileVhostAccess(settings, rateLimits),
    keyRules: compileKeyRules(settings),
    methodRules: compileMethodRules(settings),
    connectionRules,
    standardConnection: counted || hasRulesPerResponse({ headerRules }) ? undefined : connectionRules(0, 1, 0),
    compression,
    codingChoice: compression === undefined ? undefined : compileCodingChoice(settings),
    codings: compression === undefined ? undefined : codingsOf(settings),
    hotCopies: compression !== undefined && settings.options.compression.precompresses ? new HotCopies() : undefined,
    derivations: compileDerivations(settings),
    headerRules,
    expiresRules: compileExpiresRules(settings),
    postSelector: compilePostSelector(settings),
    subPaths: compileSubPaths(settings.subPaths),
    tracing,
    bandwidth,
    searchRules: new SearchRules(),
    requestSelector: compileRequestSelection(settings.options),
    overload,
    originsByCountry: [...settings.origin.addresses, ...settings.origin.standby].some(
      ({ countries }) => countries.length > 0,
    ),
    counters: cache.counters,
    blocks: [],
    isRecorded: recordsHeads(settings.logs),
  };
};
