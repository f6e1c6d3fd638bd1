import { describe, expect, it } from "vitest";
import type { VhostSettings } from "../src/index.ts";
import { accept, acceptVhost, load, onlyVhost, server, vhost, vhosts, warningsOf } from "./support.ts";

const originOf = (address: string) =>
  onlyVhost(
    accept({
      "vhosts.xml": vhosts(`<Vhost Name="www.example.com"><Origin><Address>${address}</Address></Origin></Vhost>`),
    }),
  ).origin.addresses[0];

describe("origin addresses", () => {
  it.each([
    ["1.1.1.1", "1.1.1.1", 80, "", "www.example.com"],
    ["1.1.1.1:8080", "1.1.1.1", 8080, "", "www.example.com:8080"],
    ["1.1.1.1/account/dir", "1.1.1.1", 80, "/account/dir", "www.example.com"],
    ["1.1.1.1:8080/account/dir", "1.1.1.1", 8080, "/account/dir", "www.example.com:8080"],
    ["example.com", "example.com", 80, "", "example.com"],
    ["example.com:8080", "example.com", 8080, "", "example.com:8080"],
    ["example.com/account/dir", "example.com", 80, "/account/dir", "example.com"],
    ["example.com:8080/account/dir", "example.com", 8080, "/account/dir", "example.com:8080"],
  ])("CFG-11 CFG-12 CFG-13 reads %s", (text, host, port, pathPrefix, hostField) => {
    expect(originOf(text)).toEqual({
      text,
      scheme: "http",
      host,
      port,
      isIp: host === "1.1.1.1",
      pathPrefix,
      weight: 1,
      countries: [],
      hostField,
    });
  });

  it("CFG-12 appends port 80 when it is written", () => {
    expect(originOf("1.1.1.1:80")?.hostField).toBe("www.example.com:80");
  });

  it("CFG-13 drops a slash at the end of the path", () => {
    expect(originOf("example.com/account/")?.pathPrefix).toBe("/account");
    expect(originOf("example.com/")?.pathPrefix).toBe("");
  });

  it("CFG-11 takes an IPv6 address in brackets", () => {
    expect(originOf("[::1]:8080/a")).toMatchObject({ host: "::1", port: 8080, isIp: true, pathPrefix: "/a" });
  });

  it.each([
    ["https://a.com", 443, "a.com", ""],
    ["https://a.com:8443/dir", 8443, "a.com:8443", "/dir"],
    ["HTTPS://1.1.1.1", 443, "www.example.com", ""],
  ])("own %s is asked over TLS", (text, port, hostField, pathPrefix) => {
    expect(originOf(text)).toMatchObject({ text, scheme: "https", port, hostField, pathPrefix });
  });

  it("CFG-14 keeps active and standby servers apart, in their order", () => {
    const { origin } = onlyVhost(
      accept({
        "vhosts.xml": vhosts(`<Vhost Name="a"><Origin>
          <Address>1.1.1.1</Address><Address2>1.1.1.3</Address2><Address>1.1.1.2</Address><Address2>b.com</Address2>
        </Origin></Vhost>`),
      }),
    );
    expect(origin.addresses.map((address) => address.host)).toEqual(["1.1.1.1", "1.1.1.2"]);
    expect(origin.standby.map((address) => address.hostField)).toEqual(["a", "b.com"]);
  });
});

describe("virtual hosts", () => {
  it("CFG-55 keeps an inactive host in the configuration", () => {
    const config = accept({ "vhosts.xml": vhosts(vhost("", 'Name="a" Status="inactive"')) });
    expect(onlyVhost(config).status).toBe("Inactive");
  });

  it("CFG-56 CFG-54 knows exactly the hosts that are written, none included", () => {
    expect(accept({ "vhosts.xml": "<Vhosts/>" }).vhosts).toEqual([]);
  });

  it("CFG-57 CFG-58 reads exact and pattern aliases, one of them the host's own name", () => {
    const host = acceptVhost(
      "<Alias>another.com</Alias><Alias>*.sub.example.com</Alias><Alias>www.example.com</Alias><Alias>*</Alias>",
    );
    expect(host.aliases).toEqual(["another.com", "*.sub.example.com", "www.example.com", "*"]);
  });

  it("CFG-57 warns of an alias of two hosts", () => {
    const hosts = vhosts(vhost("<Alias>x.com</Alias>", 'Name="a"'), vhost("<Alias>X.com</Alias>", 'Name="b"'));
    expect(warningsOf({ "vhosts.xml": hosts })[0]).toMatch(
      /^vhosts\.xml:2:\d+: warning: <Vhosts\/Vhost\/Alias> The alias X\.com stands on line 1/,
    );
  });

  it("CFG-57 CFG-58 warns of an alias that is the name of another host, not of one that is its own", () => {
    const hosts = vhosts(vhost("<Alias>B.com</Alias><Alias>a.com</Alias>", 'Name="a.com"'), vhost("", 'Name="b.com"'));
    expect(warningsOf({ "vhosts.xml": hosts })).toEqual([
      expect.stringContaining("The alias B.com is the name of the <Vhost> on line 2; the name counts."),
    ]);
  });

  it("CFG-59 reads the default host", () => {
    const config = accept({ "vhosts.xml": vhosts("<Default>www.example.com</Default>", vhost("")) });
    expect(config.defaultVhost).toBe("www.example.com");
    expect(accept().defaultVhost).toBeUndefined();
  });

  it.each([
    ["<Listen>*:8080</Listen>", [{ address: undefined, port: 8080 }]],
    ["<Listen>1.1.1.1:90</Listen>", [{ address: "1.1.1.1", port: 90 }]],
    ["<Listen>[::1]:90</Listen>", [{ address: "::1", port: 90 }]],
    [
      "<Listen>*:80</Listen><Listen>*:8080</Listen><Listen>*:80</Listen>",
      [
        { address: undefined, port: 80 },
        { address: undefined, port: 8080 },
      ],
    ],
    ["<Listen>off</Listen>", []],
    ["", [{ address: undefined, port: 80 }]],
  ])("CFG-60 reads %s", (content, expected) => {
    expect(acceptVhost(content).listen).toEqual(expected);
  });

  it("reads CDATA and entities in values", () => {
    const host = acceptVhost("<OriginOptions><UserAgent><![CDATA[a<b]]>&amp;c</UserAgent></OriginOptions>");
    expect(host.originOptions.userAgent).toBe("a<b&c");
  });
});

const inherit = (defaults: string, own: string): VhostSettings =>
  onlyVhost(
    accept({
      "server.xml": server(`<VHostDefault>${defaults}</VHostDefault>`),
      "vhosts.xml": vhosts(vhost(own)),
    }),
  );

describe("inheritance", () => {
  it("CFG-53 goes from built-in through VHostDefault to the host, leaf by leaf (OPEN 8, reading B)", () => {
    const { ttl } = inherit(
      '<Options><TTL><Res2xx Ratio="30" Max="4000">600</Res2xx><Res4xx>10</Res4xx></TTL></Options>',
      '<Options><TTL><Res2xx Ratio="50"/><Res3xx>1 min</Res3xx></TTL></Options>',
    ).options;
    expect(ttl.res2xx).toEqual({ seconds: 600, ratio: 50, max: 4_000 });
    expect([ttl.res3xxSeconds, ttl.res4xxSeconds, ttl.res5xxSeconds]).toEqual([60, 10, 30]);
  });

  it("CFG-53 keeps an inherited text when a host writes an attribute only", () => {
    const { originOptions } = inherit(
      "<OriginOptions><Host>a.com</Host></OriginOptions>",
      '<OriginOptions><Host Bypass="OFF"/></OriginOptions>',
    );
    expect([originOptions.host, originOptions.hostBypass]).toEqual(["a.com", false]);
  });

  it("ORG-42 lets a host go back to the empty Host", () => {
    const { originOptions } = inherit(
      "<OriginOptions><Host>a.com</Host></OriginOptions>",
      "<OriginOptions><Host/></OriginOptions>",
    );
    expect(originOptions.host).toBe("");
  });

  it("CFG-53 lets a host without blocks share the inherited values", () => {
    const host = inherit("<Options><AgeHeader>ON</AgeHeader></Options>", "");
    expect(host.options.ageHeader).toBe(true);
  });

  it.each([
    ['<TTL Priority="rescode"/>', { ttl: { priority: ["rescode"] } }],
    [
      '<TTL><NoCache Ratio="10" Max="20" MaxAge="30">40</NoCache></TTL>',
      { ttl: { noCache: { seconds: 40, ratio: 10, max: 20, maxAge: 30 } } },
    ],
    ["<UnvalidatableObjectResCode>404</UnvalidatableObjectResCode>", { unvalidatableObjectResCode: 404 }],
    [
      '<ApplyQueryString Collective="ON">OFF</ApplyQueryString>',
      { applyQueryString: false, applyQueryStringCollective: true },
    ],
    ["<ConnectionHeader>Close</ConnectionHeader>", { connectionHeader: "close" }],
    ["<ClientKeepAliveSec>1 min</ClientKeepAliveSec>", { clientKeepAliveSeconds: 60 }],
    ['<KeepAliveHeader Max="50">off</KeepAliveHeader>', { keepAliveHeader: false, keepAliveHeaderMax: 50 }],
    ["<LastModifiedCheck>OrLater</LastModifiedCheck>", { lastModifiedCheck: "orlater" }],
    ["<Purge2Expire>pattern</Purge2Expire>", { purge2Expire: "PATTERN" }],
    ["<RootPurgeExpire>Purge</RootPurgeExpire>", { rootPurgeExpire: "PURGE" }],
    [
      '<Compression Method="gzip" Level="9" SourceSize="1-10">ON</Compression>',
      {
        compression: {
          ...{ enabled: true, methods: ["gzip"], levels: { gzip: 9, br: 5, zstd: 6 }, precompresses: false },
          ...{ sourceMinBytes: 1_024, sourceMaxBytes: 10_240 },
        },
      },
    ],
    [
      '<Compression Method="zstd, br,GZIP" BrotliLevel="0" ZstdLevel="19" Precompression="ON">ON</Compression>',
      { compression: { methods: ["zstd", "br", "gzip"], levels: { gzip: 6, br: 0, zstd: 19 }, precompresses: true } },
    ],
  ])("OPT-58 reads %s", (content, expected) => {
    expect(acceptVhost(`<Options>${content}</Options>`).options).toMatchObject(expected);
  });

  it.each([
    ["<ConnectTimeout>5 sec</ConnectTimeout>", { connectTimeoutSeconds: 5 }],
    [
      '<Recovery Cycle="1min" Uri="/alive?x=1" ResCode="200, 404">0</Recovery>',
      { recovery: { count: 0, cycleSeconds: 60, uri: "/alive?x=1", resCodes: [200, 404] } },
    ],
    ['<Recovery ResCode="0">2</Recovery>', { recovery: { count: 2, resCodes: [] } }],
    ["<ReuseTimeout>0</ReuseTimeout>", { reuseTimeoutSeconds: 0 }],
    ["<BalanceMode>hash</BalanceMode>", { balanceMode: "Hash" }],
    ['<UserAgent Bypass="ON">*</UserAgent>', { userAgent: "*", userAgentBypass: true }],
    ['<XFFClientIPOnly Bypass="OFF">ON</XFFClientIPOnly>', { xffClientIpOnly: true, xffClientIpOnlyBypass: false }],
  ])("OPT-58 reads %s of the origin", (content, expected) => {
    expect(acceptVhost(`<OriginOptions>${content}</OriginOptions>`).originOptions).toMatchObject(expected);
  });
});

describe("<PartSize>", () => {
  const MEBIBYTE = 1024 ** 2;
  const partSize = (text: string): string => `<OriginOptions><PartSize>${text}</PartSize></OriginOptions>`;

  it("ORG-35 reads megabytes, which a host may set for itself", () => {
    const host = inherit(partSize("1"), "");
    expect(host.originOptions.partBytes).toBe(MEBIBYTE);
    expect(inherit(partSize("1"), partSize("10240")).originOptions.partBytes).toBe(10_240 * MEBIBYTE);
    expect(inherit(partSize("1"), partSize("0")).originOptions.partBytes).toBe(0);
  });

  it.each(["10241", "-1", "0.5", "1 MB"])("ORG-35 refuses %s", (text) => {
    expect(load({ "vhosts.xml": vhosts(vhost(partSize(text))) }).ok).toBe(false);
  });
});

describe("all files together", () => {
  it("reports the mistakes of both files at once", () => {
    const outcome = load({ "server.xml": "<Server><Cach/></Server>", "vhosts.xml": vhosts("<Vhost/>") });
    expect(!outcome.ok && new Set(outcome.problems.map((problem) => problem.file))).toEqual(
      new Set(["server.xml", "vhosts.xml"]),
    );
  });
});
