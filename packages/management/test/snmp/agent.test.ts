import { createSocket, type Socket } from "node:dgram";
import type { SnmpSettings } from "@basalt/config";
import { NotSummedYet } from "@basalt/telemetry";
import { afterEach, describe, expect, it } from "vitest";
import { SnmpAgent } from "../../src/snmp/agent.ts";
import { SNMP_LIMITS } from "../../src/snmp/limits.ts";
import { below, FakeInstance, readAnswer, requestBytes } from "./support.ts";

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const udpSocket = (port = 0): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    open.push({ close: () => new Promise<void>((done) => socket.close(done)) });
    socket.once("error", reject);
    socket.bind({ port, address: "127.0.0.1" }, () => resolve(socket));
  });

const agentOf = (instance: FakeInstance) => {
  const outcomes: string[] = [];
  const lines: string[] = [];
  const clock = { ms: 0 };
  const note = (text: string) => {
    lines.push(text);
  };
  const agent = new SnmpAgent({
    feeds: instance.feeds,
    countryOf: () => undefined,
    log: { notice: note, warning: note, error: note, reopen: () => {}, flush: async () => {}, close: async () => {} },
    monotonicMs: () => clock.ms,
    count: (outcome, variables) => {
      outcomes.push(outcome === "answered" ? `answered ${variables}` : outcome);
    },
  });
  open.push(agent);
  const configure = (settings: Partial<SnmpSettings> = {}) =>
    agent.configure(instance.layout({ port: 0, ...settings }));
  return { agent, outcomes, lines, clock, configure };
};

/** Sends datagrams; resolves with the answer to a last request that is sure to get one. */
const talk = async (port: number, datagrams: readonly Uint8Array[], community = "public") => {
  const socket = await udpSocket();
  const answers: ReturnType<typeof readAnswer>[] = [];
  const last = new Promise<void>((resolve) => {
    socket.on("message", (bytes) => {
      const answer = readAnswer(bytes);
      if (answer.requestId === 99) resolve();
      else answers.push(answer);
    });
  });
  for (const datagram of datagrams) socket.send(datagram, port, "127.0.0.1");
  socket.send(requestBytes({ requestId: 99, community, oids: [below("1.2.0")] }), port, "127.0.0.1");
  await last;
  return answers;
};

const SOFTWARE = requestBytes({ oids: [below("1.2.0")] });

describe("the agent", () => {
  it("SNMP-03 SNMP-A1 is bound where it is active, and not where it is not", async () => {
    const { agent, configure } = agentOf(new FakeInstance("a.com"));
    await configure({ status: "Inactive" });
    expect(agent.port).toBe(undefined);
    await configure();
    expect(agent.port).toBeGreaterThan(0);
    await configure({ status: "Inactive" });
    expect(agent.port).toBe(undefined);
  });

  it("SNMP-01 SNMP-A1 answers those who are listed, in both versions, with their request's number", async () => {
    const { agent, outcomes, configure } = agentOf(new FakeInstance("a.com"));
    await configure();
    const v1 = requestBytes({ version: 0, requestId: -3, oids: [below("1.2.0"), below("1.3.0")] });
    const answers = await talk(agent.port ?? 0, [SOFTWARE, v1]);
    expect(answers.map(({ version, requestId }) => [version, requestId])).toEqual([
      [1, 7],
      [0, -3],
    ]);
    expect(answers.map(({ variables }) => variables.map(({ value }) => value))).toEqual([
      ["Product"],
      ["Product", "1.2.3"],
    ]);
    expect(outcomes).toEqual(["answered 1", "answered 2", "answered 1"]);
  });

  it.each([
    ["SNMP-04 SNMP-A1 other addresses", ["192.168.6.0/24"]],
    ["SNMP-05 nobody is listed", []],
  ])("%s: no answer at all", async (_, allow) => {
    const { agent, outcomes, configure } = agentOf(new FakeInstance("a.com"));
    await configure({ allow });
    const { port = 0 } = agent;
    const socket = await udpSocket();
    let heard = 0;
    socket.on("message", () => {
      heard += 1;
    });
    socket.send(SOFTWARE, port, "127.0.0.1");
    socket.send(Buffer.from("nonsense"), port, "127.0.0.1");
    await expect.poll(() => outcomes, { timeout: 20_000 }).toEqual(["address", "address"]);
    await configure({ port: 0 });
    await talk(agent.port ?? 0, []);
    expect(heard).toBe(0);
  });

  it.each([
    ["a single address", "127.0.0.1"],
    ["a range", "127.0.0.1-9"],
    ["bits", "127.0.0.0/24"],
    ["a mask", "127.0.0.0/255.255.255.0"],
  ])("SNMP-04 `<Allow>` may be %s", async (_, expression) => {
    const { agent, configure } = agentOf(new FakeInstance("a.com"));
    await configure({ allow: ["10.0.0.1", expression] });
    expect((await talk(agent.port ?? 0, [SOFTWARE])).length).toBe(1);
  });

  it("SNMP-42 SNMP-46 SNMP-A8 a community that is refused gets no answer", async () => {
    const { agent, outcomes, configure } = agentOf(new FakeInstance("a.com"));
    const communities = [{ name: "ours", access: "Deny", oids: ["1.3.6.1.4.1.40001.1.4"] }] as const;
    await configure({ unregisteredCommunity: "Deny", communities });
    expect(await talk(agent.port ?? 0, [SOFTWARE], "ours")).toEqual([]);
    expect(outcomes).toEqual(["community", "answered 1"]);
  });

  it("SNMP-08 SNMP-A13 REG-280 drops what is no request, and goes on", async () => {
    const { agent, outcomes, configure } = agentOf(new FakeInstance("a.com"));
    await configure();
    const broken = [
      Buffer.alloc(0),
      Buffer.from("nonsense"),
      SOFTWARE.subarray(0, 20),
      requestBytes({ version: 3, oids: [] }),
      Buffer.concat([SOFTWARE, Buffer.alloc(SNMP_LIMITS.requestBytes)]),
    ];
    expect(await talk(agent.port ?? 0, broken)).toEqual([]);
    expect(outcomes).toEqual([...["malformed", "malformed", "malformed", "version", "malformed"], "answered 1"]);
  });

  it("answers no more than so many requests in a second", async () => {
    const { agent, outcomes, clock, configure } = agentOf(new FakeInstance("a.com"));
    await configure();
    const { port = 0 } = agent;
    const socket = await udpSocket();
    for (let sent = 0; sent < SNMP_LIMITS.requestsPerSecond + 20; sent++) {
      socket.send(SOFTWARE, port, "127.0.0.1");
      if (sent % 50 === 49) await expect.poll(() => outcomes.length, { timeout: 20_000 }).toBe(sent + 1);
    }
    await expect.poll(() => outcomes.length, { timeout: 20_000 }).toBe(SNMP_LIMITS.requestsPerSecond + 20);
    expect(outcomes.filter((outcome) => outcome === "rate").length).toBe(20);
    clock.ms += 1_000;
    expect((await talk(port, [SOFTWARE])).length).toBe(1);
  });

  it("SNMP-08 what takes long counts for many requests, and not against those who ask later", async () => {
    const instance = new FakeInstance("a.com");
    const { agent, outcomes, clock, configure } = agentOf(instance);
    await configure();
    const { port = 0 } = agent;
    const socket = await udpSocket();
    const find = instance.find.bind(instance);
    instance.find = (name) => {
      clock.ms += 100;
      return find(name);
    };
    const dear = requestBytes({ oids: [below("4.3.1.2.1")] });
    for (let sent = 1; sent <= 9; sent++) {
      socket.send(dear, port, "127.0.0.1");
      await expect.poll(() => outcomes.length, { timeout: 20_000 }).toBe(sent);
    }
    // The clock stands still but for the work: a quarter of its time is earned anew.
    expect(outcomes).toContain("rate");
    expect(outcomes.filter((outcome) => outcome === "answered 1").length).toBeLessThan(6);
    clock.ms += 60_000;
    instance.find = find;
    expect((await talk(port, [SOFTWARE])).length).toBe(1);
  });

  it("SNMP-08 a request with more variables than a manager asks for is too big, in both versions", async () => {
    const { agent, configure } = agentOf(new FakeInstance("a.com"));
    await configure();
    const many = (count: number) => new Array(count).fill(below("1.6.0"));
    const requests = [0, 1].map((version) => requestBytes({ version, oids: many(SNMP_LIMITS.variables + 1) }));
    const sound = requestBytes({ oids: many(SNMP_LIMITS.variables) });
    const answers = await talk(agent.port ?? 0, [...requests, sound]);
    expect(answers.map(({ status }) => status)).toEqual([1, 1, 0]);
  });

  it("what is not summed yet is not answered, so that it is asked for again", async () => {
    const instance = new FakeInstance("a.com");
    const { agent, outcomes, lines, configure } = agentOf(instance);
    await configure();
    const told = lines.length;
    instance.find = () => {
      throw new NotSummedYet();
    };
    expect(await talk(agent.port ?? 0, [requestBytes({ oids: [below("4.3.1.2.1")] })])).toEqual([]);
    expect([outcomes, lines.length]).toEqual([["rate", "answered 1"], told]);
  });

  it("SNMP-08 a reload is in force at once: settings, rows and another port", async () => {
    const instance = new FakeInstance("a.com");
    const { agent, configure } = agentOf(instance);
    await configure();
    const first = agent.port;
    const name = requestBytes({ oids: [below("4.3.1.2.2")] });
    const before = await talk(first ?? 0, [name]);
    instance.vhosts = ["a.com", "b.com"];
    await configure({ software: "Other" });
    expect(agent.port).toBe(first);
    const after = await talk(first ?? 0, [name, SOFTWARE]);
    expect([...before, ...after].map(({ variables }) => variables[0]?.value)).toEqual(["", "b.com", "Other"]);
    const free = await udpSocket();
    const { port } = free.address();
    await Promise.all(open.splice(open.length - 1).map((one) => one.close()));
    await configure({ port });
    expect(agent.port).toBe(port);
  });

  it("a port that somebody has is logged, and the next reload tries again", async () => {
    const { agent, lines, configure } = agentOf(new FakeInstance("a.com"));
    const { port } = (await udpSocket()).address();
    await configure({ port });
    expect([agent.port, lines.length, lines[0]]).toEqual([undefined, 1, expect.stringContaining("no socket on")]);
    await configure();
    expect(agent.port).toBeGreaterThan(0);
  });

  it("a value that cannot be read is an error of that request alone, and told a few times", async () => {
    const instance = new FakeInstance("a.com");
    const { agent, lines, configure } = agentOf(instance);
    await configure();
    instance.find = () => {
      throw new Error("defect");
    };
    const told = lines.length;
    const answers = await talk(agent.port ?? 0, new Array(30).fill(requestBytes({ oids: [below("4.3.1.2.1")] })));
    expect(answers.map(({ status }) => status)).toEqual(new Array(30).fill(5));
    expect(lines.length - told).toBe(10);
  });
});
