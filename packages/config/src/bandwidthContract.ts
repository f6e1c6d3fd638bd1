import type { Condition } from "./contract.ts";

/** BW-12: bits count in thousands, bytes in 1024. */
export type BandwidthUnit = "kbps" | "mbps" | "bytes" | "kb" | "mb";

/** BW-01, BW-02; 0: without limit. */
export interface TrafficCapSettings {
  /** Of all clients of the virtual host together. */
  readonly megabits: number;
  /** Of one client connection. */
  readonly sessionKilobits: number;
}

/** BW-10 to BW-15, BW-30, BW-31. `param`: the query parameter that redefines a value. */
export interface ThrottlingSettings {
  readonly enabled: boolean;
  readonly queryString: boolean;
  readonly bandwidth: { readonly amount: number; readonly unit: BandwidthUnit; readonly param: string };
  readonly ratio: { readonly percent: number; readonly param: string };
  readonly boost: { readonly seconds: number; readonly param: string };
}

/** What a line of throttling.txt says of the bandwidth, in the unit of `<Bandwidth>`; undefined: as in `<Settings>`. */
export type ThrottlingBandwidth =
  | { readonly kind: "fixed"; readonly amount: number | undefined }
  /** The bit rate of the media file, where that is known (BW-24, BW-25). */
  | { readonly kind: "media"; readonly otherwise: number | undefined };

/** What a line does with the requests that match it; undefined values are those of `<Settings>` (BW-21). */
export type ThrottlingAction =
  | { readonly kind: "none" }
  | {
      readonly kind: "throttle";
      readonly bandwidth: ThrottlingBandwidth;
      readonly ratioPercent: number | undefined;
      readonly boostSeconds: number | undefined;
    };

/** One line of throttling.txt (BW-20). */
export interface ThrottlingRule {
  readonly condition: Condition;
  readonly action: ThrottlingAction;
  readonly line: number;
}
