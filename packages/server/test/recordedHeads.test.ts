import { describe, expect, it } from "vitest";
import { HeadRecorder, MOST_RECORDED_BYTES } from "../src/delivery/headRecorder.ts";
import { ask, Http2Edge } from "./http2/support.ts";
import { TestEdge } from "./support/edge.ts";
import { FakeSocket } from "./support/fakeSocket.ts";
import { until } from "./support/waiting.ts";

const DETAILED = { vhost: "<Log><Detail>ON</Detail></Log>" };

describe("the heads of a host with a detail log", () => {
  it("AWS-91 are those that were received and sent: of a hit, a 304, an error and a bypass on one connection", async () => {
    const edge = new TestEdge(DETAILED);
    await edge.store("/a", "0123456789", ["ETag", '"1"']);
    edge.logged.length = 0;
    const client = edge.connect();
    client.get("/a", ["X-Mine: one"]);
    const [hit] = await client.responses(1);
    client.get("/a", [`If-None-Match: ${hit?.field("etag")}`]).get("/b", ["X-Mine: two"]);
    (await edge.origin.call(2)).reply(404, "nothing");
    await client.responses(3);
    client.send("POST /form HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: 3\r\n\r\nabc");
    (await edge.origin.call(3)).reply(200, "done", ["X-Origin", "here"]);
    await client.responses(4, ["GET", "GET", "GET", "POST"]);
    await until(() => edge.logged.length === 4, "four lines");
    const heads = edge.logged.map(({ heads: recorded }) => recorded);
    expect(heads[0]?.requestFields).toEqual(["Host", "www.example.com", "X-Mine", "one"]);
    expect(heads.map((head) => head?.response?.text.split("\r\n")[0])).toEqual([
      "HTTP/1.1 200 OK",
      "HTTP/1.1 304 Not Modified",
      "HTTP/1.1 404 Not Found",
      "HTTP/1.1 200 OK",
    ]);
    expect(heads[3]?.response?.text).toContain("X-Origin: here");
    expect(heads.every((head) => head?.response?.isWhole === true && !head.response.text.endsWith("\r\n"))).toBe(true);
    expect(hit?.body.toString()).toBe("0123456789");
  });

  it("AWS-91 have no response where the client left before it", async () => {
    const edge = new TestEdge(DETAILED);
    const client = edge.connect().get("/silent");
    await edge.origin.call();
    client.socket.destroy();
    await until(() => edge.logged.length === 1, "the line");
    expect(edge.logged[0]?.heads?.response).toBeUndefined();
  });

  it("AWS-91 are kept of each stream of an HTTP/2 connection, in the words of HTTP/1.1", async () => {
    const edge = new TestEdge(DETAILED);
    await edge.store("/a", "0123456789");
    edge.logged.length = 0;
    const http2 = await Http2Edge.open(edge);
    try {
      const client = http2.client();
      const answers = await Promise.all([ask(client, "/a"), ask(client, "/a"), ask(client, "/a")]);
      expect(answers.map(({ status, body }) => `${status} ${body}`)).toEqual(new Array(3).fill("200 0123456789"));
      await until(() => edge.logged.length === 3, "three lines");
      for (const { httpVersion, heads } of edge.logged) {
        expect([httpVersion, heads?.response?.text.split("\r\n")[0]]).toEqual(["2.0", "HTTP/1.1 200 OK"]);
        expect(heads?.requestFields).toContain("www.example.com");
      }
    } finally {
      await http2.close();
    }
  });

  it("AWS-91 are not kept where the log is off", async () => {
    const edge = new TestEdge();
    await edge.store("/a", "x");
    await edge.connect().get("/a").response();
    expect(edge.logged.map(({ heads }) => heads)).toEqual([undefined, undefined]);
  });

  it("AWS-91 of a response that is slowed down are kept too", async () => {
    const edge = new TestEdge({ vhost: `${DETAILED.vhost}<Options><TrafficCap Session="1000"/></Options>` });
    await edge.store("/a", "0123456789");
    edge.logged.length = 0;
    const client = edge.connect();
    await client.get("/a").response();
    await client.get("/a").responses(2);
    expect(edge.logged.map(({ heads }) => heads?.response?.text.split("\r\n")[0])).toEqual([
      "HTTP/1.1 200 OK",
      "HTTP/1.1 200 OK",
    ]);
  });
});

describe("a recorder of heads", () => {
  it("AWS-91 asks for no more at a time than the stream inside, so that a slow response holds little memory", () => {
    const inner = Object.assign(new FakeSocket(), { pieceBytes: 16_384, bodyRoomBytes: 65_536 });
    const recorder = new HeadRecorder(inner, () => {});
    expect([recorder.pieceBytes, recorder.bodyRoomBytes]).toEqual([16_384, 65_536]);
    const plain = new HeadRecorder(new FakeSocket(), () => {});
    expect([plain.pieceBytes, plain.bodyRoomBytes]).toEqual([undefined, undefined]);
  });

  const recorded = (writes: readonly string[]): readonly string[] => {
    const heads: string[] = [];
    const recorder = new HeadRecorder(new FakeSocket(), (head) => heads.push(head));
    for (const text of writes) recorder.write(Buffer.from(text, "latin1"));
    return heads;
  };

  it.each([
    ["in one piece", ["HTTP/1.1 200 OK\r\nA: 1\r\n\r\nbody\r\n\r\n"], ["HTTP/1.1 200 OK\r\nA: 1"]],
    ["in pieces", ["HTTP/1.1 200 OK\r\nA: 1\r", "\n\r", "\nbody"], ["HTTP/1.1 200 OK\r\nA: 1"]],
    [
      "behind interim responses",
      [
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
      ],
      ["HTTP/1.1 204 No Content"],
    ],
    ["of another protocol", ["HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x00"], ["HTTP/1.1 101 Switching Protocols"]],
    ["not before its end", ["HTTP/1.1 200 OK\r\nA: 1\r\n"], []],
    ["that is endless", ["x".repeat(MOST_RECORDED_BYTES + 5), "y"], ["x".repeat(MOST_RECORDED_BYTES)]],
  ])("AWS-91 keeps one head %s", (_, writes, heads) => {
    expect(recorded(writes)).toEqual(heads);
  });
});
