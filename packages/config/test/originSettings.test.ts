import { describe, expect, it } from "vitest";
import { diffConfigs, type VhostSettings } from "../src/index.ts";
import { accept, acceptVhost, onlyVhost, problemsOf, server, vhost, vhosts, warningsOf } from "./support.ts";

const withOrigin = (content: string): VhostSettings =>
  onlyVhost(
    accept({
      "vhosts.xml": vhosts(
        `<Vhost Name="www.example.com"><Origin><Address>1.1.1.1</Address>${content}</Origin></Vhost>`,
      ),
    }),
  );

const originOptions = (content: string) => acceptVhost(`<OriginOptions>${content}</OriginOptions>`).originOptions;

describe("health checkers", () => {
  it("ORG-13 to ORG-19 are read as the guide prints them, in their order", () => {
    const { origin } = withOrigin(`
      <HealthChecker ResCode="0" Timeout="10" Cycle="10" Exclusion="3" Recovery="5" Log="ON">/</HealthChecker>
      <HealthChecker ResCode="200, 404" Timeout="3" Cycle="5" Exclusion="5" Recovery="20" Log="OFF">/alive.html</HealthChecker>`);
    expect(origin.healthCheckers).toEqual([
      {
        type: "http",
        fields: [],
        uri: "/",
        resCodes: [],
        timeoutSeconds: 10,
        cycleSeconds: 10,
        exclusion: 3,
        recovery: 5,
        log: true,
      },
      {
        type: "http",
        fields: [],
        uri: "/alive.html",
        resCodes: [200, 404],
        timeoutSeconds: 3,
        cycleSeconds: 5,
        exclusion: 5,
        recovery: 20,
        log: false,
      },
    ]);
  });

  it("ORG-13 has the defaults of the guide and takes CDATA", () => {
    const defaults = {
      type: "http",
      fields: [],
      resCodes: [],
      timeoutSeconds: 10,
      cycleSeconds: 10,
      exclusion: 3,
      recovery: 5,
      log: true,
    };
    expect(withOrigin("<HealthChecker/>").origin.healthCheckers).toEqual([{ uri: "/", ...defaults }]);
    expect(withOrigin("<HealthChecker><![CDATA[/a?b=1&c=<2>]]></HealthChecker>").origin.healthCheckers).toEqual([
      { uri: "/a?b=1&c=<2>", ...defaults },
    ]);
  });

  it("AWS-24 AWS-26 take fields and a check of the connection alone", () => {
    const { origin } = withOrigin(
      '<HealthChecker Type="TCP"/><HealthChecker Host="a.test" UserAgent="C/1" Fields="X-Key: a b | Accept: */*">/x</HealthChecker>',
    );
    expect(origin.healthCheckers).toMatchObject([
      { type: "tcp", fields: [] },
      { type: "http", uri: "/x", fields: ["Host", "a.test", "User-Agent", "C/1", "X-Key", "a b", "Accept", "*/*"] },
    ]);
  });

  it.each(["Host: a", "Connection: close", "no field", "X: a\u0007", "X y: 1", "X: 1 | "])(
    "AWS-24 refuses %j as fields",
    (fields) => {
      const checker = `<HealthChecker Fields="${fields}"/>`;
      const file = vhosts(`<Vhost Name="a"><Origin><Address>1.1.1.1</Address>${checker}</Origin></Vhost>`);
      expect(problemsOf({ "vhosts.xml": file }).length).toBe(1);
    },
  );

  it("ORG-20 changes at a reload and says so", () => {
    const files = (checker: string) => ({
      "vhosts.xml": vhosts(`<Vhost Name="a"><Origin><Address>1.1.1.1</Address>${checker}</Origin></Vhost>`),
    });
    expect(diffConfigs(accept(files("")), accept(files('<HealthChecker Cycle="1">/a</HealthChecker>')))).toEqual([
      {
        element: "Vhost[a]/Origin/HealthChecker",
        from: "",
        to: "/a (ResCode 0, Timeout 10, Cycle 1, Exclusion 3, Recovery 5, Log ON)",
        effect: "live",
      },
    ]);
  });
});

describe("port bypass", () => {
  it("BYP-21 BYP-22 goes to the same port unless another is written", () => {
    const { portBypass } = acceptVhost('<PortBypass>443</PortBypass><PortBypass Dest="1936">1935</PortBypass>');
    expect(portBypass).toEqual([
      { port: 443, originPort: 443 },
      { port: 1935, originPort: 1936 },
    ]);
  });
});

describe("bypassed requests", () => {
  it("BYP-11 BYP-12 name server and connection per method", () => {
    const { options } = acceptVhost(
      '<Options><BypassPostRequest OriginAffinity="OFF">ON</BypassPostRequest><BypassGetRequest Private="ON"/></Options>',
    );
    expect(options.bypassOrigin).toEqual({
      post: { originAffinity: false, isPrivate: false },
      get: { originAffinity: true, isPrivate: true },
      put: { originAffinity: true, isPrivate: false },
    });
    expect([options.bypassPostRequest, options.bypassGetRequest]).toEqual([true, false]);
  });
});

describe("origin options", () => {
  it("ORG-08 ORG-23 ORG-28 ORG-37 ORG-45 ORG-47 are read", () => {
    const options = originOptions(`
      <Recovery Log="OFF">2</Recovery><DnsMaxTTL>5 min</DnsMaxTTL><BusySessionCount>1</BusySessionCount>
      <FullRangeInit>ON</FullRangeInit><IfRange>ON</IfRange><WLProxyClientIP Bypass="OFF">ON</WLProxyClientIP>`);
    expect(options).toMatchObject({
      recovery: { count: 2, log: false },
      dnsMaxTtlSeconds: 300,
      busySessionCount: 1,
      fullRangeInit: true,
      ifRange: true,
      wlProxyClientIp: true,
      wlProxyClientIpBypass: false,
    });
  });

  it("ORG-41 reads rewriting rules in their order, CDATA too, and inherits them as a whole", () => {
    const rules = `
      <URLRewrite><Pattern>/download/(.*)</Pattern><Replace>/#1</Replace></URLRewrite>
      <URLRewrite><Pattern><![CDATA[/img/(.*\\.(jpg|png).*)]]></Pattern><Replace><![CDATA[/#1?a=1&b=2]]></Replace></URLRewrite>`;
    const expected = [
      { pattern: "/download/(.*)", replace: "/#1" },
      { pattern: "/img/(.*\\.(jpg|png).*)", replace: "/#1?a=1&b=2" },
    ];
    expect(originOptions(rules).urlRewrites).toEqual(expected);
    const inherited = accept({
      "server.xml": server(`<VHostDefault><OriginOptions>${rules}</OriginOptions></VHostDefault>`),
      "vhosts.xml": vhosts(vhost("")),
    });
    expect(onlyVhost(inherited).originOptions.urlRewrites).toEqual(expected);
  });

  it("ORG-55 reads where a redirect may lead", () => {
    const allow = "CDN.example.com, *.example.org, 10.0.0.0/8, 192.168.0.1-9, ::1, fd00::/8";
    expect(originOptions(`<RedirectionTrace Allow="${allow}">ON</RedirectionTrace>`).redirectionTrace).toEqual({
      enabled: true,
      allow: ["cdn.example.com", "*.example.org", "10.0.0.0/8", "192.168.0.1-9", "::1", "fd00::/8"],
    });
  });

  it("own limits of sessions and TLS are read, the file relative to the home folder", () => {
    const options = originOptions(
      '<MaxSessions Queue="5">50</MaxSessions><OriginTls Verify="OFF" CaFile="conf/ca.pem"/>',
    );
    expect(options.maxSessions).toEqual({ count: 50, queue: 5 });
    expect(options.tls).toEqual({ verify: false, caFile: "/opt/edge/conf/ca.pem" });
    expect(originOptions('<OriginTls CaFile="/etc/ca.pem"/>').tls).toEqual({ verify: true, caFile: "/etc/ca.pem" });
  });

  it("own name servers are read", () => {
    const content = ["127.0.0.1", "127.0.0.1:5353", "::1", "[::1]:5353"]
      .map((address) => `<DnsServer>${address}</DnsServer>`)
      .join("");
    expect(accept({ "server.xml": server(`<Cache>${content}</Cache>`) }).server.cache.dnsServers).toEqual([
      "127.0.0.1",
      "127.0.0.1:5353",
      "::1",
      "[::1]:5353",
    ]);
  });

  it("ORG-25 ignores settings that no longer exist, with a warning", () => {
    const removed = "<DNSBackup>ON</DNSBackup><MaxFileCount>1</MaxFileCount><Distribution>ON</Distribution>";
    const warnings = warningsOf({ "vhosts.xml": vhosts(vhost(`<OriginOptions>${removed}</OriginOptions>`)) });
    expect(warnings).toHaveLength(3);
    for (const warning of warnings) expect(warning).toContain("No longer exists and is ignored.");
  });
});

describe("AWS-33: shares of origin servers", () => {
  const hostWith = (address: string) =>
    vhosts(`<Vhost Name="a"><Origin>${address}<Address2 Weight="2">1.1.1.9</Address2></Origin></Vhost>`);

  it("are read, and told when they change", () => {
    const [before, after] = [
      "<Address>1.1.1.1</Address>",
      '<Address Weight="3" Country="kr, JPN">1.1.1.1</Address>',
    ].map((address) => accept({ "vhosts.xml": hostWith(address) }));
    expect(after?.vhosts[0]?.origin).toMatchObject({
      addresses: [{ text: "1.1.1.1", weight: 3, countries: ["KR", "JP"] }],
      standby: [{ weight: 2, countries: [] }],
    });
    expect(before !== undefined && after !== undefined && diffConfigs(before, after)).toEqual([
      {
        element: "Vhost[a]/Origin/Address",
        from: "1.1.1.1",
        to: "1.1.1.1 (Weight 3, Country KR JP)",
        effect: "live",
      },
    ]);
  });

  it.each(['Weight="0"', 'Weight="1001"', 'Weight="x"', 'Country="Korea"', 'Country="KR,,JP"'])(
    "refuses %s",
    (wrong) => {
      const address = `<Address ${wrong}>1.1.1.1</Address>`;
      expect(problemsOf({ "vhosts.xml": hostWith(address) }).length).toBe(1);
    },
  );
});

describe("options of a balancer", () => {
  it("are the guide's without a word of them", () => {
    expect(originOptions("")).toMatchObject({
      balanceMode: "RoundRobin",
      draining: { enabled: false, timeoutSeconds: 300 },
      sticky: { mode: "OFF" },
      forwarded: { xff: "append", proto: false, port: false },
    });
    expect(acceptVhost("").options).toMatchObject({ overload: { limit: 0, page: "" }, xffLimit: 0 });
  });

  it("AWS-27 AWS-29 AWS-33 AWS-36 are read as they are written", () => {
    const content =
      '<Draining Timeout="30">ON</Draining><Sticky Mode="cookie" Name="EDGEORIGIN" Duration="3600"/><BalanceMode>latency</BalanceMode><XFFMode>Remove</XFFMode>';
    expect(originOptions(content)).toMatchObject({
      balanceMode: "Latency",
      draining: { enabled: true, timeoutSeconds: 30 },
      sticky: { mode: "cookie", name: "EDGEORIGIN", durationSeconds: 3_600 },
      forwarded: { xff: "remove" },
    });
  });

  it.each([
    '<OriginOptions><Draining Timeout="0">ON</Draining></OriginOptions>',
    '<OriginOptions><Draining Timeout="3601">ON</Draining></OriginOptions>',
    '<OriginOptions><Sticky Name="a b"/></OriginOptions>',
    '<OriginOptions><Sticky Mode="always"/></OriginOptions>',
    '<Options><Overload Limit="5000" Page="busy.html"/></Options>',
    '<Options><Overload Limit="-1"/></Options>',
    '<Options><Forward><Cookies Mode="list">a;b</Cookies></Forward></Options>',
    '<Options><Forward><Headers Mode="list">x y</Headers></Forward></Options>',
  ])("refuses %s", (content) => {
    expect(problemsOf({ "vhosts.xml": vhosts(vhost(content)) }).length).toBe(1);
  });

  it("AWS-54 AWS-58 are read as they are written", () => {
    const { selection, overload } = acceptVhost(
      '<Options><Overload Limit="5000" Page="/busy.html"/><Forward><Headers Mode="none"/><Cookies Mode="list">lang, Theme</Cookies><QueryString Mode="all"/></Forward></Options>',
    ).options;
    expect(overload).toEqual({ limit: 5_000, page: "/busy.html" });
    expect(selection).toEqual({
      headers: { mode: "none", names: [] },
      cookies: { mode: "list", names: ["lang", "Theme"] },
      query: { mode: "all", names: [] },
    });
  });
});
