import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { descriptorOf, renderMib } from "../../src/snmp/mib.ts";
import { renderSnmpReference } from "../../src/snmp/reference.ts";
import { MIB_OBJECTS } from "../../src/snmp/tree/mibTree.ts";
import { SETTINGS } from "./support.ts";

/** The part of SNMPv2-SMI (RFC 2578) that the file imports; Debian has none of the modules of the IETF. */
const BASE = fileURLToPath(new URL("../../../testkit/test/scenes/support/mibs/SNMPv2-SMI.txt", import.meta.url));

const isThere = (program: string): boolean => spawnSync(program, ["--help"]).error === undefined;

const inFolder = <Value>(mib: string, use: (folder: string) => Value): Value => {
  const folder = mkdtempSync(join(tmpdir(), "basalt-mib-"));
  try {
    writeFileSync(join(folder, "BASALT-MIB"), mib);
    writeFileSync(join(folder, "SNMPv2-SMI"), readFileSync(BASE));
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const ROOTS = ["1.3.6.1.4.1.40001.1", "1.3.6.1.4.1.99999", "1.3.6.1.3.5.7"];

describe("the MIB file", () => {
  it("SNMP-07 has every object once, under a name that SMIv2 allows", () => {
    const mib = renderMib(SETTINGS);
    const names = MIB_OBJECTS.map(({ name }) => descriptorOf(name));
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) {
      expect(name).toMatch(/^[a-z][A-Za-z0-9]{0,63}$/);
      expect([name, mib.split(`\n${name} OBJECT-TYPE`).length]).toEqual([name, 2]);
    }
  });

  it("SNMP-41 no text of an operator breaks it", () => {
    const mib = renderMib({ ...SETTINGS, manufacture: 'The "Maker"', software: "" });
    expect(mib).toContain("ORGANIZATION \"The 'Maker'\"");
    expect(mib).toContain("Statistics and state of Basalt.");
  });

  it.skipIf(!isThere("smilint")).each(ROOTS)("SNMP-07 smilint has nothing to say of it with the root %s", (root) => {
    const said = inFolder(renderMib({ ...SETTINGS, root }), (folder) => {
      const { stdout, stderr } = spawnSync("smilint", ["-s", "-l", "3", "./BASALT-MIB"], {
        cwd: folder,
        env: { ...process.env, SMIPATH: folder },
      });
      return `${stdout}${stderr}`;
    });
    expect(said).toBe("");
  });

  it.skipIf(!isThere("snmptranslate"))("SNMP-07 snmptranslate finds every object by its name", () => {
    const lines = inFolder(renderMib(SETTINGS), (folder) => {
      const names = MIB_OBJECTS.map(({ name }) => `BASALT-MIB::${descriptorOf(name)}`);
      return `${spawnSync("snmptranslate", ["-M", folder, "-m", "BASALT-MIB", "-On", ...names]).stdout}`;
    });
    const found = lines.split("\n").filter((line) => line !== "");
    expect(found).toEqual(MIB_OBJECTS.map(({ suffix }) => `.${SETTINGS.root}.${suffix.join(".")}`));
  });
});

describe("the reference page", () => {
  it("is up to date (else run scripts/generateReference.ts)", () => {
    const page = new URL("../../../../docs/reference/snmp.md", import.meta.url);
    expect(readFileSync(page, "utf8")).toBe(renderSnmpReference());
  });
});
