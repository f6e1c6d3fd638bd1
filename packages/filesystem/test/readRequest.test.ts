import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readRequest } from "../src/protocol/readRequest.ts";
import { IN_HEADER_BYTES, OPCODE } from "../src/protocol/words.ts";
import { handleBody, message, nameBody, readBody, words32 } from "./messages.ts";

const head = { unique: 7n, node: 3, uid: 1000 };

describe("messages of the kernel", () => {
  it("FS-20 FS-21 FS-22 FS-23 FS-24 reads each of them", () => {
    expect(readRequest(message(OPCODE.LOOKUP, head, nameBody("a.jpg")))).toEqual({
      ...head,
      kind: "lookup",
      name: "a.jpg",
    });
    expect(readRequest(message(OPCODE.UNLINK, head, nameBody("\xff")))).toEqual({
      ...head,
      kind: "unlink",
      name: "\xff",
    });
    expect(readRequest(message(OPCODE.OPEN, head, words32(0x8002, 0)))).toEqual({
      ...head,
      kind: "open",
      flags: 0x8002,
    });
    expect(readRequest(message(OPCODE.READ, head, readBody(5, 4096n, 1024)))).toEqual({
      ...head,
      kind: "read",
      handle: 5,
      offset: 4096,
      size: 1024,
    });
    expect(readRequest(message(OPCODE.RELEASE, head, handleBody(5)))).toEqual({ ...head, kind: "release", handle: 5 });
    expect(readRequest(message(OPCODE.GETATTR, head, Buffer.alloc(16)))).toEqual({ ...head, kind: "getattr" });
    expect(readRequest(message(OPCODE.INIT, head, words32(7, 45, 131_072, 0xffff)))).toEqual({
      ...head,
      kind: "init",
      major: 7,
      minor: 45,
      readAheadBytes: 131_072,
      flags: 0xffff,
    });
    expect(readRequest(message(OPCODE.INTERRUPT, head, handleBody(9)))).toEqual({
      ...head,
      kind: "interrupt",
      target: 9n,
    });
  });

  it("FS-25 whatever would write is one kind, whatever is not known another", () => {
    for (const opcode of [OPCODE.WRITE, OPCODE.MKDIR, OPCODE.RENAME, OPCODE.RENAME2, OPCODE.SETATTR, OPCODE.CREATE]) {
      expect(readRequest(message(opcode))?.kind).toBe("readOnly");
    }
    for (const opcode of [0, 22, 39, 4711]) expect(readRequest(message(opcode))?.kind).toBe("unknown");
  });

  it("a batch of forgotten nodes is as long as it is, whatever it says", () => {
    const entry = Buffer.concat([handleBody(8).subarray(0, 8), handleBody(2).subarray(0, 8)]);
    const batch = (count: number) =>
      message(OPCODE.BATCH_FORGET, head, Buffer.concat([words32(count, 0), entry, entry]));
    const [one, two] = [
      [{ node: 8, lookups: 2 }],
      [
        { node: 8, lookups: 2 },
        { node: 8, lookups: 2 },
      ],
    ];
    expect(readRequest(batch(1))).toEqual({ ...head, kind: "forget", nodes: one });
    expect(readRequest(batch(2))).toEqual({ ...head, kind: "forget", nodes: two });
    expect(readRequest(batch(0xffff_ffff))).toEqual({ ...head, kind: "forget", nodes: two });
  });

  it("names without an end, and empty ones, are none", () => {
    expect(readRequest(message(OPCODE.LOOKUP, head, Buffer.from("abc")))?.kind).toBe("malformed");
    expect(readRequest(message(OPCODE.LOOKUP, head, Buffer.from([0])))?.kind).toBe("malformed");
  });

  it("any bytes are read without harm", () => {
    const opcodes = fc.oneof(fc.constantFrom(...Object.values(OPCODE)), fc.nat(70));
    const bodies = fc.uint8Array({ maxLength: 120 });
    fc.assert(
      fc.property(opcodes, bodies, fc.nat(IN_HEADER_BYTES + 200), (opcode, body, length) => {
        const bytes = message(opcode, head, Buffer.from(body));
        bytes.writeUInt32LE(length, 0);
        const request = readRequest(bytes);
        expect(request?.unique).toBe(7n);
        expect(readRequest(bytes.subarray(0, length % IN_HEADER_BYTES))).toBeUndefined();
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const request = readRequest(Buffer.from(bytes));
        expect(request === undefined).toBe(bytes.length < IN_HEADER_BYTES);
      }),
    );
  });
});
