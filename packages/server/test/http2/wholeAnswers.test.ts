import { afterEach, describe, expect, it } from "vitest";
import { HOST, TestEdge } from "../support/edge.ts";
import { Http2Edge } from "./support.ts";

let opened: Http2Edge[] = [];

afterEach(async () => {
  for (const { edge } of opened) expect(edge.defects).toEqual([]);
  await Promise.all(opened.map((each) => each.close()));
  opened = [];
});

describe("answers over HTTP/2 to requests whose body is not whole", () => {
  it.each([
    ["GET", 1_000],
    ["GET", 20_000],
    ["GET", 300_000],
  ])("%s: the client gets all of %d bytes before the stream is closed", async (method, bytes) => {
    const edge = new TestEdge();
    const each = await Http2Edge.open(edge);
    opened.push(each);
    await edge.store("/a", "x".repeat(bytes));
    const stream = each
      .client()
      .request({ ":path": "/a", ":authority": HOST, ":scheme": "https", ":method": method }, { endStream: false });
    let received = 0;
    stream.on("data", (piece: Buffer) => {
      received += piece.length;
    });
    const hasEnded = await new Promise<boolean>((resolve) => {
      let ended = false;
      stream.on("end", () => {
        ended = true;
      });
      stream.on("error", () => {});
      stream.on("close", () => resolve(ended && stream.rstCode === 0));
    });
    expect([received, hasEnded]).toEqual([bytes, true]);
  });
});
