import type { AccessRule } from "@basalt/config";
import { describe, expect, it } from "vitest";
import { explainAccessList } from "../../src/explain/accessList.ts";
import type { Sources } from "../../src/explain/sources.ts";
import { OPEN_ACCESS, onUrl, requestFor, vhostWith } from "../settings.ts";

const SOURCES: Sources = {
  option: (element) => ({ kind: "default", element }),
  server: (element) => ({ kind: "default", element }),
  vhosts: (element) => ({ kind: "default", element }),
  condition: (file, line) => ({ kind: "line", file, line, element: "" }),
};

const RULES: readonly AccessRule[] = [
  { condition: onUrl("/denied"), action: { kind: "deny", status: 410 }, line: 3 },
  { condition: onUrl("/moved"), action: { kind: "redirect", location: "http://x#URL" }, line: 4 },
];

const explain = (url: string) =>
  explainAccessList(
    requestFor(url),
    vhostWith({
      options: {
        access: {
          ...OPEN_ACCESS,
          accessControl: { enabled: true, default: "Allow", denialCode: 401 },
          basicAuthentication: [{ url: "/staff/*", realm: "Staff" }],
        },
      },
      conditions: { acl: RULES },
    }),
    SOURCES,
  );

describe("what explain says of acl.txt", () => {
  it("ACL-42 names the line that decides", () => {
    expect(explain("/denied")).toEqual({
      refusal: { status: 410, verdict: "Would be denied with 410 by acl.txt." },
      facts: [
        {
          name: "accessList",
          value: "deny, 410",
          because: "by a line of acl.txt",
          source: { kind: "line", file: "acl.txt", line: 3, element: "" },
        },
      ],
    });
    expect(explain("/moved").refusal).toEqual({
      status: 302,
      verdict: "Would be redirected to http://x/moved by acl.txt.",
    });
  });

  it("ACL-21 names the default where no line matches, and what else is needed", () => {
    const { refusal, facts } = explain("/staff/a");
    expect(refusal).toBeUndefined();
    expect(facts.map(({ name, value }) => [name, value])).toEqual([
      ["accessList", "allow"],
      ["password", true],
    ]);
  });
});
