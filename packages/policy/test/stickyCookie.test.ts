import type { StickySettings } from "@basalt/config";
import { describe, expect, it } from "vitest";
import { stickySetCookie, stickyTokenOf } from "../src/index.ts";

const OWN: StickySettings = { mode: "cookie", name: "EDGE", durationSeconds: 60 };
const APPLICATION: StickySettings = { mode: "application", name: "JSESSIONID", durationSeconds: 60 };
const OFF: StickySettings = { ...OWN, mode: "OFF" };

describe("AWS-29: the server of a client, by its cookies", () => {
  it.each([
    [OWN, "a=1; EDGE=tok-1_2; b=2", "tok-1_2"],
    [OWN, "EDGE=tok", "tok"],
    [OWN, "XEDGE=tok; EDGE2=tok", undefined],
    [OWN, "EDGE=", undefined],
    [OWN, "EDGE=a b", undefined],
    [OWN, `EDGE=${"x".repeat(65)}`, undefined],
    [OWN, undefined, undefined],
    [OFF, "EDGE=tok", undefined],
    [APPLICATION, "JSESSIONID=s; JSESSIONID-edge=tok", "tok"],
    [APPLICATION, "JSESSIONID-edge=tok", undefined],
    [APPLICATION, "JSESSIONID=s", undefined],
  ])("%j with %s", (settings, cookies, token) => {
    expect(stickyTokenOf(cookies, settings)).toBe(token);
  });

  it("gives its own cookie once, and another when another server has answered", () => {
    const value = "EDGE=tok; Path=/; Max-Age=60; HttpOnly; SameSite=Lax";
    expect(stickySetCookie(OWN, undefined, [], "tok", false)).toBe(value);
    expect(stickySetCookie(OWN, "EDGE=old", [], "tok", true)).toBe(`${value}; Secure`);
    expect(stickySetCookie(OWN, "EDGE=tok", [], "tok", false)).toBeUndefined();
    expect(stickySetCookie({ ...OWN, durationSeconds: 0 }, undefined, [], "tok", false)).not.toContain("Max-Age");
    expect(stickySetCookie(OFF, undefined, [], "tok", false)).toBeUndefined();
  });

  it("gives it with the application's cookie, for as long as that lives", () => {
    const answer = [
      "Set-Cookie",
      "other=1",
      "set-cookie",
      "JSESSIONID=s; Path=/app; HttpOnly; Max-Age=30; Domain=a.test",
    ];
    expect(stickySetCookie(APPLICATION, undefined, answer, "tok", false)).toBe(
      "JSESSIONID-edge=tok; Path=/app; Max-Age=30; Domain=a.test; HttpOnly; SameSite=Lax",
    );
    expect(stickySetCookie(APPLICATION, undefined, ["Set-Cookie", "other=1"], "tok", false)).toBeUndefined();
    expect(stickySetCookie(APPLICATION, "JSESSIONID=s; JSESSIONID-edge=tok", [], "tok", false)).toBeUndefined();
    expect(stickySetCookie(APPLICATION, "JSESSIONID=s; JSESSIONID-edge=gone", [], "tok", false)).toMatch(
      /^JSESSIONID-edge=tok/,
    );
  });

  it("takes no line from the origin's cookie over", () => {
    const answer = ["Set-Cookie", "JSESSIONID=s; Path=/\r\nX: y; Expires=soon\u0000"];
    expect(stickySetCookie(APPLICATION, undefined, answer, "tok", false)).toBe(
      "JSESSIONID-edge=tok; HttpOnly; SameSite=Lax",
    );
  });
});
