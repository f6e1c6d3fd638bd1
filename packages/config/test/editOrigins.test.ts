import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editOrigins } from "../src/index.ts";
import { accept } from "./support.ts";

const FILE = `<?xml version="1.0" encoding="UTF-8"?>\r
<!-- <Vhost Name="a.test"><Origin><Address>9.9.9.9</Address></Origin></Vhost> -->\r
<Vhosts>
  <Vhost Name="b.test"><Origin><Address>1.1.1.1</Address></Origin></Vhost>
  <Vhost Name="a.test" Status="Active">
    <Origin>
      <Address>1.1.1.1</Address> <!-- the first -->
      <Address Weight="2" ><![CDATA[1.1.1.2:8080]]></Address>
      <Address2>1.1.1.3</Address2>
    </Origin>
  </Vhost>
</Vhosts>`;

const edit = (add: readonly string[], remove: readonly string[], vhost = "a.test", weight = 1) =>
  editOrigins(FILE, { vhost, add: add.map((address) => ({ address, weight })), remove });

const addressesIn = (text: string, name = "a.test") =>
  accept({ "vhosts.xml": text })
    .vhosts.find((vhost) => vhost.name === name)
    ?.origin.addresses.map(({ text: address }) => address);

describe("AWS-31: changing the servers of a host in the text of its file", () => {
  it.each([
    [["10.0.0.5:32768"], [], ["1.1.1.1", "1.1.1.2:8080", "10.0.0.5:32768"]],
    [["10.0.0.5:1", "10.0.0.5:2"], ["1.1.1.1"], ["1.1.1.2:8080", "10.0.0.5:1", "10.0.0.5:2"]],
    [["10.0.0.5"], ["1.1.1.1", "1.1.1.2:8080"], ["10.0.0.5"]],
    [["1.1.1.1"], [], ["1.1.1.1", "1.1.1.2:8080"]],
    [["10.0.0.5", "10.0.0.5"], [], ["1.1.1.1", "1.1.1.2:8080", "10.0.0.5"]],
    [["https://b.test/dir"], ["1.1.1.2:8080"], ["1.1.1.1", "https://b.test/dir"]],
  ])("add %j, remove %j", (add, remove, expected) => {
    const outcome = edit(add, remove);
    expect(outcome.kind).toBe("edited");
    if (outcome.kind !== "edited") return;
    expect(addressesIn(outcome.text)).toEqual(expected);
    expect(addressesIn(outcome.text, "b.test")).toEqual(["1.1.1.1"]);
    expect(outcome.text).toContain("<!-- the first -->");
    expect(outcome.text).toContain("<Address2>1.1.1.3</Address2>");
  });

  it("leaves the text as it is where nothing is to be done", () => {
    expect(edit(["1.1.1.1"], [])).toMatchObject({ text: FILE });
  });

  it("writes the weight of those added", () => {
    const outcome = edit(["10.0.0.5"], [], "A.test", 3);
    expect(outcome).toMatchObject({ addresses: ["1.1.1.1", "1.1.1.2:8080", "10.0.0.5 (Weight 3)"] });
    expect(outcome.kind === "edited" && outcome.text).toContain('<Address Weight="3">10.0.0.5</Address>');
  });

  it("refuses what is unknown or no address", () => {
    expect(edit(["1.1.1.9"], [], "c.test")).toEqual({ kind: "unknownVhost" });
    expect(edit([], ["1.1.1.3"])).toMatchObject({ kind: "refused" });
    for (const address of ["", "a b", "x</Address>", "http://a", "a?<b>", "1.1.1.1:0", "a/&amp;"]) {
      expect(edit([address], [])).toMatchObject({ kind: "refused" });
    }
    expect(editOrigins("<Vhosts>", { vhost: "a", add: [], remove: [] })).toMatchObject({ kind: "refused" });
  });

  it("never lets an address become anything else", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (address) => {
        const outcome = edit([address], []);
        if (outcome.kind === "edited") expect(addressesIn(outcome.text)?.at(-1)).toBe(address.trim());
      }),
      { numRuns: 200 },
    );
  });
});
