import { describe, expect, it } from "vitest";
import { Connection } from "../src/connection.ts";
import { sessionIdOf } from "../src/sessionId.ts";
import { TestEdge } from "./support/edge.ts";
import { FakeSocket } from "./support/fakeSocket.ts";

describe("HTTP-41 the id of a client connection", () => {
  it("is an unsigned 64-bit number of its own, the same for all requests of the connection", () => {
    const { server } = new TestEdge();
    const connections = Array.from({ length: 1000 }, () => new Connection(server, new FakeSocket(), 80));
    const ids = connections.map(({ sessionId }) => sessionId);
    expect(new Set(ids).size).toBe(1000);
    for (const id of ids) expect(id > 0n && id < 2n ** 64n).toBe(true);
    expect(connections.map(({ sessionId }) => sessionId)).toEqual(ids);
  });

  it("tells processes apart by its upper half and connections by its lower one", () => {
    expect(sessionIdOf(7) & 0xffff_ffffn).toBe(7n);
    expect(sessionIdOf(7) >> 32n).toBe(sessionIdOf(8) >> 32n);
    expect(sessionIdOf(2 ** 32 - 1) < 2n ** 64n).toBe(true);
  });
});
