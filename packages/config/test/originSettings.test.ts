import { describe, expect, it } from "vitest";
import { diffConfigs, type VhostSettings } from "../src/index.ts";
import { accept, acceptVhost, onlyVhost, server, vhost, vhosts, warningsOf } from "./support.ts";

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
      { uri: "/", resCodes: [], timeoutSeconds: 10, cycleSeconds: 10, exclusion: 3, recovery: 5, log: true },
      {
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
    const defaults = { resCodes: [], timeoutSeconds: 10, cycleSeconds: 10, exclusion: 3, recovery: 5, log: true };
    expect(withOrigin("<HealthChecker/>").origin.healthCheckers).toEqual([{ uri: "/", ...defaults }]);
    expect(withOrigin("<HealthChecker><![CDATA[/a?b=1&c=<2>]]></HealthChecker>").origin.healthCheckers).toEqual([
      { uri: "/a?b=1&c=<2>", ...defaults },
    ]);
  });

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
