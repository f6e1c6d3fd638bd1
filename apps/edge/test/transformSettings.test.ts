import { parseConfig } from "@basalt/config";
import { expect, it } from "vitest";
import { transformSettings, transformShareOf } from "../src/transformSettings.ts";

const GIBIBYTE = 1024 ** 3;

const configOf = (cache: string, options = "") => {
  const sources = new Map([
    ["server.xml", `<Server><Cache><Storage><Disk>/d/</Disk></Storage>${cache}</Cache></Server>`],
    [
      "vhosts.xml",
      `<Vhosts><Vhost Name="a"><Origin><Address>10.0.0.1</Address></Origin><Options>${options}</Options></Vhost></Vhosts>`,
    ],
  ]);
  const outcome = parseConfig(sources, { home: "/opt/edge", generation: 1, cores: 4, hostName: "edge" });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return outcome.config;
};

it.each([
  { what: "by its threads", cache: "", machine: 64, bytes: 1.75 * GIBIBYTE },
  { what: "to a quarter of the machine", cache: "", machine: 4, bytes: GIBIBYTE },
  { what: "to what a small machine needs at least", cache: "", machine: 0.5, bytes: 0.25 * GIBIBYTE },
  { what: "as configured", cache: "<TransformMemory>4096</TransformMemory>", machine: 4, bytes: 4 * GIBIBYTE },
])("DIMS-18 the memory of the transform host is bounded $what", ({ cache, machine, bytes }) => {
  expect(transformSettings(configOf(cache), machine * GIBIBYTE)).toEqual({
    threads: 4,
    queueLimit: 1_024,
    deadlineMs: 30_000,
    memoryBytes: bytes,
  });
});

it("DIMS-18 the share of a virtual host is what its options say, and little for one that is gone", () => {
  const config = configOf("", "<TransformShare>300</TransformShare><TransformThreads>2</TransformThreads>");
  expect(transformShareOf(config, "a")).toEqual({ weight: 300, threads: 2 });
  expect(transformShareOf(config, "gone")).toEqual({ weight: 1, threads: 1 });
});
