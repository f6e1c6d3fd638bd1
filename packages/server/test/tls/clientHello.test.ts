import { Duplex } from "node:stream";
import tls from "node:tls";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_HELLO_BYTES, normalizeServerName, parseClientHello } from "../../src/tls/clientHello.ts";

/** What the runtime's client sends first. */
const helloOf = (options: tls.ConnectionOptions): Promise<Buffer> =>
  new Promise((resolve) => {
    const sink = new Duplex({
      read: () => {},
      write: (data: Buffer, _encoding, done) => {
        resolve(data);
        done();
      },
    });
    tls.connect({ socket: sink, ...options }).on("error", () => {});
  });

/** The message of one record spread over records of so many bytes. */
const inRecordsOf = (hello: Buffer, bytes: number): Buffer => {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += bytes) {
    const part = message.subarray(at, at + bytes);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 0xff]), part);
  }
  return Buffer.concat(records);
};

describe("the first message of a TLS client", () => {
  it("tells name, protocols, suites, signatures and versions", async () => {
    const hello = await helloOf({ servername: "WWW.Example.com", ALPNProtocols: ["h2", "http/1.1"] });
    const outcome = parseClientHello(hello);
    if (outcome.kind !== "hello") throw new Error(outcome.kind);
    expect(outcome.hello.serverName).toBe("www.example.com");
    expect(outcome.hello.protocols).toEqual(["h2", "http/1.1"]);
    expect(outcome.hello.suites).toContain(0x1301);
    expect(outcome.hello.signatureSchemes).toContain(0x0403);
    expect(outcome.hello.offersTls13).toBe(true);
  });

  it("tells what is not offered", async () => {
    const outcome = parseClientHello(await helloOf({ maxVersion: "TLSv1.2", ciphers: "AES128-SHA" }));
    if (outcome.kind !== "hello") throw new Error(outcome.kind);
    expect(outcome.hello).toMatchObject({ serverName: undefined, protocols: [], offersTls13: false });
    expect(outcome.hello.suites).toContain(0x002f);
  });

  it("asks for more until it is whole, however it is cut", async () => {
    const hello = await helloOf({ servername: "a.test" });
    for (let length = 0; length < hello.length; length++) {
      expect(parseClientHello(hello.subarray(0, length)).kind).toBe("more");
    }
    const whole = parseClientHello(hello);
    fc.assert(
      fc.property(fc.integer({ min: 48, max: 600 }), (bytes) => {
        expect(parseClientHello(inRecordsOf(hello, bytes))).toEqual(whole);
      }),
    );
    expect(parseClientHello(Buffer.concat([hello, Buffer.from("more")]))).toEqual(whole);
  });

  it("TLS-11 takes a message in crumbs for none: it is looked at anew with each that comes", async () => {
    const hello = await helloOf({ servername: "a.test" });
    expect(parseClientHello(inRecordsOf(hello, 1)).kind).toBe("other");
    expect(parseClientHello(inRecordsOf(hello, 1).subarray(0, 6 * 64)).kind).toBe("more");
    expect(parseClientHello(inRecordsOf(hello, 1).subarray(0, 6 * 65)).kind).toBe("other");
  });

  it.each([
    ["a request in plain HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ["another record", Buffer.from([21, 3, 1, 0, 2, 1, 0])],
    ["another version", Buffer.from([22, 9, 1, 0, 2, 1, 0])],
    ["another message", Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])],
    ["an empty record", Buffer.from([22, 3, 1, 0, 0])],
    ["a record that is too long", Buffer.from([22, 3, 1, 0xff, 0xff, 1])],
    ["a message that is too long", Buffer.from([22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff])],
  ])("takes %s for no TLS", (_, data) => {
    expect(parseClientHello(data).kind).toBe("other");
  });

  it("TLS-02 lets the form of SSL 2.0 pass, for the library to answer", () => {
    const old = Buffer.concat([Buffer.from([0x80, 20, 1, 3, 1]), Buffer.alloc(17)]);
    expect(parseClientHello(old)).toMatchObject({ kind: "hello", hello: { serverName: undefined } });
    expect(parseClientHello(old.subarray(0, 10)).kind).toBe("more");
  });

  it("REG-124 TLS-11 survives anything", async () => {
    const hello = await helloOf({ servername: "a.test", ALPNProtocols: ["h2"] });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(hello.length - 1), fc.nat(255)), { maxLength: 20 }),
        fc.nat(hello.length),
        (changes, length) => {
          const damaged = Buffer.from(hello);
          for (const [at, value] of changes) damaged[at] = value;
          expect(["more", "hello", "other"]).toContain(parseClientHello(damaged.subarray(0, length)).kind);
        },
      ),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(["more", "hello", "other"]).toContain(parseClientHello(Buffer.from(bytes)).kind);
      }),
    );
    const endless = inRecordsOf(
      Buffer.concat([Buffer.from([22, 3, 1, 0, 0, 1, 0, 0x7f, 0xff]), Buffer.alloc(40_000)]),
      900,
    );
    expect(parseClientHello(endless.subarray(0, MAX_HELLO_BYTES + 1)).kind).toBe("other");
  });

  it("TLS-22 compares names without case, port and last dot", () => {
    expect(["A.Com", "a.com:443", "a.com."].map(normalizeServerName)).toEqual(["a.com", "a.com", "a.com"]);
  });
});
