import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OcspStaple } from "@basalt/server";
import { makeCertificate, makeOcspAnswer, type OcspAnswer } from "@basalt/testkit";
import { AdjustableClock, milliseconds } from "@basalt/types";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OcspKeeper } from "../../src/ocsp/ocspKeeper.ts";
import type { OcspWish } from "../../src/ocsp/ocspSubject.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const issuer = makeCertificate({ names: [], commonName: "issuer", isAuthority: true });
const leafFor = (name: string) => makeCertificate({ names: [name], issuer, ocspResponder: "http://ocsp.test/" });
const [leafA, leafB] = [leafFor("a.test"), leafFor("b.test")];
const wishFor = ({ certificatePem }: { readonly certificatePem: string }): OcspWish => ({
  certificatePem: certificatePem + issuer.certificatePem,
  allow: [],
});

const answerFor = (leaf: typeof leafA, change: Partial<OcspAnswer> = {}): Buffer =>
  makeOcspAnswer({ issuer, serialNumber: leaf.serialNumber, ...change });

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "basalt-ocsp-"));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(home, { recursive: true, force: true });
});

const keep = (wishes: readonly OcspWish[], reply: (name: string) => Promise<Buffer>) => {
  const clock = new AdjustableClock();
  const state = { wishes };
  const told: OcspStaple[][] = [];
  const asked: string[] = [];
  const lines: string[] = [];
  const keeper = new OcspKeeper({
    clock,
    home,
    wishes: () => state.wishes,
    dnsServers: () => [],
    onStaples: (staples) => told.push([...staples]),
    log: { notice: (text) => lines.push(text), warning: (text) => lines.push(text) },
    random: () => 0.5,
    fetchAnswer: ({ name }) => {
      asked.push(name);
      return reply(name);
    },
  });
  const pass = async (passedMs: number): Promise<void> => {
    clock.setOffset(milliseconds(clock.offsetMs + passedMs));
    await vi.advanceTimersByTimeAsync(passedMs);
  };
  const passHours = async (hours: number): Promise<void> => {
    for (let hour = 0; hour < hours; hour++) {
      await pass(HOUR_MS);
      await scheduled();
    }
  };
  const settled = (list: readonly unknown[], count: number): Promise<void> =>
    vi.waitFor(() => expect(list.length).toBeGreaterThanOrEqual(count), { timeout: 10_000 });
  return { keeper, state, told, asked, lines, pass, passHours, settled, clock };
};

const filesIn = (folder: string): readonly string[] =>
  existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".der")) : [];

const written = (count: number): Promise<void> =>
  vi.waitFor(() => expect(filesIn(join(home, "ocsp"))).toHaveLength(count), { timeout: 10_000 });

/** What a check does on the disk takes real time. */
const scheduled = (): Promise<void> =>
  vi.waitFor(() => expect(vi.getTimerCount()).toBeGreaterThan(0), { timeout: 10_000 });

describe("OCSP responses", () => {
  it("are fetched, told to the workers, and renewed when half of their life is over", async () => {
    const until = (clock: AdjustableClock) => new Date(clock.now() + 4 * DAY_MS);
    const kept = keep([wishFor(leafA)], () => Promise.resolve(answerFor(leafA, { nextUpdate: until(kept.clock) })));
    const { keeper, told, asked, pass, passHours, settled } = kept;
    await keeper.recall();
    keeper.configured();
    await pass(1);
    await settled(told, 1);
    await written(1);
    await scheduled();
    expect(told[0]?.[0]?.certificatePem).toBe(wishFor(leafA).certificatePem);
    expect(keeper.staples.get(wishFor(leafA).certificatePem)).toEqual(told[0]?.[0]);
    await passHours(46);
    expect(asked).toHaveLength(1);
    await passHours(4);
    await settled(told, 2);
    await scheduled();
    expect(told[1]?.[0]?.ocspValidToMs).toBeGreaterThan(told[0]?.[0]?.ocspValidToMs ?? Number.POSITIVE_INFINITY);
    expect(kept.lines).toEqual([]);
    keeper.stop();
  });

  it("survive in the home folder for the owner alone, and go when their certificate has gone", async () => {
    const answer = answerFor(leafA);
    const first = keep([wishFor(leafA)], () => Promise.resolve(answer));
    first.keeper.configured();
    await first.pass(1);
    await written(1);
    first.keeper.stop();
    const [name = ""] = readdirSync(join(home, "ocsp"));
    const path = join(home, "ocsp", name);
    expect(readFileSync(path)).toEqual(answer);
    expect([statSync(path).mode & 0o777, statSync(join(home, "ocsp")).mode & 0o777]).toEqual([0o600, 0o700]);

    const second = keep([wishFor(leafA)], () => Promise.resolve(answer));
    await second.keeper.recall();
    expect(second.keeper.staples.get(wishFor(leafA).certificatePem)?.ocspResponse).toEqual(answer);
    second.keeper.configured();
    await second.pass(HOUR_MS);
    expect(second.asked).toEqual([]);
    // A check may be under way: it is followed by another.
    second.state.wishes = [];
    second.keeper.configured();
    await vi.waitFor(
      async () => {
        await second.pass(1);
        expect(filesIn(join(home, "ocsp"))).toEqual([]);
      },
      { timeout: 10_000 },
    );
    expect(second.keeper.staples.size).toBe(0);
    second.keeper.stop();
  });

  it("that were damaged or have ended meanwhile are fetched anew", async () => {
    const first = keep([wishFor(leafA)], () => Promise.resolve(answerFor(leafA)));
    first.keeper.configured();
    await first.pass(1);
    await written(1);
    first.keeper.stop();
    const [name = ""] = readdirSync(join(home, "ocsp"));
    const old = answerFor(leafA, {
      thisUpdate: new Date(Date.now() - DAY_MS),
      nextUpdate: new Date(Date.now() - HOUR_MS),
    });
    for (const content of [Buffer.from("garbage"), old]) {
      writeFileSync(join(home, "ocsp", name), content);
      const next = keep([wishFor(leafA)], () => Promise.resolve(answerFor(leafA)));
      await next.keeper.recall();
      expect(next.keeper.staples.size).toBe(0);
      next.keeper.configured();
      await next.pass(1);
      await next.settled(next.told, 1);
      await scheduled();
      next.keeper.stop();
    }
  });

  it("that cannot be had are logged once, and tried for with growing pauses", async () => {
    const state = { isOut: true };
    const { keeper, asked, lines, told, pass, passHours, settled } = keep([wishFor(leafA)], () =>
      state.isOut ? Promise.reject(new Error("out of order")) : Promise.resolve(answerFor(leafA)),
    );
    keeper.configured();
    await pass(1);
    await settled(lines, 1);
    await scheduled();
    expect(lines[0]).toBe(
      "OCSP response for CN=a.test not fetched from ocsp.test: out of order; none goes out meanwhile",
    );
    for (const [minutes, attempts] of [
      [1, 2],
      [2, 3],
      [4, 4],
      [8, 5],
    ] as const) {
      await pass(minutes * MINUTE_MS - 5_000);
      expect(asked).toHaveLength(attempts - 1);
      await pass(10_000);
      await settled(asked, attempts);
      await scheduled();
    }
    await passHours(12);
    expect(asked.length).toBeGreaterThan(12);
    expect(lines).toHaveLength(1);
    state.isOut = false;
    await pass(HOUR_MS + MINUTE_MS);
    await settled(told, 1);
    await scheduled();
    expect(lines[1]).toBe("OCSP response for CN=a.test fetched again");
    keeper.stop();
  });

  it("in service stay there when the next one is of no use", async () => {
    const state = { answer: answerFor(leafA) };
    const { keeper, lines, told, pass, passHours, settled } = keep([wishFor(leafA)], () =>
      Promise.resolve(state.answer),
    );
    keeper.configured();
    await pass(1);
    await settled(told, 1);
    await scheduled();
    const first = keeper.staples.get(wishFor(leafA).certificatePem);
    state.answer = answerFor(leafA, { status: "revoked" });
    await passHours(90);
    await settled(lines, 1);
    expect(lines).toEqual([expect.stringMatching(/: the certificate is revoked; the last one is valid until \d{4}-/)]);
    expect(keeper.staples.get(wishFor(leafA).certificatePem)).toEqual(first);
    keeper.stop();
  });

  it("of one certificate do not wait for those of another", async () => {
    const { keeper, told, lines, pass, settled } = keep([wishFor(leafA), wishFor(leafB)], (name) =>
      name === "CN=a.test" ? new Promise(() => {}) : Promise.resolve(answerFor(leafB)),
    );
    keeper.configured();
    await pass(1);
    await settled(told, 1);
    await written(1);
    expect([...keeper.staples.keys()]).toEqual([wishFor(leafB).certificatePem]);
    expect(lines).toEqual([]);
    keeper.stop();
  });

  it("go out with another chain of the same certificate at once", async () => {
    const { keeper, state, told, asked, pass, settled } = keep([wishFor(leafA)], () =>
      Promise.resolve(answerFor(leafA)),
    );
    keeper.configured();
    await pass(1);
    await settled(told, 1);
    await scheduled();
    const longer = { ...wishFor(leafA), certificatePem: wishFor(leafA).certificatePem + leafB.certificatePem };
    state.wishes = [longer];
    keeper.configured();
    await pass(1);
    await settled(told, 2);
    expect(told[1]?.map(({ certificatePem }) => certificatePem)).toEqual([longer.certificatePem]);
    expect(asked).toHaveLength(1);
    keeper.stop();
  });

  it("are not asked for once the keeper is stopped, nor for certificates that name no responder", async () => {
    const plain = makeCertificate({ names: ["plain.test"], issuer });
    const none = keep([wishFor(plain), { certificatePem: "nothing", allow: [] }], () =>
      Promise.resolve(Buffer.alloc(0)),
    );
    none.keeper.configured();
    await none.pass(HOUR_MS);
    const stopped = keep([wishFor(leafA)], () => Promise.resolve(Buffer.alloc(0)));
    stopped.keeper.stop();
    stopped.keeper.configured();
    await stopped.pass(HOUR_MS);
    expect([...none.asked, ...none.lines, ...stopped.asked]).toEqual([]);
  });
});
