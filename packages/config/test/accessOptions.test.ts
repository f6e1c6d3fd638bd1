import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { COUNTRY_CODES, countryOf, diffConfigs, ipv4Number, parseIpAddress, parsePasswordHash } from "../src/index.ts";
import { accept, acceptVhost, onlyVhost, problemsOf, server, vhost, vhosts, warningsOf } from "./support.ts";

const ACL = "svc/www.example.com/acl.txt";
const USERS = "svc/www.example.com/users.txt";
const access = (content: string) => acceptVhost(`<Options>${content}</Options>`).options.access;
const serviceAccess = (content: string) => accept({ "server.xml": server(`<Host>${content}</Host>`) }).server.host;

describe("<ServiceAccess>", () => {
  it("ACL-10 ACL-11 keeps Allow and Deny in the order of the file", () => {
    const { entries } = serviceAccess(
      "<ServiceAccess><Allow>1.1.1.1</Allow><Deny>1.1.1.0/24</Deny><Deny>AP</Deny><Allow>2001:db8::/32</Allow></ServiceAccess>",
    ).serviceAccess;
    expect(entries.map(({ action, address }) => `${action} ${address}`)).toEqual([
      "Allow 1.1.1.1",
      "Deny 1.1.1.0/24",
      "Deny AP",
      "Allow 2001:db8::/32",
    ]);
  });

  it("ACL-12 ACL-16 Default is Allow, GeoIP off; a relative folder is one of the home folder", () => {
    expect(serviceAccess("").serviceAccess).toEqual({ default: "Allow", geoIp: "", entries: [] });
    const written = serviceAccess('<ServiceAccess Default="Deny" GeoIP="geo"/>').serviceAccess;
    expect(written).toEqual({ default: "Deny", geoIp: "/opt/edge/geo", entries: [] });
  });

  it.each([
    ["<Deny>1.1.1.300</Deny>", "ACL-01"],
    ["<Deny>1.1.1.9-3</Deny>", "ACL-02"],
    ["<Allow>KOREA</Allow>", "ACL-05"],
    ["<Allow></Allow>", "ACL-11"],
  ])("refuses %s (%s)", (content) => {
    const problems = problemsOf({ "server.xml": server(`<Host><ServiceAccess>${content}</ServiceAccess></Host>`) });
    expect(problems).toHaveLength(1);
  });

  it("ACL-16 refuses a folder of another machine", () => {
    const text = server('<Host><ServiceAccess GeoIP="http://a/geo"/></Host>');
    expect(problemsOf({ "server.xml": text })).toHaveLength(1);
  });

  it("ACL-11 a changed order is a change", () => {
    const of = (content: string) =>
      accept({ "server.xml": server(`<Host><ServiceAccess>${content}</ServiceAccess></Host>`) });
    const changes = diffConfigs(
      of("<Allow>1.1.1.1</Allow><Deny>1.1.1.0/24</Deny>"),
      of("<Deny>1.1.1.0/24</Deny><Allow>1.1.1.1</Allow>"),
    );
    expect(changes.map(({ from, to, effect }) => [from, to, effect])).toEqual([
      ["Allow 1.1.1.1, Deny 1.1.1.0/24", "Deny 1.1.1.0/24, Allow 1.1.1.1", "live"],
    ]);
  });
});

describe("<AccessControl>", () => {
  it("ACL-20 ACL-21 ACL-22 is OFF, Allow and 401 unless written, and inherited", () => {
    expect(access("").accessControl).toEqual({ enabled: false, default: "Allow", denialCode: 401 });
    const files = {
      "server.xml": server(
        '<VHostDefault><Options><AccessControl Default="Deny" DenialCode="403">ON</AccessControl></Options></VHostDefault>',
      ),
      "vhosts.xml": vhosts(vhost('<Options><AccessControl DenialCode="404"/></Options>')),
    };
    const { accessControl } = onlyVhost(accept(files)).options.access;
    expect(accessControl).toEqual({ enabled: true, default: "Deny", denialCode: 404 });
  });
});

describe("acl.txt", () => {
  it("ACL-23 ACL-30 skips comments and blank lines, and counts lines", () => {
    const { acl } = onlyVhost(accept({ [ACL]: "# first\n\n/a , deny , 404\n/b\n/c,ALLOW" })).conditions;
    expect(acl.map(({ line, action }) => [line, action])).toEqual([
      [3, { kind: "deny", status: 404 }],
      [4, { kind: "opposite" }],
      [5, { kind: "allow" }],
    ]);
  });

  it.each([
    ["/a, allow, 200", "Behind allow nothing can stand."],
    ["/a, deny, 99", '"99" is not a status, 200 to 599.'],
    ["/a, deny, 404, x", "Behind the status of deny nothing can stand."],
    ["/a, redirect", "The target of the redirect is missing."],
    ["/a, redirect, http://a b", 'The target "http://a b" holds characters that a Location field cannot carry.'],
    ["/a, , 404", "The action is missing."],
    ["/a, refuse", '"refuse" is none of allow, deny, redirect.'],
    ["$METHOD[GET], deny", "METHOD cannot be used here, only URL, IP, HEADER, PROTOCOL."],
    ["$IP[AP]&!HEADER[referer], deny", "After $IP[AP] follows &!HEADER[referer]; & needs blanks around it."],
  ])("ACL-31 ACL-39 skips %s with a warning", (line, message) => {
    expect(warningsOf({ [ACL]: line })).toEqual([`${ACL}:1:1: warning: The line is skipped. ${message}`]);
  });

  it("never throws, whatever stands in it", () => {
    const piece = fc.constantFrom("$IP[", "]", " & ", ",", "deny", "redirect", "http://", "#URL", "/a", "KR", "\n");
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string())), (pieces) => {
        accept({ [ACL]: pieces.join(""), [USERS]: pieces.join("") });
      }),
      { numRuns: 100 },
    );
  });
});

const SCRYPT = `$scrypt$ln=4,r=8,p=1$${"c2FsdA"}$${Buffer.alloc(32, 7).toString("base64")}`;

describe("users.txt", () => {
  it("reads names and hashes", () => {
    const sha = Buffer.alloc(32, 1).toString("base64");
    const text = `# staff\nkim:${SCRYPT}\nlee:{SHA256}${sha}\npark:{SSHA256}${Buffer.alloc(40, 2).toString("base64")}`;
    const { users } = onlyVhost(accept({ [USERS]: text })).conditions;
    expect(users.map(({ user, password, line }) => [user, password.kind, line])).toEqual([
      ["kim", "scrypt", 2],
      ["lee", "sha256", 3],
      ["park", "sha256", 4],
    ]);
  });

  it.each([
    ["kim", "It is not of the form {name}:{hash}."],
    ["kim:secret", "The hash is neither $scrypt$… of a bearable cost nor {SSHA256}… nor {SHA256}…."],
    ["kim:$2y$05$abcdefghijklmnopqrstuv", "The hash is neither"],
    ["kim:$scrypt$ln=30,r=8,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "The hash is neither"],
    [":{SHA256}x", "The name is empty or holds control characters."],
  ])("skips %s and does not repeat what stands there", (line, message) => {
    const [warning = "", ...more] = warningsOf({ [USERS]: line });
    expect(more).toEqual([]);
    expect(warning).toContain(`${USERS}:1:1: warning: The line is skipped. ${message}`);
    expect(warning).not.toContain("secret");
  });

  it("a hash that costs too much to check is none", () => {
    expect(parsePasswordHash(SCRYPT)?.kind).toBe("scrypt");
    expect(parsePasswordHash(SCRYPT.replace("ln=4", "ln=17").replace("r=8", "r=32"))).toBeUndefined();
    expect(parsePasswordHash(SCRYPT.replace("p=1", "p=0"))).toBeUndefined();
  });
});

describe("what goes beyond the guide", () => {
  it("is off by default", () => {
    const { accessControl: _, ...rest } = access("");
    expect(rest).toEqual({
      maxRequestBodyBytes: 0,
      rateLimits: [],
      signedUrls: { enabled: false, parameter: "token", denialCode: 403, expiredCode: 410, urls: [], keys: [] },
      basicAuthentication: [],
      cors: {
        enabled: false,
        credentials: false,
        maxAgeSeconds: 600,
        methods: "GET, HEAD, POST",
        allowHeaders: "",
        exposeHeaders: "",
        origins: [],
      },
    });
    expect(serviceAccess("").connectionRate).toEqual({ count: 0, seconds: 1, burst: 0 });
  });

  it("reads every element", () => {
    const read = access(
      [
        "<MaxRequestBody>1000</MaxRequestBody>",
        '<RateLimit Requests="5" Seconds="1min" Field="X-Key">/api/*</RateLimit><RateLimit>/*</RateLimit>',
        '<SignedUrls Parameter="sig" DenialCode="404"><Url>/private/*</Url><Key Id="a">0123456789abcdef</Key>ON</SignedUrls>',
        '<BasicAuthentication Realm="Staff">/staff/*</BasicAuthentication>',
        '<Cors Credentials="ON" MaxAge="60"><Origin>https://*.Example.com</Origin><Origin>null</Origin>ON</Cors>',
      ].join(""),
    );
    expect(read.maxRequestBodyBytes).toBe(1_000);
    expect(read.rateLimits).toEqual([
      { url: "/api/*", requests: 5, seconds: 60, burst: 5, field: "x-key" },
      { url: "/*", requests: 100, seconds: 1, burst: 100, field: "" },
    ]);
    expect(read.signedUrls).toEqual({
      enabled: true,
      parameter: "sig",
      denialCode: 404,
      expiredCode: 410,
      urls: ["/private/*"],
      keys: [{ id: "a", secret: "0123456789abcdef" }],
    });
    expect(read.basicAuthentication).toEqual([{ url: "/staff/*", realm: "Staff" }]);
    expect(read.cors).toMatchObject({ enabled: true, credentials: true, maxAgeSeconds: 60 });
    expect(read.cors.origins).toEqual(["https://*.example.com", "null"]);
  });

  it("no change says what a key is", () => {
    const of = (key: string) =>
      accept({
        "vhosts.xml": vhosts(vhost(`<Options><SignedUrls>ON<Url>/a</Url><Key>${key}</Key></SignedUrls></Options>`)),
      });
    const changes = diffConfigs(of("first-secret-of-a-site"), of("other-secret-of-a-site"));
    expect(changes).toHaveLength(1);
    expect(JSON.stringify(changes)).not.toContain("secret");
  });

  it.each([
    "<SignedUrls>ON<Url>/a</Url><Key>short</Key></SignedUrls>",
    "<SignedUrls>ON<Url>a</Url></SignedUrls>",
    '<RateLimit Requests="0">/a</RateLimit>',
    "<Cors>ON<Origin>example.com</Origin></Cors>",
    "<BasicAuthentication>staff</BasicAuthentication>",
  ])("refuses %s", (content) => {
    const problems = problemsOf({ "vhosts.xml": vhosts(vhost(`<Options>${content}</Options>`)) });
    expect(problems).toHaveLength(1);
    expect(JSON.stringify(problems)).not.toContain("short");
  });
});

describe("addresses and countries", () => {
  it.each([
    ["0.0.0.0", 0],
    ["255.255.255.255", 0xffff_ffff],
    ["1.2.3.4", 0x0102_0304],
    ["1.2.3", -1],
    ["1.2.3.4.5", -1],
    ["01.2.3.4", -1],
    ["256.0.0.1", -1],
    ["1..2.3", -1],
    ["", -1],
  ])("ACL-01 %j is the number %d", (text, number) => {
    expect(ipv4Number(text)).toBe(number);
  });

  it("IPv6 addresses agree with their text, however it is shortened", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 }), (groups) => {
        const value = groups.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
        const texts = [
          groups.map((group) => group.toString(16)).join(":"),
          new URL(`http://[${groups.map((group) => group.toString(16)).join(":")}]/`).hostname.slice(1, -1),
        ];
        for (const text of texts) {
          const parsed = parseIpAddress(text);
          expect(parsed?.family === 4 ? undefined : parsed?.value).toBe(value >> 32n === 0xffffn ? undefined : value);
        }
      }),
    );
  });

  it.each([
    ["::", 0n],
    ["::1", 1n],
    ["1::", 1n << 112n],
    ["1:2:3:4:5:6:7:8", 0x0001_0002_0003_0004_0005_0006_0007_0008n],
    ["::2:3:4:5:6:7:8", 0x0002_0003_0004_0005_0006_0007_0008n],
    ["64:ff9b::1.2.3.4", (0x64ff9bn << 96n) | 0x0102_0304n],
    ["", undefined],
    [":", undefined],
    [":1", undefined],
    ["1:", undefined],
    [":::", undefined],
    ["1::2::3", undefined],
    ["1:2:3:4:5:6:7", undefined],
    ["1:2:3:4:5:6:7:8:9", undefined],
    ["1:2:3:4:5:6:7::8", undefined],
    ["1:2:3:4:5:6:7:8::", undefined],
    ["12345::", undefined],
    ["::g", undefined],
    ["::1.2.3", undefined],
    ["::1.2.3.4:5", undefined],
    ["1.2.3.4::", undefined],
    ["fe80::1%eth0", undefined],
  ])("IPv6 %j is %s", (text, value) => {
    const parsed = parseIpAddress(text);
    expect(parsed?.value).toBe(value);
    if (parsed !== undefined) expect(parsed.family).toBe(6);
  });

  it("ACL-05 knows all countries by both codes", () => {
    expect(COUNTRY_CODES).toHaveLength(250);
    expect(new Set(COUNTRY_CODES).size).toBe(250);
    for (const [alpha3, alpha2] of [
      ["KOR", "KR"],
      ["prk", "KP"],
      ["JPN", "JP"],
      ["GIN", "GN"],
      ["GBR", "GB"],
      ["USA", "US"],
      ["DEU", "DE"],
    ]) {
      expect(countryOf(alpha3 ?? "")).toBe(alpha2);
    }
    for (const code of ["AP", "eu", "A1"]) expect(countryOf(code)).toBe(code.toUpperCase());
    for (const none of ["", "K", "KRR", "KOREA", "1A", "!!"]) expect(countryOf(none)).toBeUndefined();
  });
});
