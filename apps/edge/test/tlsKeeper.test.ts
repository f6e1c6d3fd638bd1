import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { type EdgeConfig, parseConfig } from "@basalt/config";
import { acceptTls, bindListeningSocket, NO_CHALLENGES, type TicketKey, TlsService } from "@basalt/server";
import { CounterBlock } from "@basalt/telemetry";
import { AdjustableClock, milliseconds } from "@basalt/types";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { describeAes } from "../src/aesInstructions.ts";
import type { KeptTicketKeys } from "../src/launcherProtocol.ts";
import { TlsKeeper } from "../src/tlsKeeper.ts";
import { writeCertificate } from "./support/certificates.ts";

const folder = mkdtempSync(join(tmpdir(), "basalt-tls-keeper-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeCertificate(folder, "a.test", { names: ["a.test"] });

const ROTATION_SECONDS = 3600;

const readConfig = (): EdgeConfig => {
  const server = `<Server><Cache><Tls><TicketRotation>${ROTATION_SECONDS}</TicketRotation></Tls></Cache><Https><Cert>${folder}/a.test.pem</Cert><Key>${folder}/a.test.key</Key></Https></Server>`;
  const sources = new Map([
    ["server.xml", server],
    ["vhosts.xml", "<Vhosts/>"],
  ]);
  const outcome = parseConfig(sources, { home: folder, generation: 1, cores: 1, hostName: "edge" });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return outcome.config;
};

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** TLS as a worker has it, on a port of its own. */
class Worker {
  readonly service = new TlsService(new CounterBlock());
  readonly port: number;

  constructor(clock: AdjustableClock) {
    const listening = bindListeningSocket("127.0.0.1", 0);
    const place: { port?: number } = {};
    listening.getsockname(place);
    this.port = place.port ?? 0;
    const server = {
      parts: { clock, onDefect: (error: unknown) => expect.unreachable(String(error)) },
      admits: () => true,
      enlist: () => {},
      replaced: () => {},
      forget: () => {},
    };
    const acceptor = acceptTls(
      listening,
      { server, service: this.service, localPort: this.port },
      (socket, attach) => {
        attach({ onData: () => {}, onDrain: () => {}, onEnd: () => socket.end(), onClose: () => {} });
        socket.write(Buffer.from("hello"));
      },
      () => {},
    );
    open.push(() => acceptor.close());
  }

  /** Resolves when the session's ticket, which comes before the first byte, is there. */
  connect(session?: Buffer): Promise<{ readonly isResumed: boolean; readonly session: Buffer | undefined }> {
    return new Promise((resolve, reject) => {
      const options = { port: this.port, host: "127.0.0.1", servername: "a.test", rejectUnauthorized: false };
      const client = tls.connect({ ...options, ...(session === undefined ? {} : { session }) });
      let given: Buffer | undefined;
      let isResumed = false;
      client.once("secureConnect", () => {
        isResumed = client.isSessionReused();
      });
      client.on("session", (each) => {
        given = each;
      });
      client.once("data", () => client.end());
      client.once("close", () => resolve({ isResumed, session: given }));
      client.once("error", reject);
    });
  }
}

describe("keys of session tickets", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("change for all workers at once, and the one before still resumes", async () => {
    const clock = new AdjustableClock();
    const workers = [new Worker(clock), new Worker(clock)] as const;
    const told: (readonly TicketKey[])[] = [];
    const config = readConfig();
    const keeper = new TlsKeeper({
      clock,
      config: () => config,
      challenges: () => NO_CHALLENGES,
      staples: () => new Map(),
      onTicketKeys: (keys) => {
        told.push(keys);
        for (const { service } of workers) service.setTicketKeys(keys);
      },
      kept: undefined,
      keep: () => {},
    });
    keeper.putInService(await keeper.load(config));
    const { plan } = keeper;
    for (const { port, service } of workers) {
      service.configure({ ...plan, listeners: plan.listeners.map((listener) => ({ ...listener, port })) });
    }
    let passedSeconds = 0;
    const pass = (seconds: number): void => {
      passedSeconds += seconds;
      clock.setOffset(milliseconds(passedSeconds * 1000));
      vi.advanceTimersByTime(10_000);
    };

    const first = await workers[0].connect();
    expect(first.isResumed).toBe(false);
    pass(ROTATION_SECONDS - 100);
    expect(told).toHaveLength(0);
    expect((await workers[1].connect(first.session)).isResumed).toBe(true);

    pass(100);
    expect(told.map((keys) => keys.length)).toEqual([2]);
    const renewed = await workers[1].connect(first.session);
    expect(renewed.isResumed).toBe(true);

    pass(ROTATION_SECONDS);
    expect(told.map((keys) => keys.length)).toEqual([2, 2]);
    expect((await workers[0].connect(first.session)).isResumed).toBe(false);
    expect((await workers[0].connect(renewed.session)).isResumed).toBe(true);
    expect(keeper.plan.ticketKeys).toBe(told.at(-1));
  });

  it("go on with the next primary, which changes them when it is time", () => {
    const clock = new AdjustableClock();
    const config = readConfig();
    const left: KeptTicketKeys[] = [];
    const startPrimary = (): TlsKeeper =>
      new TlsKeeper({
        clock,
        config: () => config,
        challenges: () => NO_CHALLENGES,
        staples: () => new Map(),
        onTicketKeys: () => {},
        kept: left.at(-1),
        keep: (kept) => left.push(kept),
      });
    let passedSeconds = 0;
    const pass = (seconds: number): void => {
      passedSeconds += seconds;
      clock.setOffset(milliseconds(passedSeconds * 1000));
      vi.advanceTimersByTime(10_000);
    };
    const first = startPrimary().plan.ticketKeys;
    expect(left).toHaveLength(1);
    vi.clearAllTimers();
    pass(ROTATION_SECONDS / 2);
    const next = startPrimary();
    expect(next.plan.ticketKeys).toEqual(first);
    expect(left).toHaveLength(1);
    pass(ROTATION_SECONDS / 2 - 20);
    expect(next.plan.ticketKeys).toEqual(first);
    pass(40);
    expect(next.plan.ticketKeys).toEqual([expect.anything(), ...first]);
    expect(left.at(-1)?.keys).toEqual(next.plan.ticketKeys);
  });
});

describe("TLS-12 the processor's instructions for AES", () => {
  it.each([
    ["flags\t\t: fpu vme aes xsave\n", true, true],
    ["Features\t: fp asimd aes pmull\n", true, true],
    ["flags\t\t: fpu vme aesni2 vaes\n", true, false],
    ["flags\t\t: fpu vme aes xsave\n", false, false],
  ])("%j with <AES-NI> %s: a line in the log %s", async (text, isWanted, hasLine) => {
    const cpuInfo = join(folder, "cpuinfo");
    writeFileSync(cpuInfo, text);
    expect(await describeAes(isWanted, cpuInfo)).toBe(hasLine ? "AES-NI : ON (SSL/TLS accelerated)" : undefined);
  });

  it("are unknown where nothing tells", async () => {
    expect(await describeAes(true, join(folder, "none"))).toBeUndefined();
  });
});
