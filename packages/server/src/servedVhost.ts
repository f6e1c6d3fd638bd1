import type { CacheVhost } from "@basalt/cache";
import type { VhostSettings } from "@basalt/config";
import {
  type CompressionRules,
  type ConnectionDecision,
  type ConnectionRules,
  compileCompression,
  compileConnectionRules,
  compileExpiresRules,
  compileHeaderRules,
  compileKeyRules,
  compileMethodRules,
  compilePostSelector,
  type ExpiresRules,
  type HeaderRules,
  type KeyRules,
  type MethodRules,
  type PostSelector,
} from "@basalt/policy";
import { hasRulesPerResponse } from "./delivery/responseFields.ts";
import { SearchRules } from "./searchRules.ts";

/** A virtual host ready to serve: its rules compiled once per configuration. */
export interface ServedVhost {
  readonly settings: VhostSettings;
  readonly cache: CacheVhost;
  readonly keyRules: KeyRules;
  readonly methodRules: MethodRules;
  readonly connectionRules: ConnectionRules;
  /** What most requests get: prepared responses carry these lines. Undefined where each response differs (HTTP-10, HTTP-45). */
  readonly standardConnection: ConnectionDecision | undefined;
  readonly compression: CompressionRules | undefined;
  readonly headerRules: HeaderRules | undefined;
  readonly expiresRules: ExpiresRules | undefined;
  /** For a POST that is cached (KEY-12). */
  readonly postSelector: PostSelector;
  /** No-Vary-Search. */
  readonly searchRules: SearchRules;
  /** Offset of its counters. */
  readonly counters: number;
  /** Of those of loopback clients, where these count apart; -1 before the first. */
  localCounters: number;
}

export const compileServedVhost = (settings: VhostSettings, cache: CacheVhost): ServedVhost => {
  const connectionRules = compileConnectionRules(settings.options);
  const headerRules = compileHeaderRules(settings);
  const counted = settings.options.keepAliveHeader && settings.options.keepAliveHeaderMax > 0;
  return {
    settings,
    cache,
    keyRules: compileKeyRules(settings),
    methodRules: compileMethodRules(settings),
    connectionRules,
    standardConnection: counted || hasRulesPerResponse({ headerRules }) ? undefined : connectionRules(0, 1, 0),
    compression: settings.options.compression.enabled ? compileCompression(settings) : undefined,
    headerRules,
    expiresRules: compileExpiresRules(settings),
    postSelector: compilePostSelector(settings),
    searchRules: new SearchRules(),
    counters: cache.counters,
    localCounters: -1,
  };
};
