import { afterEach, describe, expect, it } from "vitest";
import { CODE } from "../../src/http2/frames.ts";
import { HOST, TestEdge } from "../support/edge.ts";
import { until } from "../support/waiting.ts";
import { RawClient } from "./rawClient.ts";
import { FRAME, headers, PREFACE, requestBlock, resetStream, settings, windowUpdate } from "./rawFrames.ts";
import { Http2Edge } from "./support.ts";

/** Answers that the engine has given whole and that the client takes later. */

let opened: Http2Edge | undefined;

afterEach(async () => {
  expect(opened?.edge.defects).toEqual([]);
  await opened?.close();
  opened = undefined;
});

const LARGE = 100_000;

const open = async () => {
  const http2 = await Http2Edge.open(new TestEdge());
  opened = http2;
  await http2.edge.store("/large", "x".repeat(LARGE));
  return { edge: http2.edge, raw: new RawClient(http2.rawClient()).send(PREFACE, settings([[4, 1_000]])) };
};

const get = (stream: number): Buffer => headers(stream, requestBlock(HOST, "/large"));
const odd = (index: number): number => index * 2 + 1;
const dataOf = (raw: RawClient, stream: number): Buffer =>
  Buffer.concat(raw.of(FRAME.DATA).flatMap((each) => (each.stream === stream ? [each.payload] : [])));

const pinned = (edge: TestEdge): { readonly kept: number; readonly other: number } => {
  let [kept, other] = [0, 0];
  edge.server.visitPinned((_, isKept) => {
    if (isKept) kept++;
    else other++;
  });
  return { kept, other };
};

describe("answers that wait for their client", () => {
  it("are whole, and held until the last byte has gone", async () => {
    const { edge, raw } = await open();
    raw.send(...[0, 1, 2].map((index) => get(odd(index))));
    await until(() => raw.of(FRAME.DATA).length === 3, "their beginnings");
    expect(pinned(edge)).toEqual({ kept: 3, other: 0 });
    edge.clock.advanceSeconds(2);
    raw.send(get(7), windowUpdate(0, 10 * LARGE), ...[0, 1, 2, 3].map((index) => windowUpdate(odd(index), LARGE)));
    await until(() => [1, 3, 5, 7].every((stream) => dataOf(raw, stream).length === LARGE), "all of them");
    for (const stream of [1, 3, 5, 7]) expect(dataOf(raw, stream).equals(Buffer.alloc(LARGE, "x"))).toBe(true);
    await until(() => pinned(edge).kept + pinned(edge).other === 0, "nothing is held");
  });

  it("of streams that are reset are let go", async () => {
    const { edge, raw } = await open();
    raw.send(...[0, 1].map((index) => get(odd(index))));
    await until(() => raw.of(FRAME.DATA).length === 2, "their beginnings");
    raw.send(resetStream(1), resetStream(3));
    await until(() => pinned(edge).kept === 0, "let go");
    raw.send(get(5), windowUpdate(0, LARGE), windowUpdate(5, LARGE));
    await until(() => dataOf(raw, 5).length === LARGE, "the next answer");
  });

  it("are given up after the send time-out, those that move on are not", async () => {
    const { edge, raw } = await open();
    raw.send(...[0, 1].map((index) => get(odd(index))));
    await until(() => raw.of(FRAME.DATA).length === 2, "their beginnings");
    for (let minute = 1; minute <= 3; minute++) {
      raw.send(windowUpdate(3, 1_000));
      await until(() => dataOf(raw, 3).length === (minute + 1) * 1_000, "a little more");
      edge.advanceSeconds(40);
    }
    await until(() => raw.of(FRAME.RST_STREAM).length === 1, "given up");
    const [reset] = raw.of(FRAME.RST_STREAM);
    expect([reset?.stream, reset?.payload.readUInt32BE()]).toEqual([1, CODE.CANCEL]);
  });
});
