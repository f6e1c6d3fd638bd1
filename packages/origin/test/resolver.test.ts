import { createSocket } from "node:dgram";
import { once } from "node:events";
import { describe, expect, it, onTestFinished } from "vitest";
import { createSystemResolver } from "../src/resolver.ts";

interface Reply {
  /** RCODE: 0 is no error, 3 an unknown name. */
  readonly code?: number;
  readonly records?: readonly (readonly [ip: readonly number[], ttlSeconds: number])[];
  readonly garbage?: boolean;
}

const A = 1;
const AAAA = 28;

/** Position behind the question: 12 bytes of header, the name, type and class. */
const questionEnd = (query: Buffer): number => {
  let at = 12;
  while ((query[at] ?? 0) > 0) at += (query[at] ?? 0) + 1;
  return at + 5;
};

const record = (type: number, bytes: readonly number[], ttlSeconds: number): Buffer => {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttlSeconds, 6);
  head.writeUInt16BE(bytes.length, 10);
  return Buffer.concat([head, Buffer.from(bytes)]);
};

/** A name server of a few lines: one reply for each type. */
const nameServer = async (reply: (type: number) => Reply): Promise<string> => {
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const end = questionEnd(query);
    const type = query.readUInt16BE(end - 4);
    const { code = 0, records = [], garbage = false } = reply(type);
    const head = Buffer.from(query.subarray(0, 12));
    head.writeUInt16BE(0x8180 | code, 2);
    head.writeUInt16BE(records.length, 6);
    head.writeUInt32BE(0, 8);
    const answers = records.map(([bytes, ttlSeconds]) => record(type, bytes, ttlSeconds));
    const message = Buffer.concat([head, query.subarray(12, end), ...answers]);
    socket.send(garbage ? message.subarray(0, end - 3) : message, from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  onTestFinished(() => void socket.close());
  return `127.0.0.1:${socket.address().port}`;
};

const V6 = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const LOOPBACK = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

const noHosts = () => Promise.resolve([]);

describe("resolution of origin domains", () => {
  it("ORG-22 gives each IP with the TTL of its record", async () => {
    const server = await nameServer((type) =>
      type === A
        ? {
            records: [
              [[10, 0, 0, 1], 21],
              [[10, 0, 0, 2], 300],
            ],
          }
        : { records: [[V6, 60]] },
    );
    const resolver = createSystemResolver({ servers: [server], lookUp: noHosts, hasIpv6: () => true });
    expect(await resolver.resolve("origin.test", 4)).toEqual([
      { ip: "10.0.0.1", ttlSeconds: 21 },
      { ip: "10.0.0.2", ttlSeconds: 300 },
    ]);
    expect(await resolver.resolve("origin.test", 6)).toEqual([{ ip: "2001:db8::1", ttlSeconds: 60 }]);
  });

  it("ORG-22 leaves out IPv6 addresses that this host cannot reach", async () => {
    const server = await nameServer((type) =>
      type === AAAA
        ? {
            records: [
              [V6, 60],
              [LOOPBACK, 60],
            ],
          }
        : {},
    );
    const resolver = createSystemResolver({ servers: [server], lookUp: noHosts, hasIpv6: () => false });
    expect(await resolver.resolve("origin.test", 6)).toEqual([{ ip: "::1", ttlSeconds: 60 }]);
  });

  it("takes names that the name server does not know from the hosts file, for 10 s", async () => {
    const server = await nameServer(() => ({ code: 3 }));
    const lookUp = (domain: string, family: number) =>
      Promise.resolve(domain === "in-hosts.test" && family === 4 ? ["10.0.0.9"] : []);
    const resolver = createSystemResolver({ servers: [server], lookUp });
    expect(await resolver.resolve("in-hosts.test", 4)).toEqual([{ ip: "10.0.0.9", ttlSeconds: 10 }]);
    await expect(resolver.resolve("nowhere.test", 4)).rejects.toThrow(/ENOTFOUND/);
  });

  it.each([
    { what: "an unknown name", reply: { code: 3 } },
    { what: "a server failure", reply: { code: 2 } },
    { what: "a refusal", reply: { code: 5 } },
    { what: "an answer without address", reply: {} },
    { what: "an address of a wrong length", reply: { records: [[[1, 2, 3], 60]] } satisfies Reply },
    { what: "garbage", reply: { garbage: true } },
  ])("REG-83 ORG-22 rejects at $what", { timeout: 30_000 }, async ({ reply }) => {
    const resolver = createSystemResolver({ servers: [await nameServer(() => reply)], lookUp: noHosts });
    await expect(resolver.resolve("origin.test", 4)).rejects.toThrow();
  });

  it("knows localhost by the hosts file of the system", async () => {
    const resolver = createSystemResolver({ servers: [await nameServer(() => ({ code: 3 }))] });
    expect((await resolver.resolve("localhost", 4)).map(({ ip }) => ip)).toContain("127.0.0.1");
  });
});
