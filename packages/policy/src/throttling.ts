import type { BandwidthUnit, ThrottlingBandwidth, ThrottlingSettings, VhostSettings } from "@basalt/config";
import type { ConditionRequest } from "./conditions.ts";
import { compileRuleSet } from "./ruleSet.ts";
import { throttlingValuesIn } from "./throttlingQuery.ts";

/** How a response is slowed down (spec 16.2), before it is known what a media file needs. */
export interface Throttle {
  /** Before the ratio; the one to use when `isMediaRate` and the bit rate of the file is unknown. */
  readonly bytesPerSecond: number;
  /** The bit rate of the media file counts instead (BW-24 to BW-26). */
  readonly isMediaRate: boolean;
  readonly ratio: number;
  readonly boostSeconds: number;
}

/** What a throttled response may do. */
export interface Pace {
  readonly bytesPerSecond: number;
  /** Leaves without limit, behind a media header (BW-14). */
  readonly boostBytes: number;
}

export interface ThrottlingRules {
  /** Undefined: the response is not throttled. */
  decide(request: ConditionRequest): Throttle | undefined;
}

/** BW-12: thousands for bits, 1024 for bytes. */
const BYTES_PER_SECOND: Readonly<Record<BandwidthUnit, number>> = {
  kbps: 125,
  mbps: 125_000,
  bytes: 1,
  kb: 1024,
  mb: 1024 * 1024,
};

/** Slower than this a client would be taken for dead, and one that asks for it itself would hold a connection for nothing. */
const LEAST_BYTES_PER_SECOND = 125;

/** BW-15; undefined for a host that never throttles. */
export const compileThrottling = (vhost: VhostSettings): ThrottlingRules | undefined => {
  const { throttling: settings, caseSensitive } = vhost.options;
  if (!settings.enabled) return undefined;
  const rules = compileRuleSet(vhost.conditions.throttling, caseSensitive);
  if (rules.size === 0 && !settings.queryString) return undefined;
  const factor = BYTES_PER_SECOND[settings.bandwidth.unit];
  return {
    decide: (request) => {
      const action = rules.first(request)?.action;
      if (action?.kind === "none") return undefined;
      const asked = settings.queryString
        ? throttlingValuesIn(request.pathAndQuery, settings, caseSensitive)
        : undefined;
      if (action === undefined && asked === undefined) return undefined;
      const amount = asked?.amount ?? amountOf(action?.bandwidth, settings);
      const isMediaRate = asked?.amount === undefined && action?.bandwidth.kind === "media" && isOfMedia(request.path);
      return {
        bytesPerSecond: amount * factor,
        isMediaRate,
        ratio: (asked?.percent ?? action?.ratioPercent ?? settings.ratio.percent) / 100,
        boostSeconds: asked?.boostSeconds ?? action?.boostSeconds ?? settings.boost.seconds,
      };
    },
  };
};

const amountOf = (bandwidth: ThrottlingBandwidth | undefined, { bandwidth: { amount } }: ThrottlingSettings): number =>
  (bandwidth?.kind === "media" ? bandwidth.otherwise : bandwidth?.amount) ?? amount;

/** BW-26. */
export const isMediaPath = (path: string): boolean => /\.(?:mp4|m4a|mp3)$/i.test(path);

/** A media file, or what is made of one under its name. */
const isOfMedia = (path: string): boolean => /\.(?:mp4|m4a|mp3)(?:$|\/)/i.test(path);

/** BW-13, BW-14; `mediaBytesPerSecond`: the bit rate of the file, where it is known. */
export const paceOf = (throttle: Throttle, mediaBytesPerSecond: number | undefined): Pace => {
  const base = (throttle.isMediaRate ? mediaBytesPerSecond : undefined) ?? throttle.bytesPerSecond;
  const bytesPerSecond = Math.max(LEAST_BYTES_PER_SECOND, base * throttle.ratio);
  return { bytesPerSecond, boostBytes: Math.floor(bytesPerSecond * throttle.boostSeconds) };
};
