import { parseConfig, type VhostSettings } from "@basalt/config";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileKeyRules, compileThrottling, paceOf } from "../src/index.ts";
import { requestFor } from "./settings.ts";

const HOST = "www.example.com";

interface Written {
  readonly settings?: string;
  readonly throttling?: string;
  readonly lines?: string;
  readonly more?: string;
}

const hostWith = ({ settings = "", throttling = "<Throttling>ON</Throttling>", lines = "", more = "" }: Written) => {
  const options = `<Options>${more}<BandwidthThrottling><Settings>${settings}</Settings>${throttling}</BandwidthThrottling></Options>`;
  const sources = new Map([
    ["server.xml", "<Server><Cache><Storage><Disk>/d/</Disk></Storage></Cache></Server>"],
    [
      "vhosts.xml",
      `<Vhosts><Vhost Name="${HOST}"><Origin><Address>10.0.0.1</Address></Origin>${options}</Vhost></Vhosts>`,
    ],
    [`svc/${HOST}/throttling.txt`, lines],
  ]);
  const outcome = parseConfig(sources, { home: "/opt/edge", generation: 1, cores: 1, hostName: "edge" });
  const vhost = outcome.ok ? outcome.config.vhosts[0] : undefined;
  if (vhost === undefined) throw new Error(JSON.stringify(outcome));
  return vhost;
};

type Asked = Parameters<typeof requestFor>[1];

/** Kbps and seconds that a request gets; undefined when it is not throttled. */
const kbpsOf = (vhost: VhostSettings, url: string, asked: Asked = {}, mediaKbps?: number) => {
  const throttle = compileThrottling(vhost)?.decide(requestFor(url, asked));
  if (throttle === undefined) return undefined;
  const pace = paceOf(throttle, mediaKbps === undefined ? undefined : mediaKbps * 125);
  return { kbps: pace.bytesPerSecond / 125, boostBytes: pace.boostBytes };
};

const GUIDE = `$IP[192.168.1.1], 2000, 150, 3
$URL[*.m4a], no
!HEADER[referer], 800
$HEADER[cookie], , , 10
`;
const WITH_REFERER = { headers: { referer: "x" } };

describe("the condition list", () => {
  it.each([
    ["/a", { clientIp: "192.168.1.1", ...WITH_REFERER }, { kbps: 3000, boostBytes: 1_125_000 }],
    ["/a.m4a", { clientIp: "192.168.1.1", ...WITH_REFERER }, { kbps: 3000, boostBytes: 1_125_000 }],
    ["/a.m4a", {}, undefined],
    ["/a", {}, { kbps: 800, boostBytes: 500_000 }],
    ["/a", { headers: { referer: "x", cookie: "y" } }, { kbps: 1000, boostBytes: 1_250_000 }],
    ["/a", WITH_REFERER, undefined],
  ])("BW-13 BW-14 BW-20 BW-21 BW-23 gives %s of %o its pace by the first line that matches", (url, asked, pace) => {
    expect(kbpsOf(hostWith({ lines: GUIDE }), url, asked)).toEqual(pace);
  });

  it("BW-14 begins after 625000 bytes with the defaults, at 125000 bytes a second", () => {
    const throttle = compileThrottling(hostWith({ lines: "$URL[*.mp4]" }))?.decide(requestFor("/a.mp4"));
    expect(throttle && paceOf(throttle, undefined)).toEqual({ bytesPerSecond: 125_000, boostBytes: 625_000 });
  });

  it("BW-15 does nothing while Throttling is OFF, or where nothing could match", () => {
    expect(compileThrottling(hostWith({ throttling: "<Throttling>OFF</Throttling>", lines: GUIDE }))).toBeUndefined();
    expect(compileThrottling(hostWith({}))).toBeUndefined();
  });

  it.each([
    ["kbps", 3, 375],
    ["mbps", 3, 375_000],
    ["bytes", 3000, 3000],
    ["kb", 3, 3072],
    ["mb", 3, 3_145_728],
  ])("BW-12 BW-22 counts in %s", (unit, amount, bytesPerSecond) => {
    const vhost = hostWith({ settings: `<Bandwidth Unit="${unit}">7</Bandwidth>`, lines: `/a, ${amount}` });
    expect(compileThrottling(vhost)?.decide(requestFor("/a"))?.bytesPerSecond).toBe(bytesPerSecond);
  });
});

describe("the bit rate of a media file", () => {
  const lines = "$URL[/vod/*], 1000x, 120, 5\n$URL[/low/*], x, 200\n";

  it.each([
    ["/vod/a.mp4", 500, 600],
    ["/vod/a.MP3", 500, 600],
    ["/vod/a.mp4", undefined, 1200],
    ["/vod/a.avi", 500, 1200],
    ["/low/a.m4a", 64, 128],
    ["/low/a.m4a", undefined, 2000],
    ["/vod/a.mp4/mp4hls/7.ts", 500, 600],
    ["/vod/a.mp4?start=3&end=9/mp4hls/7.ts", 500, 600],
    ["/vod/a.mp4.d/7.ts", 500, 1200],
  ])("BW-24 BW-25 BW-26 REG-177 paces %s of %s Kbps at %s Kbps", (url, mediaKbps, kbps) => {
    expect(kbpsOf(hostWith({ lines }), url, {}, mediaKbps)?.kbps).toBe(kbps);
  });

  it("BW-26 counts for the boost too", () => {
    expect(kbpsOf(hostWith({ lines }), "/vod/a.mp4", {}, 500)?.boostBytes).toBe(600 * 125 * 5);
  });

  it("does not count where the line gives a bandwidth", () => {
    expect(kbpsOf(hostWith({ lines: "/a.mp4, 300" }), "/a.mp4", {}, 500)?.kbps).toBe(300);
  });
});

const BY_URL = {
  settings:
    '<Bandwidth Param="mybandwidth" Unit="mbps">2</Bandwidth><Ratio Param="myratio">100</Ratio><Boost Param="myboost">3</Boost>',
  throttling: '<Throttling QueryString="ON">ON</Throttling>',
};

describe("the query string", () => {
  it.each([
    ["/video/sample.wmv?myboost=10&mybandwidth=1&myratio=130", 1300, 10],
    ["/video/sample.wmv?myratio=150", 3000, 3],
    ["/listed?mybandwidth=1", 2000, 7],
    ["/listed", 6000, 7],
    ["/media.mp4?myratio=50", 500, 3],
    ["/media.mp4?mybandwidth=1", 1000, 3],
  ])("BW-30 BW-32 makes of %s %d Kbps after %d seconds", (url, kbps, seconds) => {
    const vhost = hostWith({ ...BY_URL, lines: "/listed, 3, 200, 7\n/media.mp4, x" });
    expect(kbpsOf(vhost, url, {}, 1000)).toEqual({ kbps, boostBytes: kbps * 125 * seconds });
  });

  it("BW-23 BW-33 does not throttle what the list exempts", () => {
    expect(kbpsOf(hostWith({ ...BY_URL, lines: "$URL[*.m4a], no" }), "/a.m4a?mybandwidth=1")).toBeUndefined();
  });

  it.each(["0", "-1", "x", "", "1e3", "1x", "٣", "0.0", "99999999999"])("BW-35 takes %s for absent", (value) => {
    const vhost = hostWith(BY_URL);
    const url = `/a?mybandwidth=${value}&myratio=${value}&myboost=${value}`;
    expect(kbpsOf(vhost, url)).toBeUndefined();
  });

  it("BW-30 BW-31 counts only when it is switched on, under the default names", () => {
    expect(kbpsOf(hostWith({ lines: "/other" }), "/a?bandwidth=5")).toBeUndefined();
    const vhost = hostWith({ throttling: BY_URL.throttling });
    expect(kbpsOf(vhost, "/a?bandwidth=2000&ratio=100&boost=10")).toEqual({ kbps: 2000, boostBytes: 2_500_000 });
  });

  it("keeps a client that slows itself down above what would be taken for dead", () => {
    expect(kbpsOf(hostWith(BY_URL), "/a?mybandwidth=0.000001")?.kbps).toBe(1);
  });
});

describe("the cache key", () => {
  const keyOf = (vhost: VhostSettings, target: string) => {
    const rules = compileKeyRules(vhost);
    const url = rules.canonicalUrl(target);
    return { key: url, origin: rules.originTarget(target, url), bypass: rules.bypassTarget(target) };
  };
  const all = (url: string) => ({ key: url, origin: url, bypass: url });

  it.each([
    ["/video.mp4?mybandwidth=2000&myratio=130&myboost=10", "/video.mp4"],
    ["/video.mp4?tag=3277&myboost=10&date=20130726", "/video.mp4?tag=3277&date=20130726"],
    ["/video.mp4?myboost", "/video.mp4"],
    ["/video.mp4?xmyboost=1&&b=", "/video.mp4?xmyboost=1&&b="],
    ["/video.mp4", "/video.mp4"],
    ["/video.mp4?", "/video.mp4?"],
  ])("BW-34 makes %s %s for cache and origin", (target, url) => {
    expect(keyOf(hostWith(BY_URL), target)).toEqual(all(url));
    expect(keyOf(hostWith({ ...BY_URL, throttling: '<Throttling QueryString="ON">OFF</Throttling>' }), target)).toEqual(
      all(url),
    );
  });

  it("BW-34 leaves the URL alone without QueryString, and the origin's with WholeClientRequest", () => {
    const target = "/video.mp4?mybandwidth=2000";
    expect(keyOf(hostWith({ settings: BY_URL.settings }), target)).toEqual(all(target));
    const whole = hostWith(BY_URL);
    const vhost = { ...whole, originOptions: { ...whole.originOptions, wholeClientRequest: true } };
    expect(keyOf(vhost, target)).toEqual({ key: "/video.mp4", origin: target, bypass: target });
  });

  it("BW-34 changes its own results no further, with and without regard to case", () => {
    const parameter = fc.constantFrom("mybandwidth=1", "MyRatio=5", "MYBOOST", "a=1", "", "=", "myboost=2");
    for (const more of ["", "<CaseSensitive>OFF</CaseSensitive>"]) {
      const { canonicalUrl } = compileKeyRules(hostWith({ ...BY_URL, more }));
      fc.assert(
        fc.property(fc.array(parameter, { maxLength: 6 }), (parameters) => {
          const once = canonicalUrl(`/A?${parameters.join("&")}`);
          expect(canonicalUrl(once)).toBe(once);
          if (more !== "") expect(once).not.toMatch(/my/);
        }),
      );
    }
  });
});
