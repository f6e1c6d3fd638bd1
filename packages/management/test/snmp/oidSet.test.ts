import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareOids, isBelow, type Oid, parseOid } from "../../src/snmp/oid.ts";
import { compileCommunities, OidSet } from "../../src/snmp/oidSet.ts";
import { below, ROOT } from "./support.ts";

const allowed = (...oids: readonly string[]): OidSet => OidSet.ofCommunity({ access: "Allow", oids });
const denied = (...oids: readonly string[]): OidSet => OidSet.ofCommunity({ access: "Deny", oids });

describe("what a community may read", () => {
  it("SNMP-43 SNMP-44 Allow: the subtrees listed, and nothing else", () => {
    const set = allowed(`${ROOT}.4.1`, `${ROOT}.4.2`, `${ROOT}.4.4`);
    const asked = ["4.1.11.10.1.5", "4.2.0", "4.3.1.2.1", "4.4", "1.2.0", "4.10"];
    expect(asked.map((suffix) => set.has(below(suffix)))).toEqual([true, true, false, true, false, false]);
  });

  it("SNMP-43 Deny: all but those listed", () => {
    const set = denied(`${ROOT}.4.1`);
    expect([below("4.1.2.0"), below("4.2.0"), [1, 3], [2]].map((oid) => set.has(oid))).toEqual([
      false,
      true,
      true,
      true,
    ]);
  });

  it("SNMP-45 the last number may be a range of them", () => {
    const set = denied(`${ROOT}.4.3.1.11.11.10.1-61`);
    const asked = ["4.3.1.11.11.10.1.5.1", "4.3.1.11.11.10.61.0.1", "4.3.1.11.11.10.62", "4.3.1.11.11.11.1.5.1"];
    expect(asked.map((suffix) => set.has(below(suffix)))).toEqual([false, false, true, true]);
  });

  it("SNMP-42 SNMP-47 communities that are not listed are refused where Deny says so", () => {
    const communities = [{ name: "example1", access: "Allow", oids: [`${ROOT}.4`] }] as const;
    const strict = compileCommunities({ communities, unregisteredCommunity: "Deny" });
    const open = compileCommunities({ communities, unregisteredCommunity: "Allow" });
    expect(strict(Buffer.from("public"))).toBe(undefined);
    expect(open(Buffer.from("public"))?.has([1, 3, 6])).toBe(true);
    expect(open(Buffer.from("example1"))?.has([1, 3, 6])).toBe(false);
    expect(strict(Buffer.from("example1"))?.has(below("4.2"))).toBe(true);
  });

  it("a community without an OID may read nothing, or with Deny everything", () => {
    expect(allowed().firstFrom([])).toBe(undefined);
    expect(denied().firstFrom([])).toEqual([]);
  });

  it("is what the list says for any OID, and steps over nothing that may be read", () => {
    const number = fc.integer({ min: 0, max: 4 });
    const oid = fc.array(number, { maxLength: 4 });
    const item = fc.tuple(fc.array(number, { minLength: 1, maxLength: 3 }), fc.nat(2));
    fc.assert(
      fc.property(
        fc.array(item, { maxLength: 5 }),
        fc.boolean(),
        fc.array(oid, { maxLength: 20 }),
        (items, isAllow, oids) => {
          const texts = items.map(
            ([path, more]) => `${path.join(".")}${more === 0 ? "" : `-${(path.at(-1) ?? 0) + more}`}`,
          );
          const set = isAllow ? allowed(...texts) : denied(...texts);
          const isListed = (oid: Oid): boolean =>
            items.some(([path, more]) => {
              const last = path.at(-1) ?? 0;
              return Array.from({ length: more + 1 }, (_, index) => [...path.slice(0, -1), last + index]).some(
                (subtree) => isBelow(oid, subtree),
              );
            });
          for (const one of oids) {
            expect([one, set.has(one)]).toEqual([one, isListed(one) === isAllow]);
            const first = set.firstFrom(one);
            for (const other of oids) {
              const isSkipped = compareOids(one, other) <= 0 && (first === undefined || compareOids(other, first) < 0);
              if (isSkipped) expect([other, set.has(other)]).toEqual([other, false]);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("OIDs may begin with a dot", () => {
    expect(allowed(`.${ROOT}.4`).has(parseOid(`${ROOT}.4.2.0`))).toBe(true);
  });
});
