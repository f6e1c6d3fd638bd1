import { connect, type Socket } from "node:net";
import { describe, expect } from "vitest";
import { patternBody, renderRequest } from "../../src/index.ts";
import { scenario, useEdge } from "../../src/scenario/index.ts";

useEdge({ workers: 2 });

const PART = /^\r\n(?:Content-Type: [^\r]*\r\n)?Content-Range: bytes (\d+)-(\d+)\/(\d+)\r\n\r\n([\s\S]*)$/;

/** The parts of a multipart body, each as `first-last/size` and its bytes. */
const partsOf = (body: Buffer, contentType: string | undefined): [place: string, bytes: Buffer][] => {
  const boundary = /boundary=(.*)$/.exec(contentType ?? "")?.[1];
  if (boundary === undefined) throw new Error(`no boundary in ${contentType}`);
  const pieces = `\r\n${body.toString("latin1")}`.split(`\r\n--${boundary}`);
  if (pieces.shift() !== "" || pieces.pop() !== "--\r\n") throw new Error("not framed as multipart");
  return pieces.map((piece) => {
    const [, first, last, size, bytes] = PART.exec(piece) ?? [];
    if (bytes === undefined) throw new Error(`no part: ${piece.slice(0, 200)}`);
    return [`${first}-${last}/${size}`, Buffer.from(bytes, "latin1")];
  });
};

describe("several ranges", () => {
  scenario("HTTP-31, A6 of spec 04: two ranges of a cached object of 100 bytes", async ({ origin, edge }) => {
    const text = "0123456789".repeat(10);
    origin.on("/a").reply(200, { "Content-Type": "text/plain" }, text);
    await edge.get("/a").expect(200, text);
    for (let round = 0; round < 3; round++) {
      const response = await edge.get("/a", { headers: { Range: "bytes=0-0,99-99" } });
      expect(response.status).toBe(206);
      expect(partsOf(response.body, response.field("content-type"))).toEqual([
        ["0-0/100", Buffer.from("0")],
        ["99-99/100", Buffer.from("9")],
      ]);
    }
    expect(origin.saw("/a")).toBe(1);
  });

  scenario("HTTP-31: of a long body, from its first request on, on both workers", async ({ origin, edge }) => {
    const body = patternBody(5_000_000, 4);
    origin.on("/film").file(body, { etag: '"v"', lastModified: "Thu, 01 Jan 2026 00:00:00 GMT" });
    const ranges = [
      [10, 19],
      [2_000_000, 3_000_000],
      [4_999_990, 4_999_999],
    ] as const;
    const headers = { Range: `bytes=${ranges.map(([first, last]) => `${first}-${last}`).join(", ")}` };
    for (let round = 0; round < 6; round++) {
      const response = await edge.get("/film", { headers });
      expect(response.status).toBe(206);
      const parts = partsOf(response.body, response.field("content-type"));
      expect(parts.map(([place]) => place)).toEqual(ranges.map(([first, last]) => `${first}-${last}/5000000`));
      for (const [index, [first, last]] of ranges.entries()) {
        expect(parts[index]?.[1].equals(body.slice(first, last + 1))).toBe(true);
      }
    }
  });
});

describe("conditions at the first request", () => {
  scenario("TTL-35: an unchanged object gives the first client a 304 and is stored", async ({ origin, edge }) => {
    const lastModified = "Thu, 01 Jan 2026 00:00:00 GMT";
    const body = patternBody(3_000_000, 5);
    origin.on("/a").reply(200, { "Last-Modified": lastModified }, body);
    await edge.get("/a", { headers: { "If-Modified-Since": lastModified } }).expect(304, "");
    await edge.stored("/a");
    const response = await edge.get("/a");
    expect([response.status, response.sha256]).toEqual([200, body.digest()]);
  });
});

describe("a client of HTTP/1.0", () => {
  scenario(
    "gets whole answers by close, pipelined 1.1 ones behind it are not served",
    async ({ origin, edge, client }) => {
      origin.on("/c").reply(200, {}, "0123456789").chunked([3]);
      const session = await client();
      const first = renderRequest({ path: "/c", host: edge.host, version: "1.0" });
      await session.send(Buffer.concat([first, renderRequest({ path: "/other", host: edge.host })]));
      const response = await session.readResponse();
      expect([response.text, response.field("transfer-encoding")]).toEqual(["0123456789", undefined]);
      expect(await session.closedByPeer()).toBe(true);
      expect(origin.saw("/other")).toBe(0);
    },
  );
});

describe("Expect: 100-continue", () => {
  scenario("is not met for a request that is refused", async ({ origin, edge, client }) => {
    const session = await client();
    const head = `DELETE /a HTTP/1.1\r\nHost: ${edge.host}\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n`;
    await session.send(head);
    const response = await session.readResponse("DELETE");
    expect([response.status, response.head.interim.length]).toEqual([501, 0]);
    expect(await session.closedByPeer()).toBe(true);
    expect(origin.saw()).toBe(0);
  });

  scenario("is not met where the body is there already", async ({ origin, edge, client }) => {
    origin.on("/a").reply((request) => ({ status: 200, body: request.body }));
    const session = await client();
    const headers = { Expect: "100-continue" };
    const response = await session.request({ path: "/a", method: "POST", host: edge.host, headers, body: "body" });
    expect([response.text, response.head.interim.length]).toEqual(["body", 0]);
    expect(origin.lastSeen("/a").field("expect")).toBeUndefined();
  });
});

describe("pipelining", () => {
  scenario("HTTP-40: 50 requests with bodies between them in pieces of 100 bytes", async ({ origin, edge, client }) => {
    origin
      .on(() => true)
      .reply((request) => ({ status: 200, body: `${request.method} ${request.path} ${request.body}` }));
    const requests = Array.from({ length: 50 }, (_, index) => {
      const path = `/p/${index}`;
      return index % 3 === 0
        ? { path, host: edge.host, method: "POST", body: [`body ${index}`, "!"] }
        : { path, host: edge.host };
    });
    const session = await client();
    await session.sendSlowly(Buffer.concat(requests.map(renderRequest)), 100, 0);
    for (const [index] of requests.entries()) {
      const wanted = index % 3 === 0 ? `POST /p/${index} body ${index}!` : `GET /p/${index} `;
      expect((await session.readResponse()).text).toBe(wanted);
    }
  });
});

describe("clients that trickle", () => {
  scenario(
    "heads, bodies and readers that move too little are cut, and others are served meanwhile",
    {
      ownEdge: {
        serverXml:
          "<ClientLimits><HeadTimeout>3</HeadTimeout><BodyTimeout>3</BodyTimeout><SendTimeout>3</SendTimeout></ClientLimits>",
      },
    },
    async ({ origin, edge }) => {
      origin.on("/a").reply(200, {}, "v1");
      origin.on("/film").reply(200, {}, patternBody(30_000_000, 1));
      const sockets: Socket[] = [];
      const open = (first: string | Buffer): Socket => {
        const socket = connect({ port: edge.port, host: "127.0.0.1" });
        socket.on("error", () => {});
        socket.write(first);
        sockets.push(socket);
        return socket;
      };
      const trickle = (first: string, more: string): void => {
        const socket = open(first).resume();
        const timer = setInterval(() => socket.write(more), 200);
        socket.once("close", () => clearInterval(timer));
      };
      const openConnections = async (): Promise<number> =>
        (await edge.cluster.status()).workers.reduce((sum, { connections }) => sum + connections, 0);
      for (let count = 0; count < 20; count++) {
        trickle(`GET /a HTTP/1.1\r\nHost: ${edge.host}\r\n`, "A: b\r\n");
        trickle(`POST /a HTTP/1.1\r\nHost: ${edge.host}\r\nContent-Length: 100000\r\n\r\n`, "x");
        if (count % 4 === 0) open(renderRequest({ path: "/film", host: edge.host })).pause();
      }
      try {
        await expect.poll(openConnections).toBeGreaterThan(40);
        for (let round = 0; round < 10; round++) await edge.get("/a").expect(200, "v1");
        await expect.poll(openConnections).toBe(0);
      } finally {
        for (const socket of sockets) socket.destroy();
      }
    },
  );
});
