import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readThrottling } from "../src/conditions/throttlingRule.ts";
import { accept, onlyVhost, problemsOf, vhost, warningsOf } from "./support.ts";

const FILE = "svc/www.example.com/throttling.txt";

const read = (text: string) => onlyVhost(accept({ [FILE]: text })).conditions.throttling;

const actionOf = (line: string) => read(line)[0]?.action;

const optionsOf = (content: string) =>
  onlyVhost(accept({ "vhosts.xml": `<Vhosts>${vhost(`<Options>${content}</Options>`)}</Vhosts>` })).options;

const FIXED = { kind: "fixed", amount: undefined } as const;

describe("throttling.txt", () => {
  it.each([
    [
      "$IP[192.168.1.1], 2000, 150, 3",
      { bandwidth: { kind: "fixed", amount: 2000 }, ratioPercent: 150, boostSeconds: 3 },
    ],
    ["!HEADER[referer], 800", { bandwidth: { kind: "fixed", amount: 800 } }],
    ["HEADER[cookie], , , 10", { bandwidth: FIXED, boostSeconds: 10 }],
    ["/a.mp4", { bandwidth: FIXED }],
    [
      "$URL[/vod/*.mp4], 1000x, 120, 5",
      { bandwidth: { kind: "media", otherwise: 1000 }, ratioPercent: 120, boostSeconds: 5 },
    ],
    ["!HEADER[user-agent], 500x", { bandwidth: { kind: "media", otherwise: 500 } }],
    ["$URL[/low_quality/*], x, 200", { bandwidth: { kind: "media", otherwise: undefined }, ratioPercent: 200 }],
    ["/a, 1.5, 50%, 2 min", { bandwidth: { kind: "fixed", amount: 1.5 }, ratioPercent: 50, boostSeconds: 120 }],
    ["/a, 10, 100, 0", { bandwidth: { kind: "fixed", amount: 10 }, ratioPercent: 100, boostSeconds: 0 }],
  ])("BW-20 BW-21 BW-24 BW-25 BW-17 reads %s", (line, action) => {
    expect(actionOf(line)).toEqual({ kind: "throttle", ratioPercent: undefined, boostSeconds: undefined, ...action });
  });

  it("BW-23 reads an exemption", () => {
    expect(actionOf("$URL[*.m4a], no")).toEqual({ kind: "none" });
    expect(actionOf("/a, NO, 100, 5")).toEqual({ kind: "none" });
  });

  it.each([
    ["HEADER[cookie], 5", [{ kind: "header", name: "cookie", value: { kind: "exists" }, negated: false }]],
    ["url[/a,b], 5", [{ kind: "url", pattern: "/a,b", withQuery: false, negated: false }]],
    [
      "/a & IP[10.0.0.1], 5",
      [
        { kind: "url", pattern: "/a", withQuery: false, negated: false },
        { kind: "ip", pattern: "10.0.0.1", negated: false },
      ],
    ],
  ])("BW-27 takes %s as if its dollar were there", (line, terms) => {
    expect(read(line)[0]?.condition.terms).toEqual(terms);
  });

  it.each([
    "/a, 0",
    "/a, -5",
    "/a, fast",
    "/a, 5, none",
    "/a, 5, 0",
    "/a, 5, 5, soon",
    "/a, 5, 5, 2 days",
    "/a, 1, 1, 1, 1",
    "a, 5",
  ])("skips %s with a warning", (line) => {
    expect(read(line)).toEqual([]);
    expect(warningsOf({ [FILE]: line }).join()).toContain("throttling.txt");
  });

  it("takes any text without harm, and what it reads is sound", () => {
    const field = fc.string({ unit: fc.constantFrom(..."0123456789.x% secno-"), maxLength: 12 });
    fc.assert(
      fc.property(fc.array(field, { maxLength: 4 }), (fields) => {
        const outcome = readThrottling((index) => fields[index] ?? "");
        if (!outcome.ok || outcome.value.kind === "none") return;
        const { bandwidth, ratioPercent = 1, boostSeconds = 1 } = outcome.value;
        const amount = (bandwidth.kind === "fixed" ? bandwidth.amount : bandwidth.otherwise) ?? 1;
        expect(amount > 0 && ratioPercent > 0 && boostSeconds >= 0).toBe(true);
      }),
    );
  });
});

describe("bandwidth options", () => {
  it("BW-01 BW-02 BW-10 BW-11 BW-13 BW-14 BW-15 BW-30 BW-31 have the guide's defaults", () => {
    const { trafficCap, throttling } = optionsOf("");
    expect(trafficCap).toEqual({ megabits: 0, sessionKilobits: 0 });
    expect(throttling).toEqual({
      enabled: false,
      queryString: false,
      bandwidth: { amount: 1000, unit: "kbps", param: "bandwidth" },
      ratio: { percent: 100, param: "ratio" },
      boost: { seconds: 5, param: "boost" },
    });
  });

  it("BW-02 BW-10 BW-12 BW-17 BW-30 BW-31 are read", () => {
    const { trafficCap, throttling } = optionsOf(`
      <TrafficCap Session="2000">0.5</TrafficCap>
      <BandwidthThrottling>
        <Settings>
          <Bandwidth Param="mybandwidth" Unit="MBPS">2</Bandwidth><Ratio Param="myratio">130</Ratio><Boost Param="myboost">10 secs</Boost>
        </Settings>
        <Throttling QueryString="ON">ON</Throttling>
      </BandwidthThrottling>`);
    expect(trafficCap).toEqual({ megabits: 0.5, sessionKilobits: 2000 });
    expect(throttling).toEqual({
      enabled: true,
      queryString: true,
      bandwidth: { amount: 2, unit: "mbps", param: "mybandwidth" },
      ratio: { percent: 130, param: "myratio" },
      boost: { seconds: 10, param: "myboost" },
    });
  });

  it.each([
    "<TrafficCap>fast</TrafficCap>",
    '<TrafficCap Session="-1">5</TrafficCap>',
    "<BandwidthThrottling><Settings><Bandwidth>0</Bandwidth></Settings></BandwidthThrottling>",
    '<BandwidthThrottling><Settings><Bandwidth Unit="byteskbmb">5</Bandwidth></Settings></BandwidthThrottling>',
    '<BandwidthThrottling><Settings><Boost Param="a=b">5</Boost></Settings></BandwidthThrottling>',
    "<BandwidthThrottling><Settings><Ratio>many</Ratio></Settings></BandwidthThrottling>",
  ])("refuses %s", (content) => {
    expect(problemsOf({ "vhosts.xml": `<Vhosts>${vhost(`<Options>${content}</Options>`)}</Vhosts>` })).not.toEqual([]);
  });
});
