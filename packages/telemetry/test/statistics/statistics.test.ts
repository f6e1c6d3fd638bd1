import { CACHE_RESULTS } from "@basalt/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blockKey, cacheResultSlot, VHOST_SLOT } from "../../src/index.ts";
import type { JsonField, JsonObject } from "../../src/statistics/document.ts";
import { byteHitRatio } from "../../src/statistics/sources.ts";
import { START_MS, statisticsOf, subject, TestStatistics, writtenJson, writtenXml } from "./support.ts";

const at = (json: JsonField | undefined, path: string): JsonField | undefined =>
  path.split(".").reduce<JsonField | undefined>((value, key) => {
    if (Array.isArray(value)) return value[Number(key)];
    return typeof value === "object" ? value[key] : undefined;
  }, json);

const jsonOf = (test: TestStatistics, kind?: "realtime" | "average" | "minutes"): JsonObject =>
  writtenJson(test.report(kind));

const ADDED = { clientLocal: true, originLocal: true, dirDepth: 0, dirDepthAccum: false, httpsTraffic: false };

describe("values of the statistics", () => {
  it("A1 of spec 08 STAT-17 STAT-19: 600 requests in a window are 2 per second, and their total stands in the average alone", () => {
    const test = statisticsOf(subject("a"));
    for (let second = 0; second < 300; second++) {
      test.count("a", VHOST_SLOT.clientRequests, 2);
      test.endSecond();
    }
    const average = jsonOf(test);
    expect(at(average, "Host.VirtualHost.0.ClientTraffic.Traffic.0.HttpReqCountSum")).toBe(600);
    expect(at(average, "Host.VirtualHost.0.ClientTraffic.Traffic.0.HttpReqCount")).toBe(2);
    expect(at(average, "Host.HttpCountSum.ClientReqCount")).toBe(600);
    const realtime = jsonOf(test, "realtime");
    expect(at(realtime, "Host.VirtualHost.0.ClientTraffic.Traffic.0.HttpReqCountSum")).toBe(0);
    expect(at(realtime, "Host.ClientReqCount")).toBe(2);
  });

  it("A2 of spec 08 STAT-18 STAT-62: 400 denied requests are 1 per second", () => {
    const test = statisticsOf(subject("a"));
    test.count("a", cacheResultSlot("TCP_DENIED"), 400);
    test.endWindow();
    expect(writtenXml(test.report())).toContain('<ClientHttpReqDenied Sum="400">1</ClientHttpReqDenied>');
  });

  it.each([
    [972_906, 688_177, 2926],
    [1_981_700, 1_140_741, 4243],
    [110_398, 169, 9984],
    [1000, 3000, -20_000],
    [0, 0, 0],
    [0, 500, 0],
  ])(
    "REG-261 REG-262 A4 of spec 08 STAT-22 STAT-25 OPT-43: %i bytes sent to clients and %i received from origins are a ratio of %i",
    (sent, received, ratio) => {
      expect(byteHitRatio(sent, received)).toBe(ratio);
      const test = statisticsOf(subject("a"));
      test.count("a", VHOST_SLOT.clientResponseBodyBytes, sent);
      test.count("a", VHOST_SLOT.originResponseBytes, received);
      test.endSecond();
      expect(at(jsonOf(test, "realtime"), "Host.VirtualHost.0.ByteHitRatio")).toBe(ratio);
    },
  );

  it("A5 of spec 08 STAT-20: the mean time of all responses is weighed by the counts of the classes", () => {
    const test = statisticsOf(subject("a"));
    test.count("a", VHOST_SLOT.originResponseClass + 1, 54);
    test.count("a", VHOST_SLOT.originFirstByteTime + 1, 54 * 2327);
    test.count("a", VHOST_SLOT.originResponseClass + 2, 8);
    test.count("a", VHOST_SLOT.originFirstByteTime + 2, 8 * 2700);
    test.endSecond();
    const json = jsonOf(test, "realtime");
    expect(at(json, "Host.OriginResTotalCount")).toBe(62);
    expect(at(json, "Host.OriginResTotalTimeRes")).toBe(2375);
    expect(at(json, "Host.OriginRes2xxTimeRes")).toBe(2327);
    expect(at(json, "Host.OriginRes5xxTimeRes")).toBe(0);
  });

  it("REG-268 A7 of spec 08 STAT-24: one hit and one miss in a window are a ratio of 5000", () => {
    const test = statisticsOf(subject("a"));
    test.count("a", cacheResultSlot("TCP_MISS"), 1);
    test.endSecond();
    test.count("a", cacheResultSlot("TCP_HIT"), 1);
    test.endWindow();
    expect(at(jsonOf(test), "Host.VirtualHost.0.RequestHitRatio")).toBe(5000);
    expect(at(jsonOf(test), "Host.RequestHitRatio")).toBe(5000);
  });

  it.each([
    ["TCP_HIT", 10_000],
    ["TCP_IMS_HIT", 10_000],
    ["TCP_REFRESH_HIT", 10_000],
    ["TCP_REF_FAIL_HIT", 10_000],
    ["TCP_NEGATIVE_HIT", 10_000],
    ["TCP_REDIRECT_HIT", 10_000],
    ["TCP_MISS", 0],
    ["TCP_REFRESH_MISS", 0],
    ["TCP_CLIENT_REFRESH_MISS", 0],
    ["TCP_DENIED", 0],
    ["TCP_ERROR", 0],
    ["TCP_NONE", 0],
  ] as const)("STAT-23 STAT-44 OPT-42 counts %s in the hit ratio as %i", (result, ratio) => {
    const test = statisticsOf(subject("a"));
    test.count("a", cacheResultSlot(result), 3);
    test.endSecond();
    const json = jsonOf(test, "realtime");
    expect(at(json, "Host.RequestHitRatio")).toBe(ratio);
    expect(at(json, `Host.VirtualHost.0.ClientTraffic.Traffic.0.RequestHit.${result}`)).toBe(3);
  });

  it("STAT-44.12 OPT-41 OPEN-S5 leaves what ended before a decision out of the hit ratio", () => {
    const test = statisticsOf(subject("a"));
    test.count("a", cacheResultSlot("TCP_HIT"), 3);
    test.count("a", cacheResultSlot("TCP_MISS"), 1);
    test.count("a", cacheResultSlot("TCP_NONE"), 50);
    test.endSecond();
    expect(at(jsonOf(test, "realtime"), "Host.VirtualHost.0.RequestHitRatio")).toBe(7500);
  });

  it("REG-190 OPEN-S10 takes means of sources over all conversions, of results over those that succeeded", () => {
    const test = statisticsOf(subject("a"));
    const { dims } = VHOST_SLOT;
    test.count("a", dims.requests, 5);
    test.count("a", dims.converted, 3);
    test.count("a", dims.failed, 1);
    test.count("a", dims.sourceBytes, 4_000);
    test.count("a", dims.resultBytes, 600);
    test.count("a", dims.time, 8_000);
    test.endSecond();
    expect(at(jsonOf(test, "realtime"), "Host.VirtualHost.0.Dims")).toEqual({
      ...{ Requests: 5, Converted: 3, Failed: 1 },
      ...{ AvgSrcSize: 1_000, AvgDestSize: 200, AvgTime: 20 },
    });
  });

  it("REG-268 STAT-24 a ratio of five minutes is one of totals: a few requests in different seconds are not lost in rounding", () => {
    const test = statisticsOf(subject("a"), subject("b"));
    for (let second = 0; second < 250; second++) {
      if (second === 3) test.count("a", cacheResultSlot("TCP_HIT"), 1);
      if (second === 70 || second === 240) test.count("a", cacheResultSlot("TCP_MISS"), 1);
      if (second % 2 === 0) test.count("b", cacheResultSlot("TCP_HIT"), 1);
      test.endSecond();
    }
    test.endWindow();
    const ratios = ["VirtualHost.0.", "VirtualHost.1.", ""].map((of) => at(jsonOf(test), `Host.${of}RequestHitRatio`));
    expect(ratios).toEqual([3333, 10_000, Math.trunc((126 / 128) * 10_000)]);
  });

  it("REG-273 STAT-34 the figures of the host are the sums of those of its virtual hosts, and these of their parts", () => {
    const test = statisticsOf(subject("a"), subject("b"), subject("c"));
    for (const [index, vhost] of ["a", "b", "c"].entries()) {
      const offset = test.block.vhost(vhost);
      test.block.set(offset + VHOST_SLOT.originSessions, 3 + index);
      test.block.set(offset + VHOST_SLOT.clientSessions, 11 * (index + 1));
      test.count(vhost, VHOST_SLOT.originSessionsActive, 2 + index);
      test.count(vhost, VHOST_SLOT.clientSessionsActive, 5 + index);
      test.count(vhost, VHOST_SLOT.originResponseBytes, 1_000 * (index + 1) + 7);
      test.count(vhost, VHOST_SLOT.originRequestBytes, 333 * (index + 1));
      test.count(vhost, VHOST_SLOT.clientResponseBodyBytes, 9_001 + index);
      test.count(vhost, VHOST_SLOT.clientRequests, 4 + index);
    }
    test.endSecond();
    const json = jsonOf(test, "realtime");
    const sumOf = (name: string) =>
      [0, 1, 2].reduce((sum, index) => sum + Number(at(json, `Host.VirtualHost.${index}.${name}`)), 0);
    for (const name of [
      "OriginSession",
      "OriginActiveSession",
      "OriginInbound",
      "OriginOutbound",
      "ClientSession",
      "ClientActiveSession",
      "ClientOutbound",
      "ClientReqCount",
    ]) {
      expect([name, at(json, `Host.${name}`)]).toEqual([name, sumOf(name)]);
      expect(sumOf(name)).toBeGreaterThan(0);
    }
    for (const index of [0, 1, 2]) {
      const place = `Host.VirtualHost.${index}`;
      expect(at(json, `${place}.OriginSession`)).toBe(at(json, `${place}.Session.Origin`));
      expect(at(json, `${place}.OriginActiveSession`)).toBe(at(json, `${place}.Session.ActiveOrigin`));
      expect(at(json, `${place}.ClientActiveSession`)).toBe(at(json, `${place}.Session.ActiveClient`));
    }
  });

  it("REG-271 STAT-36 XML names ClientSession and ClientActiveSession once each in every element", () => {
    const test = statisticsOf(subject("a"));
    test.views = [{ name: "view", vhosts: ["a"] }];
    test.block.set(test.block.vhost("a") + VHOST_SLOT.clientSessions, 8);
    test.count("a", VHOST_SLOT.clientSessionsActive, 600);
    test.endWindow();
    for (const [element, names] of [...writtenXml(test.report()).matchAll(/<(\w+)((?: [\w.]+="[^"]*")*)/g)].map(
      ([, name = "", attributes = ""]) =>
        [name, [...attributes.matchAll(/ ([\w.]+)=/g)].map(([, key]) => key)] as const,
    )) {
      expect([element, new Set(names).size]).toEqual([element, names.length]);
    }
    expect(writtenXml(test.report())).toMatch(/<VirtualHost [^>]* ClientSession="8" ClientActiveSession="2" /);
  });

  it("STAT-28 gives levels as they are, and in averages as their mean", () => {
    const test = statisticsOf(subject("a"));
    const slot = test.block.vhost("a") + VHOST_SLOT.clientSessions;
    for (let second = 0; second < 300; second++) {
      test.block.set(slot, second < 150 ? 10 : 20);
      test.endSecond();
    }
    expect(at(jsonOf(test), "Host.ClientSession")).toBe(15);
    expect(at(jsonOf(test, "realtime"), "Host.ClientSession")).toBe(20);
    test.block.set(slot, 0);
    test.endSecond();
    expect(at(jsonOf(test, "realtime"), "Host.ClientSession")).toBe(0);
  });

  it("STAT-13 STAT-80 counts HTTPS in SSL, and in the rest only when it is told to", () => {
    const both = { ...ADDED, clientLocal: false, httpsTraffic: true };
    const test = statisticsOf(subject("a"), subject("b", { stats: both }));
    for (const vhost of ["a", "b"]) {
      const apart = test.block.block(blockKey({ vhost, isLocal: false, port: undefined, isTls: true }));
      test.block.add(apart + VHOST_SLOT.clientRequests, 5);
      test.block.add(apart + VHOST_SLOT.tlsReceivedBytes, 500);
      test.block.add(apart + VHOST_SLOT.tlsSentBytes, 900);
      const localToo = test.block.block(blockKey({ vhost, isLocal: true, port: undefined, isTls: true }));
      test.block.add(localToo + VHOST_SLOT.tlsSentBytes, 70);
      test.count(vhost, VHOST_SLOT.clientRequests, 1);
    }
    test.endSecond();
    const json = jsonOf(test, "realtime");
    for (const [index, requests] of [1, 6].entries()) {
      const place = `Host.VirtualHost.${index}`;
      expect(at(json, `${place}.ClientReqCount`)).toBe(requests);
      expect(at(json, `${place}.ClientTraffic.Traffic.0.SSL.RecvSize`)).toBe(500);
      expect(at(json, `${place}.ClientTraffic.Traffic.0.SSL.SendSize`)).toBe(900);
    }
    expect(test.statistics.aggregate.totals().vhosts.get("a")?.[VHOST_SLOT.clientRequests]).toBe(6);
  });

  it("STAT-14 STAT-15 leaves loopback clients and origins out unless they are to be counted", () => {
    const test = statisticsOf(subject("a"), subject("b", { stats: ADDED }));
    for (const vhost of ["a", "b"]) {
      const local = test.block.block(blockKey({ vhost, isLocal: true, port: undefined }));
      test.block.add(local + VHOST_SLOT.clientRequests, 5);
      test.block.add(local + VHOST_SLOT.originRequests, 6);
      test.count(vhost, VHOST_SLOT.clientRequests, 1);
      test.count(vhost, VHOST_SLOT.originRequests, 2);
    }
    test.endSecond();
    const json = jsonOf(test, "realtime");
    expect([at(json, "Host.VirtualHost.0.ClientReqCount"), at(json, "Host.VirtualHost.0.OriginReqCount")]).toEqual([
      1, 2,
    ]);
    expect([at(json, "Host.VirtualHost.1.ClientReqCount"), at(json, "Host.VirtualHost.1.OriginReqCount")]).toEqual([
      6, 8,
    ]);
    expect(at(json, "Host.ClientReqCount")).toBe(7);
  });

  it("STAT-74 OPEN-S4 gives each bypassed port its own figures", () => {
    const ports = [
      { port: 21, originPort: 21 },
      { port: 8080, originPort: 80 },
    ];
    const test = statisticsOf(subject("a", { ports }));
    const block = test.block.block(blockKey({ vhost: "a", isLocal: false, port: 8080 }));
    test.block.add(block + VHOST_SLOT.portBypassConnections, 2);
    test.block.add(block + VHOST_SLOT.portBypassClientBytes, 100);
    test.block.set(block + VHOST_SLOT.portBypassOpen, 1);
    test.endSecond();
    const entries = at(jsonOf(test, "realtime"), "Host.VirtualHost.0.PortBypass");
    expect(entries).toMatchObject([
      { SrcPort: 21, DestPort: 21, Session: 0, Hit: { Established: 0 } },
      {
        SrcPort: 8080,
        DestPort: 80,
        Session: 1,
        Hit: { Established: 2 },
        ClientTraffic: { In: 100 },
        OriginTraffic: { Out: 100 },
      },
    ]);
    expect(writtenXml(test.report("realtime"))).toContain(
      '<PortBypass SrcPort="8080" DestPort="80"><Session>1</Session>',
    );
  });
});

describe("times of the statistics", () => {
  it("STAT-10 answers with zeros before the first second and the first whole window are over", () => {
    const test = statisticsOf(subject("a"));
    test.count("a", VHOST_SLOT.clientRequests, 5);
    expect(at(jsonOf(test, "realtime"), "Host.ClientReqCount")).toBe(0);
    test.endSecond();
    expect(at(jsonOf(test, "realtime"), "Host.ClientReqCount")).toBe(5);
    expect(at(jsonOf(test), "Host.HttpCountSum.ClientReqCount")).toBe(0);
  });

  it("STAT-31 STAT-32 ends windows at full five minutes, names their end", () => {
    const test = statisticsOf(subject("a"));
    expect(test.endWindow()).toBe(300);
    expect(at(jsonOf(test), "Host.Time")).toBe("2026.09.03 14:35:00");
    expect(at(jsonOf(test, "realtime"), "Host.Time")).toBeUndefined();
    expect(test.endWindow()).toBe(300);
    expect(at(jsonOf(test), "Host.Time")).toBe("2026.09.03 14:40:00");
  });

  it("STAT-10 leaves out the window that it was started in", () => {
    const late = TestStatistics.startedAt(START_MS + 120_000, subject("a"));
    late.count("a", VHOST_SLOT.clientRequests, 600);
    expect(late.endWindow()).toBe(180);
    expect(at(jsonOf(late), "Host.HttpCountSum.ClientReqCount")).toBe(0);
    late.count("a", VHOST_SLOT.clientRequests, 30);
    expect(late.endWindow()).toBe(300);
    expect(at(jsonOf(late), "Host.HttpCountSum.ClientReqCount")).toBe(30);
  });

  it("REG-263 A13 of spec 08 STAT-30: windows go on each five minutes when the clock is set back by an hour", () => {
    const test = statisticsOf(subject("a"));
    for (let second = 0; second < 100; second++) test.endSecond();
    test.wallMs -= 3_600_000;
    expect(test.endWindow()).toBe(200);
    expect(test.endWindow()).toBe(300);
    expect(at(jsonOf(test), "Host.Time")).toBe("2026.09.03 13:40:00");
  });

  it("REG-263 STAT-30 whatever is done to the clock, windows follow each other and no request is missing in them", () => {
    const jump = fc.record({
      second: fc.nat(900),
      ms: fc.constantFrom(-86_400_000, -3_600_000, -61_000, -999, 700, 59_000, 301_000, 3_600_000, 86_400_000),
    });
    fc.assert(
      fc.property(fc.array(jump, { maxLength: 6 }), (jumps) => {
        const test = statisticsOf(subject("a"));
        let inWindows = 0;
        let sinceWindow = 0;
        let counted = 0;
        for (let second = 0; second < 1_000; second++) {
          for (const { second: at, ms } of jumps) if (at === second) test.wallMs += ms;
          test.count("a", VHOST_SLOT.clientRequests, 1);
          counted += 1;
          sinceWindow += 1;
          if (!test.endSecond()) continue;
          inWindows += Number(at(jsonOf(test), "Host.HttpCountSum.ClientReqCount"));
          expect(inWindows).toBe(counted);
          expect(sinceWindow).toBeLessThanOrEqual(450);
          sinceWindow = 0;
          expect(at(jsonOf(test, "realtime"), "Host.ClientReqCount")).toBe(1);
        }
        expect(sinceWindow).toBeLessThanOrEqual(450);
      }),
      { numRuns: 15 },
    );
  });

  it("comes back to full five minutes after a clock was set by less", () => {
    const test = statisticsOf(subject("a"));
    test.wallMs += 70_000;
    expect(test.endWindow()).toBe(300);
    expect(test.endWindow()).toBe(230);
    expect(test.endWindow()).toBe(300);
    expect(at(jsonOf(test), "Host.Time")).toMatch(/[05]:00$/);
  });

  it("AWS-72 keeps the last sixty minutes", () => {
    const test = statisticsOf(subject("a"));
    for (let second = 0; second < 130; second++) {
      test.count("a", VHOST_SLOT.clientRequests, second < 60 ? 1 : 3);
      test.endSecond();
    }
    const minutes = (count: number): JsonField | undefined =>
      at(writtenJson(test.statistics.report({ kind: "minutes", minutes: count })), "Host.ClientReqCount");
    expect([minutes(1), minutes(2), minutes(60)]).toEqual([3, 2, 2]);
  });

  it("STAT-30a adds up to the same, however it is cut into seconds", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("a", "b"), fc.nat(1000)), { maxLength: 200 }), (events) => {
        const test = statisticsOf(subject("a"), subject("b"));
        let total = 0;
        for (const [vhost, amount] of events) {
          test.count(vhost, VHOST_SLOT.clientResponseBodyBytes, amount);
          test.count(vhost, VHOST_SLOT.clientRequests, 1);
          total += amount;
          test.endSecond();
        }
        test.endWindow();
        const json = jsonOf(test);
        expect(at(json, "Host.HttpCountSum.ClientReqCount")).toBe(events.length);
        expect(at(json, "Host.ClientOutbound")).toBe(Math.trunc(total / 300));
      }),
      { numRuns: 20 },
    );
  });
});

describe("client traffic by folder", () => {
  const FOLDERS = [
    "/",
    "/img",
    "/img/thumnail",
    "/img/detail",
    "/script",
    "/script/common",
    "/script/event",
    "/video",
    "/video/intro",
  ];

  const withTraffic = (dirDepthAccum: boolean): Record<string, number> => {
    const test = statisticsOf(subject("a", { stats: { ...ADDED, dirDepth: 2, dirDepthAccum } }));
    for (const path of FOLDERS) {
      const before = new Float64Array(VHOST_SLOT.clientRequests + 1);
      const after = Float64Array.of(10);
      test.block.folders.addGrowth({ vhost: "a", isLocal: false, path }, before, after);
    }
    test.count("a", VHOST_SLOT.clientRequests, 90);
    test.endSecond();
    const json = jsonOf(test, "realtime");
    const traffic = at(json, "Host.VirtualHost.0.ClientTraffic.Traffic");
    if (!Array.isArray(traffic)) throw new Error("no list");
    expect(at(json, "Host.VirtualHost.0.ClientTraffic.TrafficCount")).toBe(traffic.length);
    return Object.fromEntries(traffic.map((entry) => [String(entry.Path), Number(entry.HttpReqCount)]));
  };

  it("REG-270 A3 of spec 08 STAT-11 STAT-12: own figures without accumulation, those of all folders below with it", () => {
    expect(withTraffic(false)).toEqual(Object.fromEntries(FOLDERS.map((path) => [path, 10])));
    expect(withTraffic(true)).toEqual({
      ...Object.fromEntries(FOLDERS.map((path) => [path, 10])),
      ...{ "/": 90, "/img": 30, "/script": 30, "/video": 20 },
    });
  });

  it("REG-270 STAT-12 folders are counted and asked for by turns, a thousand times, with accumulation and without", () => {
    const own = { ...ADDED, dirDepth: 3 };
    const test = statisticsOf(subject("a", { stats: own }), subject("b", { stats: { ...own, dirDepthAccum: true } }));
    for (let round = 0; round < 1_200; round++) {
      for (const vhost of ["a", "b"]) {
        const path = `/${round % 3}/${round % 4}/${round % 5}`;
        test.block.folders.addGrowth({ vhost, isLocal: false, path }, Float64Array.of(0), Float64Array.of(1));
        test.count(vhost, VHOST_SLOT.clientRequests, 1);
      }
      if (round % 3 === 0) test.endSecond();
      const asked = round % 2 === 0 ? jsonOf(test, "realtime") : writtenXml(test.report());
      expect(typeof asked === "string" ? asked.startsWith("<?xml") : at(asked, "Host.VirtualHost.1.Name") === "b").toBe(
        true,
      );
    }
  });

  it("STAT-77 bounds the folders; traffic of further ones is shown together, and / is always there", () => {
    const test = statisticsOf(subject("a", { stats: { ...ADDED, dirDepth: 1 } }));
    for (let index = 0; index < 2500; index++) {
      test.block.folders.addGrowth(
        { vhost: "a", isLocal: false, path: `/d${index}` },
        Float64Array.of(0),
        Float64Array.of(1),
      );
    }
    test.endSecond();
    const traffic = at(jsonOf(test, "realtime"), "Host.VirtualHost.0.ClientTraffic.Traffic");
    if (!Array.isArray(traffic)) throw new Error("no list");
    expect(traffic).toHaveLength(2002);
    expect(traffic.find(({ Path }) => Path === "*")?.HttpReqCount).toBe(500);
    expect(traffic[0]).toMatchObject({ Path: "/", HttpReqCount: 0 });
  });
});

describe("views", () => {
  it("A10 of spec 08 STAT-87 to STAT-90: the sum of the members that exist, with ratios of the sums", () => {
    const test = statisticsOf(subject("a"), subject("b", { uptimeSeconds: 500 }));
    test.views = [{ name: "both", vhosts: ["a", "b", "missing"] }];
    test.count("a", cacheResultSlot("TCP_HIT"), 1);
    test.count("a", cacheResultSlot("TCP_MISS"), 1);
    test.count("b", cacheResultSlot("TCP_HIT"), 9);
    test.count("b", cacheResultSlot("TCP_MISS"), 1);
    test.count("a", VHOST_SLOT.clientRequests, 2);
    test.count("b", VHOST_SLOT.clientRequests, 10);
    test.endSecond();
    const json = jsonOf(test, "realtime");
    expect(at(json, "Host.View.0")).toMatchObject({
      ...{ Name: "both", Uptime: 500, RequestHitRatio: 8333, ClientReqCount: 12, FileTotal: 6 },
      ClientTraffic: { TrafficCount: 1, Traffic: [{ Path: "/", HttpReqCount: 12, RequestHit: { TCP_HIT: 10 } }] },
    });
    expect(at(json, "Host.VirtualHost.1.ClientReqCount")).toBe(10);
    expect(writtenXml(test.report("realtime"))).toContain('<View Name="both" Uptime="500"');
  });

  it("STAT-88 is empty where no member exists", () => {
    const test = statisticsOf(subject("a"));
    test.views = [{ name: "none", vhosts: ["missing"] }];
    test.endSecond();
    expect(at(jsonOf(test, "realtime"), "Host.View.0")).toMatchObject({ Name: "none", RequestHitRatio: 0, Uptime: 0 });
  });
});

describe("the machine", () => {
  it("STAT-45 STAT-47 OPEN-S1 OPEN-S7 OPEN-S9 gives what was between the beginning and the end of the time", () => {
    const test = statisticsOf(subject("a"));
    const [disk] = test.sample.disks;
    if (disk === undefined) throw new Error("no disk");
    test.sample = {
      ...test.sample,
      cpu: { ...test.sample.cpu, user: 25, system: 25, idle: 50 },
      processes: { userTicks: 10, systemTicks: 5, residentBytes: 4_000 },
      disks: [{ ...disk, reads: 7, readSectors: 64, inProgress: 2 }],
    };
    test.endSecond();
    const json = jsonOf(test, "realtime");
    expect(at(json, "Host.System.CPU")).toMatchObject({
      User: 2500,
      Kernel: 2500,
      Idle: 5000,
      ProcUser: 1000,
      ProcKernel: 500,
    });
    expect(at(json, "Host.System.Mem")).toEqual({ Free: 5000, STON: 4000 });
    expect(at(json, "Host.System.Storage.Disk.0")).toMatchObject({
      Path: "cache1",
      Status: "Normal",
      Read: 7,
      ReadSectors: 64,
      IOProgress: 2,
    });
    expect(at(json, "Host.System.TCPSocket")).toMatchObject({
      Established: 4,
      Timewait: 2,
      Orphan: 1,
      Alloc: 10,
      Mem: 3,
    });
    expect(at(json, "Host.System.SystemLoadAverage")).toEqual({ Min1: 110, Min5: 90, Min15: 70 });
    test.endSecond();
    expect(at(jsonOf(test, "realtime"), "Host.System.Storage.Disk.0.Read")).toBe(0);
  });
});

describe("the documents", () => {
  it.each(["realtime", "average"] as const)("OPEN-S2 OPEN-S3 OPEN-S6 follow each sample of the guide (%s)", (kind) => {
    const test = statisticsOf(subject("a"));
    test.views = [{ name: "view", vhosts: ["a"] }];
    if (kind === "average") test.endWindow();
    else test.endSecond();
    for (const place of ["Host.VirtualHost.0", "Host.View.0"]) {
      const entry = at(jsonOf(test, kind), place);
      expect(entry).toMatchObject({ Cached: {}, UrlBypass: {} });
      expect(at(entry, "ClientTraffic.Traffic.0.FileSystem")).toBeDefined();
    }
    const [, opened = ""] = writtenXml(test.report(kind)).split("<ClientTraffics");
    const [traffics = ""] = opened.split("</ClientTraffics>");
    expect(traffics.split("<FileSystem>").length - 1).toBe(1);
    expect(traffics).toContain("</Traffic><FileSystem>");
  });

  it("STAT-08 write names that need it so that they can be read back", () => {
    const name = 'a"<&>\u0007\u{1f600}\ud800';
    const test = statisticsOf(subject("a"));
    test.views = [{ name, vhosts: [] }];
    test.endSecond();
    expect(writtenXml(test.report("realtime"))).toContain('<View Name="a&quot;&lt;&amp;&gt;\ufffd\u{1f600}\ufffd"');
    expect(JSON.parse(JSON.stringify(jsonOf(test, "realtime"))).Host.View[0].Name).toBe(name);
  });

  it("LOG-146 LOG-147 give one line for each host at the end of a window", () => {
    const test = statisticsOf(subject("a"), subject("b"), subject("quiet"));
    test.count("a", VHOST_SLOT.clientRequests, 300);
    test.endWindow();
    const forms = new Map<string, "json" | "xml">([
      ["a", "json"],
      ["b", "xml"],
    ]);
    const records = [...test.statistics.monitoringRecords((vhost) => forms.get(vhost))];
    expect(records.map(([vhost]) => vhost)).toEqual(["a", "b"]);
    expect(JSON.parse(records[0]?.[1] ?? "")).toMatchObject({
      Time: "2026.09.03 14:35:00",
      Name: "a",
      ClientReqCount: 1,
    });
    expect(records[1]?.[1]).toMatch(/^<VirtualHost Time="2026.09.03 14:35:00" Name="b" [^\n]*<\/VirtualHost>$/);
  });

  it("STAT-41 names all results", () => {
    const test = statisticsOf(subject("a"));
    test.endWindow();
    const sums = at(jsonOf(test), "Host.HttpRequestHitSum");
    expect(Object.keys(sums as object)).toEqual([...CACHE_RESULTS]);
  });
});
