import { type GraphQuestion, HOST_PART, positionOf } from "@basalt/management/graphs";
import type { HostFacts, Statistics, StoredFileFacts, VhostSubject } from "@basalt/telemetry";
import { VHOST_SLOT, VHOST_SLOT_COUNT } from "@basalt/telemetry";
import { epochMs } from "@basalt/types";
import { beforeEach, describe, expect, it } from "vitest";
import { GraphKeeper } from "../../src/graphs/graphKeeper.ts";
import type { GraphWindow, HostValues } from "../../src/graphs/graphProtocol.ts";
import type { GraphWork } from "../../src/graphs/graphWork.ts";

const START = Date.UTC(2026, 8, 3, 23, 40);
const WINDOW_MS = 300_000;
const STATS = { dirDepth: 0, dirDepthAccum: false, httpsTraffic: false, clientLocal: true, originLocal: true };
const SOCKETS = { inUse: 0, orphan: 0, timeWait: 0, allocated: 0, memoryPages: 0, established: 3 };
const TIMES = { user: 0, nice: 0, system: 0, idle: 0, ioWait: 0, irq: 0, softIrq: 0, steal: 0 };

type Named = Readonly<Record<string, number>>;

/** Does what it is asked only when it is told to. */
class FakeWork implements GraphWork {
  readonly windows: GraphWindow[] = [];
  /** Names and responses of each window. */
  readonly hosts: Named[] = [];
  readonly drawn: string[] = [];
  readonly finish: (() => void)[] = [];
  isClosed = false;
  isFailing = false;
  #names: Record<string, number> = {};

  draw({ resource, type, vhost }: GraphQuestion, untilMs: number): Promise<Uint8Array | undefined> {
    this.drawn.push(`${resource} ${type} ${vhost} ${untilMs}`);
    const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>();
    this.finish.push(() => resolve(this.isFailing ? undefined : Uint8Array.of(this.drawn.length)));
    return promise;
  }
  async record(window: GraphWindow): Promise<void> {
    this.windows.push(window);
    this.hosts.push(this.#names);
    this.#names = {};
  }
  async recordHosts({ hosts }: { readonly hosts: readonly HostValues[] }): Promise<void> {
    const { mean } = positionOf(HOST_PART, "clientRequests");
    for (const { name, values } of hosts) this.#names[name] = values[mean] ?? Number.NaN;
  }
  async tidy(): Promise<void> {}
  async close(): Promise<void> {
    this.isClosed = true;
  }
}

let work: FakeWork;
let keeper: GraphKeeper;
let nowMs: number;
let names: string[];
let stored: Record<string, number>;
let minutesEnded: number;
let asked: number[];
let problems: string[];

const filesOf = (objects: number): StoredFileFacts => ({
  ...{ objects, bytes: 0, bySize: [objects, ...new Array<number>(25).fill(0)] },
});

const subjectOf = (name: string): VhostSubject | undefined =>
  names.includes(name)
    ? { name, uptimeSeconds: 1, files: filesOf(stored[name] ?? 0), stats: STATS, ports: [] }
    : undefined;

beforeEach(() => {
  work = new FakeWork();
  nowMs = START;
  names = ["a.test", "b.test"];
  stored = {};
  minutesEnded = 0;
  asked = [];
  problems = [];
  keeper = new GraphKeeper({
    clock: { now: () => epochMs(nowMs) },
    log: { error: (text: string) => void problems.push(text) },
    work,
    vhostNames: () => names,
    vhost: subjectOf,
  });
});

const HOST: HostFacts = {
  ...{ version: "", name: "", state: "Healthy", uptimeSeconds: 1, waitingEvents: 0, samples: 300, seconds: 300 },
  process: new Float64Array(200),
  machine: { before: sampleOf(), now: sampleOf() },
};

function sampleOf(): HostFacts["machine"]["now"] {
  return {
    cpu: TIMES,
    memory: { totalBytes: 1, freeBytes: 1, availableBytes: 1, swapTotalBytes: 0, swapFreeBytes: 0 },
    load: { minute1: 0, minutes5: 0, minutes15: 0 },
    sockets: SOCKETS,
    disks: [],
    network: [],
    processes: { userTicks: 0, systemTicks: 0, residentBytes: 1 },
  };
}

const figuresOf = (requests: number) => {
  const values = new Float64Array(VHOST_SLOT_COUNT);
  values[VHOST_SLOT.clientRequests] = requests;
  return { values, seconds: 300, samples: 300, isAverage: true };
};

const statisticsOf = (requests: Named): Pick<Statistics, "windows" | "minutesEnded"> => {
  const kept = (minutes: number) => {
    asked.push(minutes);
    return { seconds: 300, vhost: ({ name }: { readonly name: string }) => figuresOf(requests[name] ?? 0) };
  };
  const windows: Pick<Statistics["windows"], "kept" | "host"> = Object.assign(Object.create(null), {
    kept,
    host: () => HOST,
  });
  return Object.assign(Object.create(null), { windows, minutesEnded });
};

const pass = async (requests: Named, minutes = 5): Promise<void> => {
  nowMs += WINDOW_MS;
  minutesEnded += minutes;
  keeper.windowEnded(statisticsOf(requests));
  await keeper.settled();
};

const CPU: GraphQuestion = { scope: "server", resource: "cpu", type: "day", vhost: undefined };

const finishAll = async (): Promise<void> => {
  for (const one of work.finish.splice(0)) one();
};

describe("windows of the history", () => {
  it("GRAPH-03 each has what hosts did, and all of them together", async () => {
    stored = { "a.test": 3, "b.test": 4 };
    await pass({ "a.test": 300, "b.test": 600 });
    const { mean } = positionOf(HOST_PART, "clientRequests");
    expect(work.hosts).toEqual([{ "a.test": 1, "b.test": 2 }]);
    expect(work.windows[0]?.all[mean]).toBe(3);
    expect(work.windows[0]?.all[positionOf(HOST_PART, "files").mean]).toBe(7);
    expect(work.windows[0]).toMatchObject({ endedAtMs: START + WINDOW_MS, seconds: 300 });
  });

  it("holds the minutes since the last one, also behind a start in the middle", async () => {
    await pass({}, 2);
    await pass({}, 5);
    await pass({}, 0);
    await pass({}, 90);
    expect(asked).toEqual([2, 5, 60]);
  });

  it("a host to which nothing happens is written when what it has changes, and once a day", async () => {
    stored = { "a.test": 3 };
    await pass({});
    await pass({});
    stored = { "a.test": 4 };
    await pass({});
    await pass({ "b.test": 300 });
    await pass({});
    await pass({});
    expect(work.hosts).toEqual([{ "a.test": 0 }, {}, { "a.test": 0 }, { "a.test": 0, "b.test": 1 }, {}, {}]);
    stored = {};
    await pass({});
    await pass({});
    expect(work.hosts.slice(-2)).toEqual([{ "a.test": 0 }, {}]);
  });

  it("of very many hosts a few are looked at between two turns of the event loop", async () => {
    names = Array.from({ length: 5_000 }, (_, index) => `h${index}.test`);
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    await pass(Object.fromEntries(names.map((name) => [name, 300])));
    isOver = true;
    expect(turns).toBeGreaterThan(90);
    expect(Object.keys(work.hosts[0] ?? {}).length).toBe(5_000);
  });

  it("windows do not pile up while the disk hangs", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    work.record = () => promise;
    for (let count = 0; count < 5; count++) {
      minutesEnded += 5;
      keeper.windowEnded(statisticsOf({}));
    }
    expect(asked).toEqual([5, 5, 5]);
    expect(problems).toHaveLength(2);
    resolve();
    await keeper.settled();
    await pass({});
    expect(asked).toHaveLength(4);
  });

  it("keeps what the window that runs has, when the server stops", async () => {
    await pass({}, 5);
    minutesEnded += 3;
    await keeper.close(statisticsOf({ "a.test": 300 }));
    expect([asked, work.windows.length, work.isClosed]).toEqual([[5, 3], 2, true]);
  });
});

describe("pictures that are asked for", () => {
  it("GRAPH-05 the same picture is drawn once for all who ask, and kept until the next point", async () => {
    const answers = [keeper.picture(CPU), keeper.picture(CPU)];
    await finishAll();
    const png = Uint8Array.of(1);
    expect(await Promise.all(answers)).toEqual([
      { kind: "picture", png },
      { kind: "picture", png },
    ]);
    expect(await keeper.picture(CPU)).toEqual({ kind: "picture", png });
    expect(work.drawn).toEqual([`cpu day undefined ${START - 10_000}`]);
    await pass({});
    const next = keeper.picture(CPU);
    await finishAll();
    expect(await next).toEqual({ kind: "picture", png: Uint8Array.of(2) });
  });

  it("GRAPH-05 a picture that was begun before a point is not kept beyond it", async () => {
    const early = keeper.picture(CPU);
    await pass({});
    await finishAll();
    expect((await early).kind).toBe("picture");
    const later = keeper.picture(CPU);
    await finishAll();
    await later;
    expect(work.drawn).toHaveLength(2);
  });

  it("GRAPH-05 the queue is bounded", async () => {
    names = Array.from({ length: 100 }, (_, index) => `h${index}.test`);
    const answers = names.map((vhost) => keeper.picture({ scope: "vhosts", resource: "mem", type: "day", vhost }));
    await finishAll();
    const kinds = (await Promise.all(answers)).map(({ kind }) => kind);
    expect(kinds).toEqual(names.map((_, index) => (index < 64 ? "picture" : "busy")));
    const free = keeper.picture(CPU);
    await finishAll();
    expect((await free).kind).toBe("picture");
  });

  it("GRAPH-06 GRAPH-A2 an unknown virtual host has none, and what cannot be drawn is no picture", async () => {
    const question: GraphQuestion = { scope: "vhosts", resource: "mem", type: "day", vhost: "none.test" };
    expect(await keeper.picture(question)).toEqual({ kind: "unknownVhost" });
    work.isFailing = true;
    const failing = keeper.picture(CPU);
    await finishAll();
    expect(await failing).toEqual({ kind: "busy" });
    expect(problems).toEqual([]);
  });
});
