import { describe, expect, it } from "vitest";
import { diffConfigs, shareUnchanged } from "../src/index.ts";
import { accept, load, problemsOf, vhost, vhosts, warningsOf } from "./support.ts";

const rewrite = (inner: string, attributes = ""): string => `<URLRewrite${attributes}>${inner}</URLRewrite>`;

describe("URLRewrite of clients", () => {
  it("VHT-01, VHT-10, VHT-13: rules are read in their order, CDATA or not", () => {
    const rules = [
      rewrite("<Pattern>^a.com/(.*)</Pattern><Replace>b.com/#1</Replace>"),
      rewrite(
        '<Pattern><![CDATA[^c.com/["<&>](.*)]]></Pattern><Replace><![CDATA[d.com/?a=1&b=#1]]></Replace>',
        ' AccessLog="Pattern"',
      ),
    ];
    expect(accept({ "vhosts.xml": vhosts(...rules, vhost("")) }).urlRewrites).toEqual([
      { pattern: "^a.com/(.*)", replace: "b.com/#1", accessLog: "Replace" },
      { pattern: '^c.com/["<&>](.*)', replace: "d.com/?a=1&b=#1", accessLog: "Pattern" },
    ]);
    expect(accept().urlRewrites).toEqual([]);
  });

  it.each([
    ["VHT-15 an expression that cannot be compiled", "<Pattern>(</Pattern><Replace>a.com/</Replace>"],
    ["VHT-15 a back reference", "<Pattern>(a)\\1</Pattern><Replace>a.com/</Replace>"],
    ["VHT-05 no expression", "<Replace>a.com/</Replace>"],
    ["VHT-06 no template", "<Pattern>a</Pattern>"],
    ["VHT-06 a group that the expression lacks", "<Pattern>(a)</Pattern><Replace>b.com/#2</Replace>"],
    ["VHT-06 a blank in the template", "<Pattern>a</Pattern><Replace>b.com/ c</Replace>"],
  ])("%s is refused", (_, inner) => {
    const problems = problemsOf({ "vhosts.xml": vhosts(rewrite(inner), vhost("")) });
    expect(problems.map(({ element }) => element.startsWith("Vhosts/URLRewrite"))).toContain(true);
  });

  it("VHT-01: a change is one of the hosts' file", () => {
    const rule = (to: string): string => rewrite(`<Pattern>a</Pattern><Replace>${to}</Replace>`);
    const [from, to] = ["b.com/", "c.com/"].map((text) => accept({ "vhosts.xml": vhosts(rule(text), vhost("")) }));
    if (from === undefined || to === undefined) throw new Error("no configuration");
    expect(diffConfigs(from, to)).toEqual([
      { element: "Vhosts/URLRewrite", from: "a -> b.com/", to: "a -> c.com/", effect: "live" },
    ]);
  });
});

describe("facades", () => {
  const facade = (status: string, name = "b"): string => `<Vhost Name="${name}" Status="${status}"/>`;

  it("CFG-55, VHT-21: the host that serves is named, without regard to case, and no origin is needed", () => {
    const config = accept({ "vhosts.xml": vhosts(vhost("", 'Name="A.com"'), facade("facade:a.COM")) });
    expect(config.vhosts.map(({ status, facadeOf }) => [status, facadeOf])).toEqual([
      ["Active", undefined],
      ["Active", "A.com"],
    ]);
  });

  it.each([
    [
      "a facade of a facade",
      vhosts(vhost("", 'Name="a"'), facade("facade:a"), facade("facade:b", "c")),
      "b is a facade itself.",
    ],
    ["a facade of itself", vhosts(facade("facade:b")), "b is a facade of itself."],
  ])("VHT-23: %s is refused", (_, text, message) => {
    expect(problemsOf({ "vhosts.xml": text }).map((problem) => problem.message)).toEqual([message]);
  });

  it.each([
    [
      "is missing",
      vhosts(vhost("", 'Name="other.com"'), facade("facade:othr.com")),
      "There is no virtual host othr.com. Did you mean other.com?",
    ],
    ["is inactive", vhosts(vhost("", 'Name="a" Status="Inactive"'), facade("facade:a")), "a is Inactive."],
  ])("VHT-23: a target that %s is told", (_, text, start) => {
    expect(warningsOf({ "vhosts.xml": text })[0]).toContain(
      `${start} Requests for b are answered as those for an unknown host.`,
    );
  });

  it("VHT-22: what a facade has no use for is told", () => {
    const own = '<Vhost Name="b" Status="facade:a"><Options><AgeHeader>ON</AgeHeader></Options></Vhost>';
    expect(warningsOf({ "vhosts.xml": vhosts(vhost("", 'Name="a"'), own) })[0]).toContain(
      "a serves for b: what stands here has no effect.",
    );
  });
});

describe("Sub", () => {
  const other = vhost("", 'Name="Other.com"');
  const pathsOf = (...inner: readonly string[]) =>
    accept({ "vhosts.xml": vhosts(vhost(inner.join("")), other) }).vhosts[0]?.subPaths;
  const path = (text: string): string => `<Path Vhost="other.com">${text}</Path>`;

  it("VHT-32, VHT-33: missing slashes are added", () => {
    const texts = ["baseball", "*.jpg", "/football/", "/a", "a/b", "/img*/", "*"];
    expect(pathsOf(`<Sub>${texts.map(path).join("")}</Sub>`)?.map((entry) => entry.path)).toEqual([
      "/baseball/",
      "/*.jpg",
      "/football/",
      "/a/",
      "/a/b/",
      "/img*/",
      "/*",
    ]);
    expect(pathsOf(`<Sub>${path("a")}</Sub>`)).toEqual([{ path: "/a/", vhost: "Other.com" }]);
  });

  it("VHT-31: an inactive block does not count", () => {
    expect(pathsOf(`<Sub Status="Inactive">${path("a")}</Sub>`)).toEqual([]);
    expect(pathsOf("")).toEqual([]);
  });

  it("VHT-32: a host that is not there is told, no name and no path are refused", () => {
    const of = (inner: string) => ({ "vhosts.xml": vhosts(vhost(`<Sub>${inner}</Sub>`), other) });
    expect(warningsOf(of('<Path Vhost="nobody.com">a</Path>'))[0]).toContain("There is no virtual host nobody.com.");
    expect(problemsOf(of("<Path>a</Path>")).length).toBe(1);
    expect(problemsOf(of('<Path Vhost="other.com">a?b</Path>')).length).toBe(1);
  });
});

describe("thousands of hosts", () => {
  const options = (value: string): string => `<Options>\n<TTL><Res2xx>${value}</Res2xx></TTL></Options>`;
  const hosts = (value: string): string =>
    vhosts(
      ...["a", "b", "c"].map((name) => vhost(options(name === "c" ? value : "10"), `Name="${name}"`)),
      vhost("", 'Name="d"'),
    );

  it("CFG-53: what hosts write alike is one object, from one reading of the files to the next", () => {
    const [first, second] = [hosts("20"), hosts("30")].map((text) => accept({ "vhosts.xml": text }).vhosts);
    expect(first?.[0]?.options).toBe(first?.[1]?.options);
    expect(first?.[0]?.options).not.toBe(first?.[2]?.options);
    expect(first?.[0]?.logs).toBe(first?.[3]?.logs);
    expect(second?.[0]?.options).toBe(first?.[0]?.options);
    expect([first, second].map((read) => read?.[2]?.options.ttl.res2xx.seconds)).toEqual([20, 30]);
    const outcome = load({ "vhosts.xml": hosts("20") });
    const lines = outcome.ok
      ? ["a", "b"].map((name) => outcome.provenance.placesOf(name, "Options/TTL/Res2xx").map(({ line }) => line))
      : [];
    expect(lines[1]?.[0]).toBeGreaterThan(lines[0]?.[0] ?? Number.POSITIVE_INFINITY);
  });

  it("CFG-31: hosts that say the same stay the same objects over a reload", () => {
    const current = accept({ "vhosts.xml": hosts("20") });
    const next = shareUnchanged(current, accept({ "vhosts.xml": hosts("30") }));
    expect(next.vhosts.map((host, index) => host === current.vhosts[index])).toEqual([true, true, false, true]);
    expect(diffConfigs(current, next).map(({ element }) => element)).toEqual(["Vhost[c]/Options/TTL/Res2xx"]);
  });
});

describe("VhostLink", () => {
  const link = (condition: string, target = "b"): string => `<VhostLink${condition}>${target}</VhostLink>`;
  const hosts = (inner: string): string => vhosts(vhost(inner, 'Name="a"'), vhost("", 'Name="B"'));

  it("VHT-50 VHT-51: names a host without regard to case, and answers of the origin", () => {
    const [first, second] = accept({ "vhosts.xml": hosts(link(' Condition="403, 404,5XX,fail"')) }).vhosts;
    expect(first?.link).toEqual({ vhost: "B", condition: [403, 404, "5xx", "fail"] });
    expect(second?.link).toBeUndefined();
  });

  it.each([
    ["VHT-51 a word that is no answer", link(' Condition="404,never"')],
    ["VHT-51 a status that there is not", link(' Condition="600"')],
    ["VHT-51 no condition", link("")],
    ["VHT-50 a second one", link(' Condition="404"') + link(' Condition="403"')],
  ])("%s is refused", (_, inner) => {
    const problems = problemsOf({ "vhosts.xml": hosts(inner) });
    expect(problems.some(({ element }) => element.startsWith("Vhosts/Vhost/VhostLink"))).toBe(true);
  });

  it.each([
    ["nobody", "There is no virtual host nobody."],
    ["a", "a is this host itself."],
  ])("VHT-53: a link to %s is told", (target, message) => {
    const warnings = warningsOf({ "vhosts.xml": hosts(link(' Condition="404"', target)) });
    expect(warnings.some((warning) => JSON.stringify(warning).includes(message))).toBe(true);
  });

  it("VHT-50: a change is one of the host", () => {
    const [from, to] = ["404", "fail"].map((condition) =>
      accept({ "vhosts.xml": hosts(link(` Condition="${condition}"`)) }),
    );
    if (from === undefined || to === undefined) throw new Error("no configuration");
    expect(diffConfigs(from, to)).toEqual([
      { element: "Vhost[a]/VhostLink", from: "B (404)", to: "B (fail)", effect: "live" },
    ]);
  });
});
