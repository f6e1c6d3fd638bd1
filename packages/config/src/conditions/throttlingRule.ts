import type { ThrottlingAction, ThrottlingBandwidth } from "../bandwidthContract.ts";
import { MAX_AMOUNT, MAX_BOOST_SECONDS, MAX_RATIO } from "../options/bandwidthOptions.ts";
import { parseTimeExpression } from "../syntax/timeExpression.ts";

type Refusal = { readonly ok: false; readonly message: string };
type Outcome<T> = { readonly ok: true; readonly value: T } | Refusal;

const refuse = (message: string): Refusal => ({ ok: false, message });
const accept = <T>(value: T): Outcome<T> => ({ ok: true, value });

/** A number greater than 0 and not above `max`; undefined when it is none. */
const positive = (text: string, max: number): number | undefined => {
  if (!/^\d{1,9}(?:\.\d{1,6})?$/.test(text)) return undefined;
  const value = Number(text);
  return value > 0 && value <= max ? value : undefined;
};

const readBandwidth = (text: string): Outcome<ThrottlingBandwidth> => {
  if (text === "") return accept({ kind: "fixed", amount: undefined });
  const isMedia = /x$/i.test(text);
  const digits = isMedia ? text.slice(0, -1).trim() : text;
  if (isMedia && digits === "") return accept({ kind: "media", otherwise: undefined });
  const amount = positive(digits, MAX_AMOUNT);
  if (amount === undefined) return refuse(`${JSON.stringify(text)} is none of a bandwidth, {bandwidth}x, x and no.`);
  return accept(isMedia ? { kind: "media", otherwise: amount } : { kind: "fixed", amount });
};

const readRatio = (text: string): Outcome<number | undefined> => {
  if (text === "") return accept(undefined);
  const percent = positive(text.replace(/\s*%$/, ""), MAX_RATIO);
  return percent === undefined ? refuse(`${JSON.stringify(text)} is not a percentage.`) : accept(percent);
};

const readBoost = (text: string): Outcome<number | undefined> => {
  if (text === "") return accept(undefined);
  const seconds = parseTimeExpression(text);
  if (seconds === undefined) return refuse(`${JSON.stringify(text)} is not a time expression.`);
  return seconds > MAX_BOOST_SECONDS ? refuse(`${JSON.stringify(text)} is longer than a day.`) : accept(seconds);
};

/** The fields of a line of throttling.txt behind its condition (BW-20 to BW-25). */
export const readThrottling = (field: (index: number) => string): Outcome<ThrottlingAction> => {
  if (field(1).toLowerCase() === "no") return accept({ kind: "none" });
  const bandwidth = readBandwidth(field(1));
  if (!bandwidth.ok) return bandwidth;
  const ratio = readRatio(field(2));
  if (!ratio.ok) return ratio;
  const boost = readBoost(field(3));
  if (!boost.ok) return boost;
  return accept({
    kind: "throttle",
    bandwidth: bandwidth.value,
    ratioPercent: ratio.value,
    boostSeconds: boost.value,
  });
};

const BARE_KIND = /(^|\s&\s+)(?=(?:HEADER|IP|URL)\[)/gi;

/** BW-27, reading A: a kind that lacks its `$` is taken as if it had one. */
export const withDollars = (line: string): string => line.replace(BARE_KIND, "$1$$");
