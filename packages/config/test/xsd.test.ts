import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderServerXsd, renderVhostsXsd } from "../src/index.ts";
import type { ValueType } from "../src/options/valueTypes.ts";
import { type SchemaNode, SERVER_SCHEMA, VHOSTS_SCHEMA } from "../src/schema.ts";
import { HELLO_SERVER, HELLO_VHOSTS, server, vhost, vhosts } from "./support.ts";

const repository = new URL("../../../", import.meta.url);
const readText = (path: string): Promise<string> => readFile(new URL(path, repository), "utf8");

describe("the schemas for editors", () => {
  it.each([
    ["server.xsd", renderServerXsd],
    ["vhosts.xsd", renderVhostsXsd],
  ])("%s is up to date (else run scripts/generateReference.ts)", async (name, render) => {
    expect(await readText(`docs/reference/${name}`)).toBe(render());
  });

  const typesBelow = (node: SchemaNode): readonly ValueType<unknown>[] => [
    ...[node.text, ...node.attributes.values()].flatMap((slot) => (slot?.type === undefined ? [] : [slot.type])),
    ...[...node.children.values()].flatMap(typesBelow),
  ];

  const accepts = ({ shape }: ValueType<unknown>, text: string): boolean => {
    switch (shape?.kind) {
      case "integer":
        return /^\d+$/.test(text) && Number(text) >= shape.min && Number(text) <= shape.max;
      case "words":
        return shape.words.some((word) => word.toLowerCase() === text.toLowerCase());
      case "pattern":
        return new RegExp(`^(?:${shape.pattern})$`).test(text);
      default:
        return true;
    }
  };

  const SAMPLES = [
    ...["", "0", "1", "007", "100", "101", "1024", "65535", "65536", "100001", "3153600000", "999999999999999"],
    ...["ON", "off", "Off", "hang", "Memory", "rfc9111", "guide", "gzip", "keep-alive", "custom", "Admin", "x"],
    ...["30min", "1year 3months 2weeks 4days 7hours 10mins 36secs", "1 day 12", "6 hours", "02:00", "23:59", "24:00"],
    ...["-1", "1.5", "5 parsecs", "a, b", "200, 404", "/", "*", "127.0.0.1:80"],
  ];

  it("refuse no value that the parser takes", () => {
    const types = new Set([...typesBelow(SERVER_SCHEMA), ...typesBelow(VHOSTS_SCHEMA)]);
    expect(types.size).toBeGreaterThan(20);
    for (const type of types) {
      for (const text of SAMPLES) {
        if (type.parse(text).ok) expect([type.allowed, text, accepts(type, text)]).toEqual([type.allowed, text, true]);
      }
    }
  });
});

const hasXmllint = existsSync("/usr/bin/xmllint");

describe.skipIf(!hasXmllint)("the schemas, asked of xmllint (skipped without it: Debian libxml2-utils)", () => {
  let folder = "";

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "basalt-xsd-"));
    await writeFile(join(folder, "server.xsd"), renderServerXsd());
    await writeFile(join(folder, "vhosts.xsd"), renderVhostsXsd());
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** What xmllint says against a file; empty when it is valid. */
  const complaints = async (schema: "server.xsd" | "vhosts.xsd", text: string): Promise<string> => {
    const file = join(folder, "checked.xml");
    await writeFile(file, text);
    return new Promise((resolve) => {
      execFile("xmllint", ["--noout", "--nonet", "--schema", join(folder, schema), file], (error, _, stderr) =>
        resolve(error === null ? "" : stderr),
      );
    });
  };

  it.each(["server", "vhosts"] as const)("the demo's %s.xml is valid", async (name) => {
    const text = await readText(`infra/demo/home/${name}.xml`);
    expect(await complaints(`${name}.xsd`, text.replaceAll(/@\w+PORT@/g, "8080").replaceAll(/@\w+@/g, "word"))).toBe(
      "",
    );
  });

  it.each([
    ["the hello world", "server.xsd", HELLO_SERVER],
    ["the hello world", "vhosts.xsd", HELLO_VHOSTS],
    ["blanks around a word, and any case of it", "server.xsd", server("<Cache><Purge> hArD </Purge></Cache>")],
    ["an attribute without text", "vhosts.xsd", vhosts(vhost('<Options><TTL><Res2xx Ratio="5"/></TTL></Options>'))],
    ["elements in another order", "vhosts.xsd", vhosts("<Vhost Name='a'><Options/><Alias>b</Alias><Origin/></Vhost>")],
    ["a time expression", "server.xsd", server("<Cache><DrainSeconds>1 min 30 sec</DrainSeconds></Cache>")],
    ["what is not active yet", "server.xsd", server("<Https Listen='1.1.1.1:443'><Cert>a</Cert></Https><Https/>")],
  ] as const)("%s is valid by %s", async (_, schema, text) => {
    expect(await complaints(schema, text)).toBe("");
  });

  it.each([
    ["an unknown element", "server.xsd", server("\n<Cahce/>"), "Cahce"],
    ["an unknown attribute", "server.xsd", server('\n<Cache><Storage Fail="1"/></Cache>'), "Fail"],
    ["a number out of range", "server.xsd", server("\n<Cache><Workers>1025</Workers></Cache>"), "1025"],
    ["another word", "server.xsd", server("\n<Cache><Purge>Soft</Purge></Cache>"), "Soft"],
    ["an option outside its block", "vhosts.xsd", vhosts(vhost("\n<AgeHeader>ON</AgeHeader>")), "AgeHeader"],
    [
      "a switch given twice",
      "vhosts.xsd",
      vhosts(vhost(`<Stats>${"<ClientLocal>ON</ClientLocal>".repeat(2)}</Stats>`)),
      "",
    ],
  ] as const)("%s is not valid by %s", async (_, schema, text, word) => {
    const said = await complaints(schema, text);
    expect(said).not.toBe("");
    expect(said).toContain(word);
  });
});
