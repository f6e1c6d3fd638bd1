import { type EdgeConfig, parseConfig, shareUnchanged } from "@basalt/config";
import { describe, expect, it } from "vitest";
import { packConfig, unpackConfig } from "../src/configTransfer.ts";

const configOf = (generation: number, hosts: Readonly<Record<string, string>>): EdgeConfig => {
  const vhosts = Object.entries(hosts).map(
    ([name, address]) => `<Vhost Name="${name}"><Origin><Address>${address}</Address></Origin></Vhost>`,
  );
  const sources = new Map([
    ["server.xml", "<Server/>"],
    ["vhosts.xml", `<Vhosts>${vhosts.join("")}</Vhosts>`],
  ]);
  const outcome = parseConfig(sources, { home: "/opt/edge", generation, cores: 1, hostName: "edge" });
  if (!outcome.ok) throw new Error("the configuration is wrong");
  return outcome.config;
};

/** As a message that another process gets. */
const sent = <Message>(message: Message): Message => structuredClone(message);

describe("a configuration on its way to a worker", () => {
  const first = configOf(1, { a: "10.0.0.1", b: "10.0.0.2", c: "10.0.0.3" });
  const second = shareUnchanged(first, configOf(2, { c: "10.0.0.3", new: "10.0.0.9", a: "10.0.0.7" }));

  it("is whole for a worker that has none", () => {
    expect(unpackConfig(sent(packConfig(first, undefined)), undefined)).toEqual(first);
  });

  it("names the hosts that the worker has already, and leaves their objects alone", () => {
    const known = unpackConfig(sent(packConfig(first, undefined)), undefined);
    const transfer = sent(packConfig(second, first));
    expect(transfer.vhosts.map((entry) => (typeof entry === "number" ? entry : entry.name))).toEqual([2, "new", "a"]);
    const next = unpackConfig(transfer, known);
    expect(next).toEqual(second);
    expect(next.vhosts[0]).toBe(known.vhosts[2]);
  });

  it("is not mixed with another one than it was made for", () => {
    const transfer = packConfig(second, first);
    expect(() => unpackConfig(transfer, undefined)).toThrow();
    expect(() => unpackConfig(transfer, { ...first, generation: 7 })).toThrow();
  });
});
