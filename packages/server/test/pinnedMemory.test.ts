import { EmergencyState, MemoryBudget } from "@basalt/cache";
import { describe, expect, it } from "vitest";
import { requestText, type TestClient, TestEdge } from "./support/edge.ts";
import { turns, until } from "./support/waiting.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
/** Length of a body that is in memory as soon as it has arrived. */
const BODY = 256 * KIB;
/** Heads of answers lie in memory that they share with others. */
const HEADS = 64 * KIB;

/** A worker with its memory budget and the state of its host, looked at as often as the test says. */
class Scene {
  readonly edge = new TestEdge();
  readonly tier = {
    limitBytes: 0,
    bytes: 0,
    setLimit: (limitBytes: number): void => {
      this.tier.limitBytes = limitBytes;
    },
  };
  readonly budget: MemoryBudget;
  readonly state: EmergencyState;
  readonly log: string[] = [];

  constructor(limitBytes: number, isOn = true) {
    this.state = new EmergencyState(isOn);
    this.budget = new MemoryBudget({
      tier: this.tier,
      limitBytes,
      sending: this.edge.server,
      filling: { pinnedBytes: 0 },
    });
  }

  async storeAll(paths: readonly string[], bodyBytes: number): Promise<void> {
    for (const path of paths) await this.edge.store(path, Buffer.alloc(bodyBytes, path));
  }

  /** A client that takes next to nothing. */
  slow(path: string, room = 1000): TestClient {
    const client = this.edge.connect();
    client.socket.room = room;
    return client.get(path);
  }

  look(): number {
    this.budget.sample();
    const change = this.state.accept(1, this.budget.use);
    if (change !== undefined) {
      this.log.push(change.text);
      this.edge.server.setEmergency(change.isActive);
    }
    return this.budget.use.pinnedBytes;
  }
}

const pathsOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `/${index}`);

describe("memory pinned by slow clients", () => {
  it("OPT-60 is counted once for all clients of one object, and not against the cache that holds it", async () => {
    const scene = new Scene(10 * MIB);
    await scene.storeAll(["/a"], BODY);
    scene.edge.connect().get("/a");
    const clients = Array.from({ length: 50 }, () => scene.slow("/a"));
    const pinned = scene.look();
    expect(pinned).toBeGreaterThanOrEqual(BODY);
    expect(pinned).toBeLessThan(BODY + HEADS);
    expect(scene.tier.limitBytes).toBeGreaterThan(10 * MIB - HEADS);
    for (const client of clients) client.socket.take(MIB);
    expect(scene.look()).toBe(0);
  });

  it("OPT-04 displaces cached objects once the cache has parted with it", async () => {
    const scene = new Scene(10 * MIB);
    const paths = pathsOf(8);
    await scene.storeAll(paths, BODY);
    for (const path of paths) scene.slow(path);
    scene.edge.tier.clear();
    expect(scene.look()).toBeGreaterThanOrEqual(2 * MIB);
    expect(scene.tier.limitBytes).toBeLessThanOrEqual(8 * MIB);
    expect(scene.tier.limitBytes).toBeGreaterThan(8 * MIB - HEADS);
  });

  it("OPT-60 is that of relayed answers too, and is free when its client is gone", async () => {
    const scene = new Scene(10 * MIB);
    const client = scene.edge.connect();
    client.socket.room = 10;
    client.send(`${requestText("/form", ["Content-Length: 1"], "POST")}x`);
    (await scene.edge.origin.call()).head(200, ["Content-Length", String(MIB)]).data(Buffer.alloc(300 * KIB));
    expect(scene.look()).toBeGreaterThanOrEqual(300 * KIB);
    client.socket.destroy();
    expect(scene.look()).toBe(0);
  });

  it("OPT-60 is that of buffers through which long bodies are read, as long as they are in use", async () => {
    const scene = new Scene(10 * MIB);
    await scene.storeAll(["/long"], 3 * MIB);
    const taken = scene.slow("/long");
    const left = scene.slow("/long", 2000);
    await until(() => taken.socket.unsentBytes > 0 && left.socket.unsentBytes > 0);
    expect(scene.look()).toBeGreaterThanOrEqual(256 * KIB);
    left.socket.destroy();
    taken.socket.take(4 * MIB);
    await until(() => taken.all()[0]?.isComplete === true);
    await turns(2);
    expect(scene.look()).toBe(0);
  });

  it("OPT-60 is not counted against the cache where the cache holds blocks of a long body, which leave 1 MB at a time", async () => {
    const scene = new Scene(10 * MIB);
    await scene.storeAll(["/long"], 3 * MIB);
    for (let time = 0; time < 2; time++) {
      const reader = scene.edge.connect().get("/long");
      await until(() => reader.all()[0]?.isComplete === true);
    }
    const [client] = Array.from({ length: 10 }, () => scene.slow("/long"));
    await turns(5);
    expect(client?.socket.runs.map((lengths) => lengths.slice(-4))).toEqual([Array(4).fill(MIB / 4)]);
    const pinned = scene.look();
    expect(pinned).toBeGreaterThanOrEqual(MIB);
    expect(pinned).toBeLessThan(MIB + HEADS);
    expect(scene.tier.limitBytes).toBeGreaterThan(10 * MIB - HEADS);
  });

  it("OPT-61, OPT-69: many slow readers bring emergency mode, and their going ends it", async () => {
    const scene = new Scene(2 * MIB);
    const paths = pathsOf(10);
    await scene.storeAll(paths, BODY);
    const clients = paths.slice(0, 8).map((path) => scene.slow(path));
    const last = paths.slice(8).map((path) => scene.slow(path, 0));
    scene.look();
    expect(scene.edge.server.isEmergency).toBe(true);
    expect(scene.log).toEqual([expect.stringMatching(/^Emergency mode activated\. \(Memory overused: \+0\.5\dMB\)$/)]);
    expect((await scene.edge.connect().get("/other").response()).status).toBe(503);
    expect((await scene.edge.connect().get("/0").response()).status).toBe(200);

    for (const client of last) client.socket.destroy();
    scene.look();
    expect(scene.edge.server.isEmergency).toBe(true);
    clients[0]?.socket.take(MIB);
    scene.look();
    expect(scene.edge.server.isEmergency).toBe(false);
    expect(scene.log.slice(1)).toEqual(["Emergency mode inactivated."]);
  });

  it("OPT-61 OFF: slow readers take memory from the system, and the cache alone gives way", async () => {
    const scene = new Scene(MIB, false);
    const paths = pathsOf(6);
    await scene.storeAll(paths, BODY);
    for (const path of paths) scene.slow(path);
    scene.edge.tier.clear();
    expect(scene.look()).toBeGreaterThan(1.5 * MIB);
    expect(scene.tier.limitBytes).toBe(64 * KIB);
    expect([scene.edge.server.isEmergency, scene.log]).toEqual([false, []]);
    const client = scene.edge.connect().get("/new");
    (await scene.edge.origin.call(7)).reply(200, "new");
    expect((await client.response()).status).toBe(200);
  });
});
