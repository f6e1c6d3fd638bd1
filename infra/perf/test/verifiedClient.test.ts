import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { bodyPieces, bodySeed } from "../positionedBody.ts";
import { bodyPath } from "../positionedOrigin.ts";
import { type BodyOutcome, type BodyRequest, connectVerified } from "../verifiedClient.ts";
import { since } from "../verifiedLoad.ts";

const BYTES = 100_000;
const path = bodyPath(BYTES, "a");
const body = Buffer.concat([...bodyPieces(bodySeed(path), 0, BYTES - 1)]);
const range = { first: 70_000, last: 79_999 };
const part = body.subarray(range.first, range.last + 1);

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** What a client makes of that answer; the server closes behind it when told so. */
async function askAgainst(answer: Buffer, request: Partial<BodyRequest> = {}, closes = false): Promise<BodyOutcome> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write(answer);
      if (closes) socket.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => server.close());
  const address = server.address();
  const client = await connectVerified(address !== null && typeof address === "object" ? address.port : 0);
  closing.push(() => client.close());
  return client.ask({ path, bytes: BYTES, ...request });
}

const answer = (head: string, content: Buffer) => Buffer.concat([Buffer.from(`HTTP/1.1 ${head}\r\n\r\n`), content]);
const whole = `200 OK\r\nContent-Length: ${BYTES}`;
const ranged = (field: string) => `206 Partial Content\r\nContent-Length: ${part.length}\r\nContent-Range: ${field}`;
const flipped = Buffer.from(body);
flipped[54_321] = (flipped[54_321] ?? 0) ^ 1;

describe("a client that compares what it gets", () => {
  it("takes the right body and the right range", async () => {
    expect(await askAgainst(answer(whole, body))).toMatchObject({ kind: "right", status: 200, bytes: BYTES });
    const right = answer(ranged(`bytes 70000-79999/${BYTES}`), part);
    expect(await askAgainst(right, { range })).toMatchObject({ kind: "right", status: 206, bytes: part.length });
    expect(await askAgainst(answer(whole, body), { range })).toMatchObject({ kind: "right", status: 200 });
  });

  it("leaves when it was told to", async () => {
    expect(await askAgainst(answer(whole, body), { leaveAfterBytes: 1000 })).toMatchObject({ kind: "left" });
  });

  it.each([
    ["a flipped bit", answer(whole, flipped), {}],
    ["a body of another object", answer(whole, Buffer.alloc(BYTES)), {}],
    ["another length", answer(`200 OK\r\nContent-Length: ${BYTES - 1}`, body), {}],
    ["no length", answer("200 OK\r\nX: y", body), {}],
    ["more bytes than announced", answer(whole, Buffer.concat([body, Buffer.from("x")])), {}],
    ["another range", answer(ranged(`bytes 70001-80000/${BYTES}`), part), { range }],
    ["another total", answer(ranged("bytes 70000-79999/*"), part), { range }],
    ["the bytes of another place", answer(ranged(`bytes 70000-79999/${BYTES}`), body.subarray(0, 10_000)), { range }],
    ["a range that nobody asked for", answer(ranged(`bytes 70000-79999/${BYTES}`), part), {}],
  ])("finds wrong: %s", async (_name, bytes, request) => {
    expect(await askAgainst(bytes, request)).toMatchObject({ kind: "wrong" });
  });

  it("tells an error page from a cut answer and from none", async () => {
    expect(await askAgainst(answer("503 No\r\nContent-Length: 0", Buffer.alloc(0)))).toEqual({
      kind: "status",
      status: 503,
    });
    expect(await askAgainst(answer(whole, body.subarray(0, 9000)), {}, true)).toEqual({
      kind: "failed",
      reason: "closed in the body",
    });
    expect(await askAgainst(Buffer.alloc(0), {}, true)).toEqual({ kind: "failed", reason: "closed before the answer" });
  });
});

describe("the tally of a load", () => {
  it("is taken between two moments", () => {
    const at = (elapsedMs: number, requests: number, errors: Record<string, number>) => ({
      elapsedMs,
      requests,
      right: requests,
      wrong: 0,
      bytes: requests * 10,
      longestMs: elapsedMs,
      waitingMs: 1,
      waitingFor: "/a",
      errors,
      wrongs: [],
    });
    expect(since(at(1000, 5, { a: 2, b: 1 }), at(3000, 9, { a: 2, b: 4, c: 1 }))).toMatchObject({
      elapsedMs: 2000,
      requests: 4,
      bytes: 40,
      errors: { b: 3, c: 1 },
    });
  });
});
