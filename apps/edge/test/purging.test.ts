import type { InvalidationRequest } from "@basalt/cache";
import { type EdgeConfig, parseConfig } from "@basalt/config";
import type { PurgeRequest } from "@basalt/management";
import { systemClock } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { MOST_PATHS, MOST_TAGS, MOST_WILDCARDS } from "../src/purgeLimits.ts";
import { Purging } from "../src/purging.ts";

const configWith = (options = ""): EdgeConfig => {
  const host = (name: string) =>
    `<Vhost Name="${name}"><Origin><Address>10.0.0.1</Address></Origin><Options>${options}</Options></Vhost>`;
  const sources = new Map([
    ["server.xml", "<Server><Cache><Storage><Disk>/d/</Disk></Storage></Cache></Server>"],
    ["vhosts.xml", `<Vhosts>${host("a.example")}${host("b.example")}</Vhosts>`],
  ]);
  const outcome = parseConfig(sources, { home: "/opt/edge", generation: 1, cores: 1, hostName: "edge" });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome));
  return outcome.config;
};

class Scene {
  readonly asked: InvalidationRequest[][] = [];
  readonly measured: InvalidationRequest[][] = [];
  readonly jobs: PurgeRequest[] = [];
  isExcluded = false;
  aliases: readonly string[] = [];
  /** Awaited by each call. */
  gate: Promise<void> | undefined;
  readonly purging: Purging;

  constructor(config = configWith()) {
    const tallies = (requests: readonly InvalidationRequest[]) => requests.map(() => ({ count: 1, bytes: 10 }));
    this.purging = new Purging({
      config: () => config,
      clock: systemClock,
      areOriginsExcluded: () => this.isExcluded,
      aliasesOf: () => this.aliases,
      jobs: {
        repetitionOf: ({ reference }) => (reference === "used" ? Promise.resolve({ kind: "conflict" }) : undefined),
        run: async (request, invalidate) => {
          this.jobs.push(request);
          return { kind: "done", ...(await invalidate()), job: { id: "I1", state: "Completed" } };
        },
      },
      coordinator: {
        invalidateAll: async (requests) => {
          this.asked.push([...requests]);
          await this.gate;
          return tallies(requests);
        },
        measure: async (requests) => {
          this.measured.push([...requests]);
          return tallies(requests);
        },
      },
    });
  }

  run(change: Partial<PurgeRequest>) {
    return this.purging.run({ verb: "purge", targets: "a.example/x", seconds: 60, ...change });
  }
}

describe("calls of the purge family", () => {
  it.each([
    ["purge", 0],
    ["expire", 0],
    ["expireafter", 1],
    ["hardpurge", 1],
  ] as const)("PRG-16 while all origin servers are excluded, %s affects %i objects", async (verb, count) => {
    const scene = new Scene();
    scene.isExcluded = true;
    expect(await scene.run({ verb })).toMatchObject({ kind: "done", count, status: 200 });
    expect(await scene.run({ verb, targets: "", tagged: { tags: ["t"], vhost: "a.example" } })).toMatchObject({
      count,
    });
  });

  it("a tag without a host is one of every host, one of a host that does not exist is nobody's", async () => {
    const scene = new Scene();
    const tagged = { tags: ["t"], vhost: undefined };
    expect(await scene.run({ targets: "", tagged })).toMatchObject({ count: 2, bytes: 20 });
    const target = { kind: "tag", tags: ["t"] };
    const action = { kind: "purge" };
    expect(scene.asked).toEqual([
      [
        { vhost: "a.example", target, action },
        { vhost: "b.example", target, action },
      ],
    ]);
    const unknown = { ...tagged, vhost: "none.example" };
    expect(await scene.run({ targets: "", tagged: unknown })).toEqual({ kind: "unknownVhost" });
  });

  it("PRG-01 the host's rules hold for tags: with ALL a purge expires, guards of the root do not concern them", async () => {
    const scene = new Scene(configWith("<Purge2Expire>ALL</Purge2Expire><RootPurgeExpire>OFF</RootPurgeExpire>"));
    await scene.run({ targets: "", tagged: { tags: ["t"], vhost: "b.example" } });
    expect(scene.asked[0]).toMatchObject([{ vhost: "b.example", action: { kind: "expire" } }]);
  });

  it("a dry run only measures", async () => {
    const scene = new Scene();
    expect(await scene.run({ isDryRun: true, targets: "a.example/x|/*" })).toMatchObject({ count: 2 });
    expect([scene.asked.length, scene.measured.length]).toEqual([0, 1]);
  });

  it("AWS-53 a call is a job, but neither a dry run nor a call that is refused is one", async () => {
    const scene = new Scene();
    expect(await scene.run({ reference: "r" })).toMatchObject({ kind: "done", job: { id: "I1" } });
    const dry = await scene.run({ isDryRun: true, reference: "used" });
    expect(dry).toMatchObject({ kind: "done" });
    expect(dry).not.toHaveProperty("job");
    expect(await scene.run({ targets: "none.example/x" })).toEqual({ kind: "unknownVhost" });
    expect(await scene.run({ targets: "" })).toMatchObject({ kind: "malformed" });
    expect(await scene.run({ reference: "used" })).toEqual({ kind: "conflict" });
    expect([scene.jobs.length, scene.asked.length]).toEqual([1, 1]);
  });

  it("No-Vary-Search: the URL as the client wrote it reaches what is kept under another", async () => {
    const scene = new Scene();
    scene.aliases = ["/x?id=1"];
    await scene.run({ targets: "a.example/x?utm=2&id=1" });
    expect(scene.asked[0]?.map(({ target }) => target)).toEqual([
      { kind: "url", url: "/x?utm=2&id=1" },
      { kind: "url", url: "/x?id=1" },
    ]);
  });

  it("AWS-50, AWS-51: explicit paths and wildcards, AWS-52, AWS-A10: as many of each as are allowed at one time", async () => {
    const scene = new Scene();
    const paths = (count: number) => `a.example${Array.from({ length: count }, (_, index) => `/${index}`).join("|")}`;
    const wildcards = (count: number) =>
      `a.example${Array.from({ length: count }, (_, index) => `/${index}/*`).join("|")}`;
    expect(await scene.run({ targets: paths(MOST_PATHS + 1) })).toEqual({ kind: "tooMany" });
    expect(await scene.run({ targets: wildcards(MOST_WILDCARDS + 1) })).toEqual({ kind: "tooMany" });
    expect(await scene.run({ targets: paths(MOST_PATHS + 1), isDryRun: true })).toEqual({ kind: "tooMany" });
    const tags = Array.from({ length: MOST_TAGS + 1 }, (_, index) => `t${index}`);
    expect(await scene.run({ targets: "", tagged: { tags, vhost: "a.example" } })).toEqual({ kind: "tooMany" });
    expect([...scene.asked, ...scene.measured]).toEqual([]);
    const gate = Promise.withResolvers<void>();
    scene.gate = gate.promise;
    const running = [scene.run({ targets: paths(MOST_PATHS) }), scene.run({ targets: wildcards(MOST_WILDCARDS) })];
    expect(await scene.run({})).toEqual({ kind: "tooMany" });
    expect(await scene.run({ targets: "a.example/*" })).toEqual({ kind: "tooMany" });
    expect(await scene.run({ targets: "", tagged: { tags: ["t"], vhost: "a.example" } })).toEqual({ kind: "tooMany" });
    scene.gate = undefined;
    expect(await scene.run({ targets: "b.example/x" })).toMatchObject({ kind: "done" });
    gate.resolve();
    expect(await Promise.all(running)).toMatchObject([{ count: MOST_PATHS }, { count: MOST_WILDCARDS }]);
    expect(await scene.run({})).toMatchObject({ kind: "done" });
  });
});
