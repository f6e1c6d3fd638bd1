import { describe, expect, it } from "vitest";
import { adviseOnConfig } from "../src/index.ts";
import { accept, acceptVhost, problemsOf, vhost, vhosts } from "./support.ts";

const subscriptionsOf = (xml: string) => acceptVhost(`<Log>${xml}</Log>`).logs.subscriptions;

const messagesOf = (xml: string): readonly string[] =>
  problemsOf({ "vhosts.xml": vhosts(vhost(`<Log>${xml}</Log>`)) }).map(({ message }) => message);

describe("<Subscription>", () => {
  it("AWS-86 is read with its defaults", () => {
    expect(
      subscriptionsOf('<Subscription Name="errors" Url="http://10.0.0.1/in">[..., status=5*, b]</Subscription>'),
    ).toEqual([
      {
        name: "errors",
        log: "access",
        pattern: "[..., status=5*, b]",
        url: "http://10.0.0.1/in",
        owner: "basalt",
        events: 500,
        seconds: 5,
        spoolMegabytes: 64,
      },
    ]);
  });

  it("AWS-86 AWS-87 is read with all its parts, and the logs of the server have some too", () => {
    const xml =
      '<Subscription Name="a" Log="Origin" Url="https://logs.test/x?k=1" Owner="123" Events="10" Seconds="1" SpoolMegabytes="2"/>';
    expect(subscriptionsOf(xml)).toEqual([
      {
        ...{ name: "a", log: "origin", pattern: "", url: "https://logs.test/x?k=1", owner: "123" },
        ...{ events: 10, seconds: 1, spoolMegabytes: 2 },
      },
    ]);
    const server =
      '<Server><Cache><Subscription Name="d" Log="Deny" Url="http://h/"/><Subscription Name="o" Url="http://h/"/></Cache></Server>';
    expect(accept({ "server.xml": server }).server.cache.subscriptions.map(({ log }) => log)).toEqual([
      "deny",
      "originerror",
    ]);
  });

  it.each([
    ["no name", '<Subscription Url="http://h/"/>', "A <Subscription> has no name."],
    ["no receiver", '<Subscription Name="a"/>', "A <Subscription> has no receiver."],
    ["a name twice", '<Subscription Name="a" Url="http://h/"/><Subscription Name="a" Url="http://h/"/>', "already"],
    ["a name that leaves its folder", '<Subscription Name="../a" Url="http://h/"/>', "cannot be a name"],
    ["a receiver of another scheme", '<Subscription Name="a" Url="file:///etc/passwd"/>', "is no such URL"],
    ["a receiver with a password", '<Subscription Name="a" Url="http://u:p@h/"/>', "is no such URL"],
    [
      "a pattern that is none",
      '<Subscription Name="a" Url="http://h/">[a</Subscription>',
      "The pattern has something else",
    ],
    ["a log of the server", '<Subscription Name="a" Log="Deny" Url="http://h/"/>', ""],
  ])("%s is refused", (_, xml, message) => {
    expect(messagesOf(xml)).toEqual([expect.stringContaining(message)]);
  });

  it("AWS-86 a log without a file is warned of", () => {
    const xml = '<Log><Access>OFF</Access><Subscription Name="a" Url="http://h/"/></Log>';
    const problems = adviseOnConfig(accept({ "vhosts.xml": vhosts(vhost(xml)) }));
    expect(problems.map(({ element }) => element)).toContain("Vhosts/Vhost/Log/Subscription");
  });
});
