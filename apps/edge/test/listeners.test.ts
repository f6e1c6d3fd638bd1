import net from "node:net";
import { type EdgeConfig, parseConfig } from "@basalt/config";
import { acceptRaw, bindListeningSocket, receivedListeningSocket } from "@basalt/server";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { TakenSocket } from "../src/launcherLink.ts";
import type { KeptSocket } from "../src/launcherProtocol.ts";
import { Listeners, placesOf } from "../src/listeners.ts";
import { configuredDisksOf, indexPathOf, isMemoryOnly } from "../src/storeDisks.ts";

const configOf = (vhosts: string, cache = "<Storage><Disk>/d/</Disk></Storage>"): EdgeConfig => {
  const sources = new Map([
    ["server.xml", `<Server><Cache>${cache}</Cache></Server>`],
    ["vhosts.xml", `<Vhosts>${vhosts}</Vhosts>`],
  ]);
  const outcome = parseConfig(sources, { home: "/opt/edge", generation: 1, cores: 1, hostName: "edge" });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return outcome.config;
};

const vhost = (name: string, content = "", attributes = ""): string =>
  `<Vhost Name="${name}"${attributes}><Origin><Address>10.0.0.1</Address></Origin>${content}</Vhost>`;

const names = (config: EdgeConfig): readonly string[] => [...placesOf(config).keys()].sort();

describe("CFG-50, CFG-60: places to listen on", () => {
  it("port 80 of all addresses, once for all virtual hosts", () => {
    expect(names(configOf(vhost("a.example") + vhost("b.example")))).toEqual(["0.0.0.0:80"]);
  });

  it("what the virtual hosts name, those that are active", () => {
    const config = configOf(
      vhost("a.example", "<Listen>*:8080</Listen>") +
        vhost("b.example", "<Listen>127.0.0.1:8081</Listen>") +
        vhost("c.example", "<Listen>*:8082</Listen>", ' Status="Inactive"'),
    );
    expect(names(config)).toEqual(["0.0.0.0:8080", "127.0.0.1:8081"]);
  });

  it("BYP-21: bypassed ports, on every address of Listen", () => {
    const config = configOf(
      vhost(
        "a.example",
        '<Listen>127.0.0.1:8080</Listen><PortBypass>443</PortBypass><PortBypass Dest="1">2</PortBypass>',
      ) + vhost("b.example", "<Listen>127.0.0.1:8080</Listen><PortBypass>444</PortBypass>", ' Status="Inactive"'),
      "<Storage><Disk>/d/</Disk></Storage><Listen>127.0.0.1</Listen><Listen>127.0.0.2</Listen>",
    );
    expect(names(config)).toEqual(["127.0.0.1:2", "127.0.0.1:443", "127.0.0.1:8080", "127.0.0.2:2", "127.0.0.2:443"]);
  });

  it("a single address gives way to a socket on all of them", () => {
    const config = configOf(
      vhost("a.example", "<Listen>*:8080</Listen>") + vhost("b.example", "<Listen>127.0.0.1:8080</Listen>"),
    );
    expect(names(config)).toEqual(["0.0.0.0:8080"]);
  });
});

describe("the sockets of the instance", () => {
  const opened: (() => void)[] = [];

  afterEach(() => {
    for (const close of opened.splice(0)) close();
  });

  const freePort = async (): Promise<number> => {
    const server = net.createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    await new Promise((resolve) => server.close(resolve));
    if (address === null || typeof address === "string") throw new Error("no port");
    return address.port;
  };

  const on = (...ports: readonly number[]): EdgeConfig =>
    configOf(ports.map((port) => vhost(`h${port}.example`, `<Listen>127.0.0.1:${port}</Listen>`)).join(""));

  it("CFG-31: a reload binds what is new, keeps what stays and closes what is gone", async () => {
    const [first, second] = [await freePort(), await freePort()];
    const listeners = new Listeners();
    opened.push(() => listeners.close());
    listeners.prepare(on(first)).commit();
    const [kept] = listeners.places;
    const { added, removed } = listeners.prepare(on(first, second)).commit();
    expect([added.map(({ port }) => port), removed]).toEqual([[second], []]);
    expect(listeners.places[0]?.handle).toBe(kept?.handle);
    expect(listeners.prepare(on(second)).commit().removed).toEqual([`127.0.0.1:${first}`]);
    expect(listeners.names).toEqual([`127.0.0.1:${second}`]);
  });

  const at = (address: string, port: number): EdgeConfig =>
    configOf(vhost("a.example", `<Listen>${address}:${port}</Listen>`));

  const accept = (listeners: Listeners, place: string): void => {
    const handle = listeners.places.find((each) => each.place === place)?.handle;
    if (handle === undefined) throw new Error(`nothing listens on ${place}`);
    const acceptor = acceptRaw(receivedListeningSocket(handle), (socket) => {
      socket.write(Buffer.from(place));
      socket.end();
    });
    opened.push(() => acceptor.close());
  };

  const answerOf = async (port: number): Promise<string> => {
    const socket = net.connect(port, "127.0.0.1");
    let text = "";
    for await (const chunk of socket) text += String(chunk);
    return text;
  };

  it("CFG-31, CFG-60: a reload from one address to all of them and back closes nothing that anybody waits at", async () => {
    const port = await freePort();
    const [single, wide] = [`127.0.0.1:${port}`, `0.0.0.0:${port}`];
    const left: string[] = [];
    const { deeds, holder } = watchedHolder();
    const listeners = new Listeners(holder, (place) => left.push(place));
    opened.push(() => listeners.close());
    listeners.prepare(at("127.0.0.1", port)).commit();
    accept(listeners, single);
    const widened = listeners.prepare(at("*", port)).commit();
    expect([widened.added.map(({ place }) => place), widened.removed, listeners.names]).toEqual([[wide], [], [wide]]);
    accept(listeners, wide);
    expect(await answerOf(port)).toBe(single);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const narrowed = listeners.prepare(at("127.0.0.1", port)).commit();
      expect([narrowed.added, narrowed.removed, listeners.names]).toEqual([[], [], [single]]);
      expect(left).toEqual([]);
      vi.advanceTimersByTime(2_000);
    } finally {
      vi.useRealTimers();
    }
    expect(left).toEqual([wide]);
    expect(deeds).toEqual([`hold ${single}`, `hold ${wide}`, `release ${wide}`]);
  });

  it("CFG-31, CFG-60: what was on all addresses stays a moment beside the one that takes its place, and may come back", async () => {
    const port = await freePort();
    const [single, wide] = [`127.0.0.1:${port}`, `0.0.0.0:${port}`];
    const left: string[] = [];
    const listeners = new Listeners(undefined, (place) => left.push(place));
    opened.push(() => listeners.close());
    listeners.prepare(at("*", port)).commit();
    const [first] = listeners.places;
    accept(listeners, wide);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      expect(listeners.prepare(at("127.0.0.1", port)).commit().removed).toEqual([]);
      accept(listeners, single);
      listeners.prepare(at("*", port)).abandon();
      const back = listeners.prepare(at("*", port)).commit();
      expect(back.added.map(({ handle }) => handle)).toEqual([first?.handle]);
      vi.advanceTimersByTime(10_000);
    } finally {
      vi.useRealTimers();
    }
    expect([left, listeners.names]).toEqual([[], [wide]]);
    expect(await answerOf(port)).toBe(single);
  });

  it("a port that another server listens on cannot be had, though that one would share it", async () => {
    const port = await freePort();
    const other = new Listeners();
    opened.push(() => other.close());
    other.prepare(at("127.0.0.1", port)).commit();
    accept(other, `127.0.0.1:${port}`);
    const listeners = new Listeners();
    const inUse = expect.objectContaining({ detail: expect.stringContaining("the address is in use") });
    expect(() => listeners.prepare(at("127.0.0.1", port))).toThrow(inUse);
    expect(() => listeners.prepare(at("*", port))).toThrow(inUse);
    const two = vhost("a.example", `<Listen>127.0.0.2:${port}</Listen>`);
    listeners.prepare(configOf(two)).commit();
    opened.push(() => listeners.close());
    const both = configOf(two + vhost("b.example", `<Listen>127.0.0.1:${port}</Listen>`));
    expect(() => listeners.prepare(both)).toThrow(inUse);
  });

  it("takes over what a reload has left beside a socket on all addresses", async () => {
    const port = await freePort();
    const before = new Listeners();
    before.prepare(at("127.0.0.1", port)).commit();
    before.prepare(at("*", port)).commit();
    const { deeds, holder } = watchedHolder();
    const listeners = new Listeners(holder);
    opened.push(() => listeners.close());
    const sockets = before.places.map((socket) => ({
      ...socket,
      handle: receivedListeningSocket(socket.handle),
      isActivated: false,
    }));
    await listeners.takeOver(sockets, at("*", port), async () => {});
    listeners.prepare(at("*", port)).commit();
    expect(listeners.places.map(({ place }) => place).toSorted()).toEqual([`0.0.0.0:${port}`, `127.0.0.1:${port}`]);
    expect([listeners.names, deeds]).toEqual([[`0.0.0.0:${port}`], []]);
  });

  it("CFG-31, CFG-60: after a restart a socket on all addresses finds its place beside the one that was there before", async () => {
    const port = await freePort();
    const [single, wide] = [`127.0.0.1:${port}`, `0.0.0.0:${port}`];
    const { deeds, holder } = watchedHolder();
    const listeners = new Listeners(holder);
    opened.push(() => listeners.close());
    await listeners.takeOver([taken(port)], at("127.0.0.1", port), async () => {});
    listeners.prepare(at("127.0.0.1", port)).commit();
    accept(listeners, single);
    const next = new Listeners(holder);
    opened.push(() => next.close());
    const sockets = listeners.places.map((socket) => ({
      ...socket,
      handle: receivedListeningSocket(socket.handle),
      isActivated: false,
    }));
    await next.takeOver(sockets, at("*", port), async () => {});
    next.prepare(at("*", port)).commit();
    expect(next.places.map(({ place }) => place).toSorted()).toEqual([wide, single]);
    expect([next.names, deeds]).toEqual([[wide], [`hold ${wide}`]]);
  });

  const taken = (port: number, isActivated = false): TakenSocket => ({
    place: `127.0.0.1:${port}`,
    port,
    isActivated,
    handle: bindListeningSocket("127.0.0.1", port),
  });

  const watchedHolder = () => {
    const deeds: string[] = [];
    const holder = {
      hold: ({ place }: KeptSocket) => void deeds.push(`hold ${place}`),
      release: async (place: string) => void deeds.push(`release ${place}`),
    };
    return { deeds, holder };
  };

  it("takes over what the launcher kept, gives it what is new, and closes what is not wanted before it binds", async () => {
    const [kept, gone, fresh] = [await freePort(), await freePort(), await freePort()];
    const { deeds, holder } = watchedHolder();
    const listeners = new Listeners(holder);
    opened.push(() => listeners.close());
    const socket = taken(kept);
    await listeners.takeOver([socket, taken(gone)], on(kept, fresh), async (places) => {
      deeds.push(`unlisten ${places.join(" ")}`);
    });
    listeners.prepare(on(kept, fresh)).commit();
    expect(deeds).toEqual([`unlisten 127.0.0.1:${gone}`, `release 127.0.0.1:${gone}`, `hold 127.0.0.1:${fresh}`]);
    expect(listeners.places.find(({ port }) => port === kept)?.handle).toBe(socket.handle);
    listeners.prepare(on(fresh)).commit();
    expect(deeds.at(-1)).toBe(`release 127.0.0.1:${kept}`);
  });

  it("keeps a socket of systemd that no configuration wants for the one that does", async () => {
    const [activated, other] = [await freePort(), await freePort()];
    const { deeds, holder } = watchedHolder();
    const listeners = new Listeners(holder);
    opened.push(() => listeners.close());
    const socket = taken(activated, true);
    await listeners.takeOver([socket], on(other), async () => {});
    listeners.prepare(on(other)).commit();
    listeners.prepare(on(other, activated)).commit();
    expect(listeners.places.find(({ port }) => port === activated)?.handle).toBe(socket.handle);
    listeners.prepare(on(other)).commit();
    listeners.prepare(on(activated)).commit();
    expect(listeners.places.map(({ handle }) => handle)).toEqual([socket.handle]);
    expect(deeds).toEqual([`hold 127.0.0.1:${other}`, `release 127.0.0.1:${other}`]);
  });

  it("a place that cannot be had changes nothing", async () => {
    const [first, second] = [await freePort(), await freePort()];
    const listeners = new Listeners();
    opened.push(() => listeners.close());
    listeners.prepare(on(first)).commit();
    const wrong = configOf(
      vhost("a.example", `<Listen>127.0.0.1:${second}</Listen>`) +
        vhost("b.example", "<Listen>203.0.113.1:8080</Listen>"),
    );
    expect(() => listeners.prepare(wrong)).toThrow();
    expect(listeners.names).toEqual([`127.0.0.1:${first}`]);
    listeners.prepare(on(first, second)).commit();
    expect(listeners.names).toHaveLength(2);
  });
});

describe("folders for bodies", () => {
  it("the configured disks, the index below the home folder", () => {
    const config = configOf("", '<Storage><Disk>/one</Disk><Disk Quota="10">/two</Disk></Storage>');
    expect(configuredDisksOf(config).map(({ path }) => path)).toEqual(["/one", "/two"]);
    expect(isMemoryOnly(config)).toBe(false);
    expect(indexPathOf(config, "/opt/edge")).toBe("/opt/edge/data/index.sqlite");
  });

  it("OPT-05: without a disk one folder in memory, of a limited size, with the index beside it", () => {
    const config = configOf("", "<Storage/>");
    const [disk, ...more] = configuredDisksOf(config);
    expect(more).toEqual([]);
    expect(disk?.path).toMatch(/^\/dev\/shm\//);
    expect(disk?.quotaBytes).toBeGreaterThan(0);
    expect(isMemoryOnly(config)).toBe(true);
    expect(indexPathOf(config, "/opt/edge")).toBe(`${disk?.path}/index.sqlite`);
  });
});
