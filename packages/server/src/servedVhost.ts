import type { CacheVhost } from "@basalt/cache";
import type { VhostSettings } from "@basalt/config";
import {
  type CompressionRules,
  type ConnectionDecision,
  type ConnectionRules,
  compileCompression,
  compileConnectionRules,
  compileKeyRules,
  compileMethodRules,
  type KeyRules,
  type MethodRules,
} from "@basalt/policy";

/** A virtual host ready to serve: its rules compiled once per configuration. */
export interface ServedVhost {
  readonly settings: VhostSettings;
  readonly cache: CacheVhost;
  readonly keyRules: KeyRules;
  readonly methodRules: MethodRules;
  readonly connectionRules: ConnectionRules;
  /** What most requests get: prepared responses carry these lines. Undefined where each response differs (HTTP-10). */
  readonly standardConnection: ConnectionDecision | undefined;
  readonly compression: CompressionRules | undefined;
  /** Offset of its counters. */
  readonly counters: number;
}

export const compileServedVhost = (settings: VhostSettings, cache: CacheVhost): ServedVhost => {
  const connectionRules = compileConnectionRules(settings.options);
  const counted = settings.options.keepAliveHeader && settings.options.keepAliveHeaderMax > 0;
  return {
    settings,
    cache,
    keyRules: compileKeyRules(settings),
    methodRules: compileMethodRules(settings),
    connectionRules,
    standardConnection: counted ? undefined : connectionRules(0, 1, 0),
    compression: settings.options.compression.enabled ? compileCompression(settings) : undefined,
    counters: cache.counters,
  };
};
