import { formatProblem } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { compileConfig } from "../src/loadConfig.ts";

describe("a configuration that is about to go into service", () => {
  it("AWS-19 brings a line for the info log, at start and at each reload, where clients may leave before an answer", async () => {
    const vhosts = (seconds: number): string =>
      `<Vhosts><Vhost Name="a.test"><Origin><Address>10.0.0.1</Address></Origin><OriginOptions><ReceiveTimeout>${seconds}</ReceiveTimeout></OriginOptions></Vhost></Vhosts>`;
    const warningsOf = async (seconds: number): Promise<readonly string[]> => {
      const sources = new Map([
        ["server.xml", "<Server/>"],
        ["vhosts.xml", vhosts(seconds)],
      ]);
      const outcome = await compileConfig(sources, "/nowhere", 1);
      return outcome.ok ? outcome.warnings.map(formatProblem) : [];
    };
    expect((await warningsOf(120)).join()).toContain("a.test may be silent for up to 123 s");
    expect((await warningsOf(10)).join()).not.toContain("silent");
  });
});
