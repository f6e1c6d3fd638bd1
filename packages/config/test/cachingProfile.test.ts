import { formatProblem } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { adviseOnConfig, renderReference, type VhostSettings } from "../src/index.ts";
import { accept, onlyVhost, server, vhost } from "./support.ts";

const PROFILE = "<CachingProfile>rfc9111</CachingProfile>";

const read = (inDefault: string, inHost: string): VhostSettings =>
  onlyVhost(
    accept({
      "server.xml": server(`<VHostDefault>${inDefault}</VHostDefault>`),
      "vhosts.xml": `<Vhosts>${vhost(inHost)}</Vhosts>`,
    }),
  );

const dependentOf = ({ options, originOptions }: VhostSettings) => ({
  AgeHeader: options.ageHeader,
  OriginalHeader: options.originalHeader,
  OriginalETag: originOptions.originalETag,
  VaryHeader: options.varyHeader.join(),
  IfRange: options.ifRange,
  LastModifiedCheck: options.lastModifiedCheck,
  BypassPutRequest: options.bypassPutRequest,
  NoCacheRequestExpire: options.noCacheRequestExpire,
});

const GUIDE = {
  AgeHeader: false,
  OriginalHeader: false,
  OriginalETag: false,
  VaryHeader: "",
  IfRange: false,
  LastModifiedCheck: "exact",
  BypassPutRequest: false,
  NoCacheRequestExpire: false,
};

const RFC9111 = {
  AgeHeader: true,
  OriginalHeader: true,
  OriginalETag: true,
  VaryHeader: "*",
  IfRange: true,
  LastModifiedCheck: "orlater",
  BypassPutRequest: true,
  NoCacheRequestExpire: false,
};

describe("defaults by caching profile", () => {
  it.each([
    ["nowhere", "", "", GUIDE],
    ["for all hosts", `<Options>${PROFILE}</Options>`, "", RFC9111],
    ["for the host", "", `<Options>${PROFILE}</Options>`, RFC9111],
    [
      "for all, but not for the host",
      `<Options>${PROFILE}</Options>`,
      "<Options><CachingProfile>guide</CachingProfile></Options>",
      GUIDE,
    ],
    [
      "for the host, beside defaults of others",
      "<Options><ViaHeader>OFF</ViaHeader></Options>",
      `<Options>${PROFILE}</Options>`,
      RFC9111,
    ],
  ])("rfc9111 written %s", (_, inDefault, inHost, expected) => {
    expect(dependentOf(read(inDefault, inHost))).toEqual(expected);
  });

  it("what an operator writes wins, wherever it stands", () => {
    const own = `<Options>${PROFILE}<AgeHeader>OFF</AgeHeader><VaryHeader>Accept</VaryHeader></Options>`;
    expect(dependentOf(read("", own))).toEqual({ ...RFC9111, AgeHeader: false, VaryHeader: "accept" });
    const inherited =
      "<Options><AgeHeader>OFF</AgeHeader></Options><OriginOptions><OriginalETag>OFF</OriginalETag></OriginOptions>";
    expect(dependentOf(read(inherited, `<Options>${PROFILE}</Options>`))).toEqual({
      ...RFC9111,
      AgeHeader: false,
      OriginalETag: false,
    });
    const back = "<Options><AgeHeader>ON</AgeHeader></Options>";
    expect(dependentOf(read(inherited, `<Options>${PROFILE}<AgeHeader>ON</AgeHeader></Options>`))).toEqual({
      ...RFC9111,
      OriginalETag: false,
    });
    expect(dependentOf(read(back, "")).AgeHeader).toBe(true);
  });

  it("an empty list of Vary names is a value of its own", () => {
    expect(dependentOf(read("", `<Options>${PROFILE}<VaryHeader/></Options>`)).VaryHeader).toBe("");
  });

  it("hosts that write nothing share what they inherit", () => {
    const hosts = ["a", "b"].map((name) => vhost("", `Name="${name}.example.com"`)).join("");
    const [first, second] = accept({ "vhosts.xml": `<Vhosts>${hosts}</Vhosts>` }).vhosts;
    expect(first?.options).toBe(second?.options);
  });

  it("are told by the reference page", () => {
    const row = renderReference()
      .split("\n")
      .find((line) => line.startsWith("| `AgeHeader`"));
    expect(row).toContain("`OFF`; `ON` with the profile rfc9111");
  });
});

describe("advice on a configuration", () => {
  const hostsOf = (count: number, inside = ""): string =>
    Array.from({ length: count }, (_, index) => vhost(inside, `Name="host${index}.example.com"`)).join("");
  const adviceOf = (hosts: string, inDefault = ""): readonly string[] =>
    adviseOnConfig(
      accept({
        "server.xml": server(`<VHostDefault><Options>${inDefault}</Options></VHostDefault>`),
        "vhosts.xml": `<Vhosts>${hosts}</Vhosts>`,
      }),
    ).map(formatProblem);

  it("names the hosts that give private answers to others, for how long, and the way out", () => {
    const [advice, ...more] = adviceOf(hostsOf(2));
    expect(more).toEqual([]);
    expect(advice).toMatch(/^vhosts\.xml: warning: .*host0\.example\.com, host1\.example\.com .*private or no-store/);
    expect(advice).toMatch(/for 5 s .*<CachingProfile>rfc9111<\/CachingProfile>/);
  });

  it("is one sentence for thousands of hosts", () => {
    const [advice, ...more] = adviceOf(hostsOf(2_000));
    expect(more).toEqual([]);
    expect(advice).toContain("host4.example.com and 1995 more");
    expect(advice?.length).toBeLessThan(600);
  });

  it.each([
    ["the other profile", hostsOf(1), PROFILE],
    ["a host that is out of service", vhost("", 'Name="a" Status="Inactive"'), ""],
    ["no time for such answers", hostsOf(1), "<TTL><NoCache>0</NoCache></TTL>"],
  ])("is silent on %s", (_, hosts, inDefault) => {
    expect(adviceOf(hosts, inDefault)).toEqual([]);
  });

  it("warns of NoCache 0 where another source of lifetimes goes first", () => {
    const ttl = '<TTL Priority="cc_maxage, cc_nocache, rescode"><NoCache>0</NoCache></TTL>';
    expect(adviceOf(hostsOf(1), ttl)).toHaveLength(1);
  });
});
