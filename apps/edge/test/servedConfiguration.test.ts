import { parseConfig } from "@basalt/config";
import type { InfoLog } from "@basalt/telemetry";
import { EdgeError } from "@basalt/types";
import { describe, expect, it } from "vitest";
import type { Listeners } from "../src/listeners.ts";
import { ServedConfiguration } from "../src/servedConfiguration.ts";
import { NO_TLS } from "../src/tlsPlanning.ts";
import { configureWorkers } from "../src/workerConfiguring.ts";
import type { WorkerState } from "../src/workerProcess.ts";

const outcomeOf = (generation: number, content = "") => {
  const vhost = `<Vhost Name="a.example"><Origin><Address>10.0.0.1</Address></Origin>${content}</Vhost>`;
  const sources = new Map([
    ["server.xml", "<Server><Cache><Storage><Disk>/d/</Disk></Storage></Cache></Server>"],
    ["vhosts.xml", `<Vhosts>${vhost}</Vhosts>`],
  ]);
  const outcome = parseConfig(sources, { home: "/opt/edge", generation, cores: 1, hostName: "edge" });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return outcome;
};

const quiet: Pick<InfoLog, "notice" | "warning" | "error"> = { notice: () => {}, warning: () => {}, error: () => {} };

class Scene {
  readonly deeds: string[] = [];
  /** Thrown by the next one that is to work by a configuration. */
  failure: EdgeError | undefined;
  /** Another program takes the manager port of the first configuration as soon as it is free. */
  hasLostPort = false;
  readonly served: ServedConfiguration;

  constructor(content = "") {
    const first = outcomeOf(1, content);
    const listening = {
      commit: () => {
        this.deeds.push("listen");
        return { added: [], removed: [] };
      },
      abandon: () => this.deeds.push("abandon"),
    };
    const listeners: Pick<Listeners, "prepare"> = { prepare: () => listening };
    this.served = new ServedConfiguration({
      config: first.config,
      provenance: first.provenance,
      log: quiet,
      listeners,
      tls: { load: async () => NO_TLS, loaded: NO_TLS, putInService: () => {} },
      applyManager: async () => {
        this.deeds.push(`manager ${this.served.config.generation}`);
        if (this.hasLostPort && this.served.config.generation === 1) throw new EdgeError("INTERNAL");
      },
      apply: async (previous, listen) => {
        this.deeds.push(`apply ${previous.generation} to ${this.served.config.generation}`);
        const { failure } = this;
        this.failure = undefined;
        if (failure !== undefined) throw failure;
        listen();
      },
      restore: async (refused) => {
        this.deeds.push(`restore ${this.served.config.generation} for ${refused.generation}`);
      },
    });
  }
}

describe("the configuration in service", () => {
  it("REG-150, CFG-31: listens on new ports when every process has the new configuration", async () => {
    const scene = new Scene();
    expect(await scene.served.putInService(outcomeOf(2))).toMatchObject({ kind: "applied", generation: 2 });
    expect(scene.deeds).toEqual(["manager 2", "apply 1 to 2", "listen"]);
  });

  it("CFG-31: one that a worker cannot work by is refused, and the one before is in force everywhere again", async () => {
    const scene = new Scene();
    scene.failure = new EdgeError("INTERNAL", { detail: "worker 1 cannot work by this configuration: no key" });
    const outcome = await scene.served.putInService(outcomeOf(2));
    expect(outcome).toMatchObject({ kind: "refused", problems: [{ message: expect.stringContaining("no key") }] });
    expect(scene.deeds).toEqual(["manager 2", "apply 1 to 2", "abandon", "manager 1", "restore 1 for 2"]);
    expect([scene.served.config.generation, scene.served.latestGeneration]).toEqual([1, 2]);
    expect(await scene.served.putInService(outcomeOf(3))).toMatchObject({ kind: "applied", generation: 3 });
  });

  it("CFG-31: workers go back to the one before although its manager port cannot be had again", async () => {
    const scene = new Scene();
    scene.failure = new EdgeError("INTERNAL", { detail: "no key" });
    scene.hasLostPort = true;
    expect(await scene.served.putInService(outcomeOf(2))).toMatchObject({ kind: "refused" });
    expect(scene.deeds.slice(2)).toEqual(["abandon", "manager 1", "restore 1 for 2"]);
  });
});

describe("workers that get a configuration", () => {
  it("tell of those that cannot take it: those that end, start or drain are none of them", async () => {
    const asked: number[] = [];
    const worker = (slot: number, state: WorkerState, failure?: EdgeError) => ({
      slot,
      state,
      configure: async (_: string) => {
        asked.push(slot);
        if (failure !== undefined) throw failure;
      },
    });
    const broken = new EdgeError("INTERNAL", { detail: "no such key" });
    const workers = [
      worker(0, "serving"),
      worker(1, "serving", broken),
      worker(2, "serving", new EdgeError("SHUTTING_DOWN")),
      worker(3, "draining", broken),
      worker(4, "starting", broken),
    ];
    const refusals = await configureWorkers(workers, () => "a configuration");
    expect(asked).toEqual([0, 1, 2, 3]);
    expect(refusals).toEqual([
      { worker: workers[1], reason: "worker 1 cannot work by this configuration: no such key" },
    ]);
  });

  it("DRM-16 HTTP-76: the keys of a host that encrypts stay until its cache is cleared", async () => {
    const encrypting = (token: string): string =>
      `<Options><Drm Status="Active"><Token>${token}</Token></Drm></Options>`;
    const scene = new Scene(encrypting("first key"));
    const tokens = (): readonly string[] => scene.served.config.vhosts.map(({ options }) => options.drm.token);
    expect(await scene.served.putInService(outcomeOf(2, encrypting("second key")))).toMatchObject({
      kind: "applied",
      warnings: [{ element: "Vhosts/Vhost/Options/Drm", message: expect.stringContaining("clear its cache") }],
    });
    expect(tokens()).toEqual(["first key"]);
    await scene.served.vhostCleared("b.example");
    expect([tokens(), scene.served.config.generation]).toEqual([["first key"], 2]);
    await scene.served.vhostCleared("a.example");
    expect([tokens(), scene.served.config.generation]).toEqual([["second key"], 3]);
    expect(scene.deeds.slice(-3)).toEqual(["manager 3", "apply 2 to 3", "listen"]);
    await scene.served.vhostCleared("a.example");
    expect(scene.served.latestGeneration).toBe(3);
  });
});
