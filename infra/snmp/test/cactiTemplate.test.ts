import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseXml } from "../../../packages/config/src/xml/parseXml.ts";
import { findChild, findChildren, type XmlElement } from "../../../packages/config/src/xml/xmlElement.ts";
import { formatOid } from "../../../packages/management/src/snmp/oid.ts";
import { MIB_OBJECTS } from "../../../packages/management/src/snmp/tree/mibTree.ts";
import { CACTI_GRAPHS } from "../cactiGraphs.ts";
import { renderCactiTemplate } from "../cactiTemplate.ts";

const readTemplate = (): XmlElement => {
  const outcome = parseXml(renderCactiTemplate());
  if (!outcome.ok) throw new Error(outcome.message);
  return outcome.root;
};

const textOf = (element: XmlElement | undefined, ...path: readonly string[]): string =>
  path.reduce((at, name) => findChild(at, name), element)?.text ?? "";

const ofKind = (root: XmlElement, code: string) => root.children.filter(({ name }) => name.startsWith(`hash_${code}`));

describe("the template for Cacti", () => {
  it("is up to date (else run infra/snmp/writeTemplate.ts)", () => {
    const file = new URL("../cacti_host_template_basalt.xml", import.meta.url);
    expect(readFileSync(file, "utf8")).toBe(renderCactiTemplate());
  });

  it("SNMP-385 SNMP-388 GRAPH-58: a host template with the 18 graphs of the guide", () => {
    expect(CACTI_GRAPHS.map(({ name }) => name).toSorted()).toEqual(
      [
        ...["Load Average", "Memory", "CPU", "ServerSocket", "TCP Socket", "Caching Response", "Client_Responses"],
        ...["Client_Responses(Detailed)", "Client_ResponseTime", "Client_Sessions", "Client_Traffic", "Content Memory"],
        ...["Hit Ratio", "Origin_Responses", "Origin_Responses(Detailed)", "Origin_ResponseTime", "Origin_Sessions"],
        "Origin_Traffic",
      ].toSorted(),
    );
    const root = readTemplate();
    const [host] = ofKind(root, "02");
    const graphs = ofKind(root, "00").map(({ name }) => name);
    expect([textOf(host, "name"), textOf(host, "graph_templates").split("|")]).toEqual(["Basalt", graphs]);
    expect(graphs.length).toBe(18);
  });

  it("SNMP-388 every series is an object of the tree, with what stands behind it", () => {
    const objects = new Map(MIB_OBJECTS.map((object) => [formatOid(object.suffix), object]));
    for (const { series, scale } of CACTI_GRAPHS) {
      for (const { oid, isSigned = false } of series) {
        const object = objects.get(oid.slice(0, oid.lastIndexOf(".")));
        const last = Number(oid.slice(oid.lastIndexOf(".") + 1));
        const wanted = object?.minutes === "vhosts" || object?.minutes === "global" ? 5 : 0;
        expect([oid, object?.type, object?.rows, last]).toEqual([
          ...[oid, isSigned ? "integer" : "gauge", undefined, wanted],
        ]);
        const unit = object?.unit ?? "";
        expect([oid, scale]).toEqual([oid, scaleOf(unit)]);
      }
    }
  });

  it("each data source asks for one OID, under a name of its own that Cacti takes", () => {
    const root = readTemplate();
    const templates = ofKind(root, "01");
    const asked = templates.map((template) => {
      const items = findChild(template, "items")?.children ?? [];
      const values = (findChild(template, "data")?.children ?? []).map((item) => textOf(item, "value")).filter(Boolean);
      expect(items.length).toBe(1);
      const name = textOf(items[0], "data_source_name");
      expect(name).toMatch(/^[A-Za-z0-9_]{1,19}$/);
      expect(values).toEqual([expect.stringMatching(/^\.1\.3\.6\.1\.4\.1\.40001\.1\.[\d.]+$/)]);
      return name;
    });
    expect(new Set(asked).size).toBe(asked.length);
  });

  it("SNMP-386 SNMP-387 SNMP-389: the page beside it tells how a server is added, why one cannot be reached, and how to see several", () => {
    const page = readFileSync(new URL("../README.md", import.meta.url), "utf8").replaceAll(/\s+/g, " ");
    for (const words of [
      "SNMP Uptime",
      "port 161",
      "agent is not active",
      "its port is another one",
      "one graph tree",
    ]) {
      expect(page).toContain(words);
    }
  });

  it("refers to nothing that is not in it, and no hash stands for two things", () => {
    const root = readTemplate();
    const known = new Set<string>();
    const referred = new Set<string>();
    const visit = (element: XmlElement): void => {
      if (element.name.startsWith("hash_")) {
        const isField = element.name.startsWith("hash_07");
        expect([element.name, !isField && known.has(element.name)]).toEqual([element.name, false]);
        known.add(element.name);
      }
      for (const hash of element.text.match(/hash_[0-9a-f]{38}/g) ?? []) referred.add(hash);
      for (const child of element.children) visit(child);
    };
    visit(root);
    for (const hash of referred) {
      const asItem = hash.replace("hash_00", "hash_10");
      expect([hash, known.has(hash) || known.has(asItem)]).toEqual([hash, true]);
    }
    expect(findChildren(root, "hash").length).toBe(0);
  });
});

const scaleOf = (unit: string): string => {
  if (unit.startsWith("0.01")) return "hundredths";
  return unit === "KB" ? "kilobytes" : "as it is";
};
