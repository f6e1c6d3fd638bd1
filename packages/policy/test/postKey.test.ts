import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePostSelector } from "../src/index.ts";
import { queryLines, vhostWith } from "./settings.ts";

const selectorOf = (bodySensitive: boolean, ...exceptions: readonly string[]) => {
  const postRequest = { enabled: true, bodySensitive, maxContentLengthBytes: 100 };
  const select = compilePostSelector(
    vhostWith({ options: { postRequest }, conditions: { postbody: queryLines(...exceptions) } }),
  );
  return (url: string, body: string) => select(url, Buffer.from(body));
};

describe("what a POST adds to the key", () => {
  it("KEY-12 the body with BodySensitive ON, nothing of it with OFF", () => {
    const [on, off] = [selectorOf(true), selectorOf(false)];
    expect(on("/q", "a=1")).toBe(on("/q", "a=1"));
    expect(on("/q", "a=1")).not.toBe(on("/q", "a=2"));
    expect(off("/q", "a=1")).toBe(off("/q", "a=2"));
  });

  it("KEY-14 postbody.txt turns it round, as to KEY-12", () => {
    const exceptions = ["/bigsale/*.php?nocache=*", "/goods/search.php"];
    for (const bodySensitive of [true, false]) {
      const select = selectorOf(bodySensitive, ...exceptions);
      const isSensitive = (url: string) => select(url, "a=1") !== select(url, "a=2");
      expect(isSensitive("/other.php")).toBe(bodySensitive);
      expect(isSensitive("/goods/search.php?x=1")).toBe(!bodySensitive);
      expect(isSensitive("/bigsale/a.php?nocache=1")).toBe(!bodySensitive);
      expect(isSensitive("/bigsale/a.php")).toBe(bodySensitive);
    }
  });

  it("KEY-12 is short, safe in a key, and never that of a GET, for any body", () => {
    const select = compilePostSelector(vhostWith());
    const seen = new Map<string, string>();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        const text = select("/", body);
        expect(text).toMatch(/^[A-Za-z0-9_-]{24}$/);
        const same = Buffer.from(body).toString("hex");
        expect(seen.get(text) ?? same).toBe(same);
        seen.set(text, same);
      }),
    );
    expect(selectorOf(false)("/", "")).toMatch(/^[A-Za-z0-9_-]{1,23}$/);
  });
});
