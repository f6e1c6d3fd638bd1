import { describe, expect, it } from "vitest";
import { TestEdge } from "./support/edge.ts";
import { turns, until } from "./support/waiting.ts";

const MIB = 1024 * 1024;
const whole = Buffer.alloc(40 * MIB, "film");

describe("a client that takes a long body as fast as it is sent", () => {
  it("leaves others their turns", async () => {
    const edge = new TestEdge();
    await edge.store("/film.mp4", whole);
    edge.bodies.onFileRun = (position, end) => ({ descriptor: 9, position, length: end - position, sent: () => {} });
    const client = edge.connect();
    let sentBytes = 0;
    let sentInTurn = 0;
    let mostInTurn = 0;
    client.socket.sendFile = ({ position, length }) => {
      if (sentInTurn === 0) setImmediate(() => (sentInTurn = 0));
      expect(position).toBe(sentBytes);
      sentBytes += length;
      sentInTurn += length;
      mostInTurn = Math.max(mostInTurn, sentInTurn);
      return length;
    };
    client.get("/film.mp4");
    await until(() => sentBytes === whole.length, "the body");
    await turns(2);
    expect(mostInTurn).toBeLessThanOrEqual(8 * MIB);
    expect(edge.logged.at(-1)).toMatchObject({ isComplete: true, bodyBytesSent: whole.length });
  });
});
