import { formatProblem } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { adviseOnConfig, adviseOnTimeouts } from "../src/index.ts";
import { accept, vhost, vhosts } from "./support.ts";

const adviceOf = (...hosts: readonly string[]): readonly string[] =>
  adviseOnTimeouts(accept({ "vhosts.xml": vhosts(hosts.join("")) })).map(formatProblem);

const waiting = (name: string, receiveSeconds: number, attributes = ""): string =>
  vhost(
    `<OriginOptions><ReceiveTimeout>${receiveSeconds}</ReceiveTimeout></OriginOptions>`,
    `Name="${name}" ${attributes}`,
  );

describe("an origin that may be silent for longer than clients wait", () => {
  it("AWS-19 is warned of in one sentence that names hosts and seconds", () => {
    const [advice, ...more] = adviceOf(waiting("a.test", 58), waiting("b.test", 120), waiting("quick.test", 57));
    expect(more).toEqual([]);
    expect(advice).toMatch(/^vhosts\.xml: warning: .*a\.test, b\.test may be silent for up to 123 s .*status 0 or 460/);
    expect(advice).not.toContain("quick.test");
  });

  it("AWS-19 is part of what check tells, and nothing is said of defaults", () => {
    const config = accept({ "vhosts.xml": vhosts(waiting("a.test", 90)) });
    expect(adviseOnConfig(config).map(({ element }) => element)).toContain("Vhosts/Vhost/OriginOptions/ReceiveTimeout");
    expect(adviceOf(vhost("", 'Name="a.test"'))).toEqual([]);
  });

  it("AWS-19 does not matter where the host is out of service", () => {
    expect(adviceOf(vhost("", 'Name="b.test"'), waiting("a.test", 90, 'Status="Inactive"'))).toEqual([]);
  });

  it("AWS-19 is one sentence for thousands of hosts", () => {
    const [advice = "", ...more] = adviceOf(...Array.from({ length: 2_000 }, (_, index) => waiting(`h${index}`, 90)));
    expect(more).toEqual([]);
    expect(advice).toContain("h4 and 1995 more");
  });
});
