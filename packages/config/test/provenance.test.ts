import { describe, expect, it } from "vitest";
import { hasProfileDefault, type Provenance } from "../src/index.ts";
import { load } from "./support.ts";

const provenanceOf = (files: Readonly<Record<string, string>>): Provenance => {
  const outcome = load(files);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return outcome.provenance;
};

const SERVER = `<Server>
  <Cache>
    <Storage><Disk>/cache1</Disk></Storage>
    <ClientLimits><BodyBytes>10</BodyBytes></ClientLimits>
  </Cache>
  <VHostDefault>
    <Options>
      <AgeHeader>ON</AgeHeader>
      <TTL><Res2xx
        Ratio="10">60</Res2xx></TTL>
    </Options>
    <OriginOptions><UserAgent>edge</UserAgent></OriginOptions>
  </VHostDefault>
</Server>`;

const VHOSTS = `<Vhosts>
  <Vhost Name="a.test">
    <Alias>b.test</Alias>
    <Alias>c.test</Alias>
    <Origin>
      <Address>10.0.0.1</Address>
    </Origin>
    <Options>
      <AgeHeader>OFF</AgeHeader>
    </Options>
  </Vhost>
  <Vhost Name="d.test"><Origin><Address>10.0.0.2</Address></Origin></Vhost>
  <Default>a.test</Default>
</Vhosts>`;

describe("provenance", () => {
  const provenance = provenanceOf({ "server.xml": SERVER, "vhosts.xml": VHOSTS });
  const linesOf = (vhost: string, element: string): string[] =>
    provenance.placesOf(vhost, element).map(({ file, line }) => `${file}:${line}`);

  it.each([
    ["a.test", "Options/AgeHeader", ["vhosts.xml:9"]],
    ["d.test", "Options/AgeHeader", ["server.xml:8"]],
    ["a.test", "Options/TTL/Res2xx", ["server.xml:9"]],
    ["a.test", "Options/TTL/Res2xx@Ratio", ["server.xml:9"]],
    ["a.test", "Options/TTL/Res2xx@Max", []],
    ["a.test", "Options/ViaHeader", []],
    ["a.test", "OriginOptions/UserAgent", ["server.xml:12"]],
    ["a.test", "Alias", ["vhosts.xml:3", "vhosts.xml:4"]],
    ["a.test", "@Name", ["vhosts.xml:2"]],
    ["a.test", "Origin/Address", ["vhosts.xml:6"]],
    ["d.test", "@Name", ["vhosts.xml:12"]],
    ["nobody.test", "Options/AgeHeader", ["server.xml:8"]],
  ])("CFG-53 %s: %s is set at %j", (vhost, element, lines) => {
    expect(linesOf(vhost, element)).toEqual(lines);
  });

  it("names elements from the root of their file", () => {
    expect(provenance.placesOf("a.test", "@Name")[0]?.element).toBe("Vhosts/Vhost@Name");
    expect(provenance.placesOf("d.test", "Options/AgeHeader")[0]?.element).toBe(
      "Server/VHostDefault/Options/AgeHeader",
    );
    expect(provenance.serverPlacesOf("Cache/ClientLimits/BodyBytes")).toEqual([
      { file: "server.xml", line: 4, element: "Server/Cache/ClientLimits/BodyBytes" },
    ]);
    expect(provenance.vhostsPlacesOf("Default")).toEqual([{ file: "vhosts.xml", line: 13, element: "Vhosts/Default" }]);
    expect(provenance.serverPlacesOf("Cache/MaxSockets")).toEqual([]);
  });

  it("keeps out of the data that goes to workers", () => {
    const outcome = load({ "server.xml": SERVER, "vhosts.xml": VHOSTS });
    expect(outcome.ok && JSON.stringify(outcome.config)).not.toContain("provenance");
  });
});

describe("defaults of a profile", () => {
  it.each([
    ["Options/AgeHeader", "rfc9111", true],
    ["Options/AgeHeader", "guide", false],
    ["OriginOptions/OriginalETag", "rfc9111", true],
    ["Options/ViaHeader", "rfc9111", false],
    ["Options/Nothing", "rfc9111", false],
  ] as const)("%s has one in %s: %s", (element, profile, expected) => {
    expect(hasProfileDefault(element, profile)).toBe(expected);
  });
});
