import type { ThrottlingSettings, TrafficCapSettings } from "../bandwidthContract.ts";
import { type OptionTable, option } from "./option.ts";
import { duration, oneOf, onOff, type ValueType } from "./valueTypes.ts";

const refuse = (text: string, reason: string) => ({
  ok: false as const,
  message: `${JSON.stringify(text.slice(0, 100))} ${reason}.`,
});

const decimal = ({ min, max }: { readonly min: number; readonly max: number }, unit: string): ValueType<number> => ({
  name: unit === "" ? "number" : unit,
  allowed: `a number, ${min} to ${max}${unit === "" ? "" : ` (${unit})`}`,
  emptyIsValue: false,
  shape: { kind: "pattern", pattern: "[0-9]{1,9}(\\.[0-9]{1,6})?" },
  parse: (text) => {
    if (!/^\d{1,9}(?:\.\d{1,6})?$/.test(text)) return refuse(text, "is not a number");
    const value = Number(text);
    if (value < min) return refuse(text, `is below ${min}`);
    return value > max ? refuse(text, `is above ${max}`) : { ok: true, value };
  },
  format: String,
});

/** Far beyond any network card. */
const MAX_MEGABITS = 1_000_000;
const MAX_KILOBITS = 100_000_000;
export const MAX_AMOUNT = 100_000_000;
export const MAX_RATIO = 10_000;
/** A day of data in front: more is no throttling. */
export const MAX_BOOST_SECONDS = 86_400;

const parameterName: ValueType<string> = {
  name: "name",
  allowed: "the name of a query parameter",
  emptyIsValue: false,
  parse: (text) =>
    /^[!"$%'-<>@-~]{1,100}$/.test(text)
      ? { ok: true, value: text }
      : refuse(text, "cannot be the name of a query parameter"),
  format: (value) => value,
};

const parameter = (element: string, name: string) =>
  option(`BandwidthThrottling/Settings/${element}@Param`, parameterName, name, {
    doc: `Query parameter that redefines \`<${element}>\` for a request.`,
    spec: "BW-31",
  });

/** Places are relative to `<Options>`. */
export const TRAFFIC_CAP_OPTIONS: OptionTable<TrafficCapSettings> = {
  megabits: option<number>("TrafficCap", decimal({ min: 0, max: MAX_MEGABITS }, "Mbps"), 0, {
    doc: "Most that all clients of the virtual host get together; 0: without limit.",
    spec: "BW-01",
  }),
  sessionKilobits: option<number>("TrafficCap@Session", decimal({ min: 0, max: MAX_KILOBITS }, "Kbps"), 0, {
    doc: "Most that one client connection gets; 0: without limit.",
    spec: "BW-02",
  }),
};

/** Places are relative to `<Options>`. */
export const THROTTLING_OPTIONS: OptionTable<ThrottlingSettings> = {
  enabled: option<boolean>("BandwidthThrottling/Throttling", onOff, false, {
    doc: "Whether throttling.txt, and with `QueryString` the URL, slow responses down.",
    spec: "BW-15",
  }),
  queryString: option<boolean>("BandwidthThrottling/Throttling@QueryString", onOff, false, {
    doc: "Whether the query string may redefine bandwidth, ratio and boost; their parameters are no part of the key then.",
    spec: "BW-30",
  }),
  bandwidth: {
    amount: option<number>(
      "BandwidthThrottling/Settings/Bandwidth",
      decimal({ min: 0.001, max: MAX_AMOUNT }, ""),
      1_000,
      { doc: "Bandwidth of throttled responses, in the unit of `Unit`.", spec: "BW-11" },
    ),
    unit: option("BandwidthThrottling/Settings/Bandwidth@Unit", oneOf("kbps", "mbps", "bytes", "kb", "mb"), "kbps", {
      doc: "Unit of `<Bandwidth>`, of throttling.txt and of the query string: `kbps` and `mbps` are 1000 and 1000000 bits a second, `bytes`, `kb` and `mb` 1, 1024 and 1048576 bytes.",
      spec: "BW-12",
    }),
    param: parameter("Bandwidth", "bandwidth"),
  },
  ratio: {
    percent: option<number>(
      "BandwidthThrottling/Settings/Ratio",
      decimal({ min: 0.01, max: MAX_RATIO }, "percent"),
      100,
      {
        doc: "Percentage of the bandwidth that is used.",
        spec: "BW-13",
      },
    ),
    param: parameter("Ratio", "ratio"),
  },
  boost: {
    seconds: option<number>("BandwidthThrottling/Settings/Boost", duration({ min: 0, max: MAX_BOOST_SECONDS }), 5, {
      doc: "So many seconds of data are sent without limit, before throttling begins.",
      spec: "BW-14",
    }),
    param: parameter("Boost", "boost"),
  },
};
