import { createServer, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type RawResponse, rawClient, renderRequest } from "../src/index.ts";

const servers: Server[] = [];

/** A peer that says those pieces to whoever connects and then closes. */
const sayTo = async (...pieces: readonly string[]): Promise<number> => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    const next = (index: number): void => {
      const piece = pieces[index];
      if (piece === undefined) socket.end();
      else socket.write(Buffer.from(piece, "latin1"), () => setImmediate(next, index + 1));
    };
    next(0);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const address = server.address();
  return address !== null && typeof address === "object" ? address.port : 0;
};

const readFrom = async (method: string, ...pieces: readonly string[]): Promise<RawResponse> => {
  const client = await rawClient(await sayTo(...pieces), { silenceLimitMs: 2_000 });
  try {
    return await client.readResponse(method);
  } finally {
    client.close();
  }
};

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

describe("the response parser reads", () => {
  it.each([
    ["a length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc"],
    [
      "chunks with extensions",
      "GET",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=1\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
      "abc",
    ],
    ["a body up to the close", "GET", "HTTP/1.1 200 OK\r\n\r\nabc", "abc"],
    ["a HEAD response, whatever length it tells", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", ""],
    ["a 304 with a length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", ""],
    ["a 204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", ""],
    [
      "a response after an interim one",
      "GET",
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
      "a",
    ],
    ["an empty reason phrase", "GET", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", ""],
  ])("%s", async (_what, method, bytes, body) => {
    expect((await readFrom(method, bytes)).text).toBe(body);
    expect((await readFrom(method, ...bytes)).text).toBe(body);
  });

  it("trailers and repeated fields", async () => {
    const response = await readFrom(
      "GET",
      "HTTP/1.1 200 OK\r\nA: 1\r\na:2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nSum: 9\r\n\r\n",
    );
    expect(response.field("A")).toBe("1, 2");
    expect(response.fieldLines("a")).toEqual(["1", "2"]);
    expect(response.trailers).toEqual(["Sum", "9"]);
  });
});

describe("the response parser refuses", () => {
  it.each([
    ["a bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", /bare LF/],
    ["a missing blank after the status", "HTTP/1.1 200\r\n\r\n", /status line/],
    ["another protocol", "ICY 200 OK\r\n\r\n", /status line/],
    ["a blank before the colon", "HTTP/1.1 200 OK\r\nA : 1\r\n\r\n", /field name/],
    ["a folded line", "HTTP/1.1 200 OK\r\nA: 1\r\n b\r\n\r\n", /field name/],
    ["a control character", "HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n", /control character/],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", /several/],
    ["a length beside chunked", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", /beside/],
    ["a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", /Content-Length/],
    ["a 204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", /declares a body/],
    ["a short body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", /closed 2 bytes before/],
    ["a missing last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", /last chunk/],
    [
      "a chunk longer than told",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
      /chunk too long/,
    ],
    ["a chunk size that is no number", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", /chunk size/],
    ["a close without a response", "", /without a response/],
    ["half a head", "HTTP/1.1 200 OK\r\nA: 1\r\n", /closed inside/],
  ])("%s", async (_what, bytes, message) => {
    await expect(readFrom("GET", bytes)).rejects.toThrow(message);
  });
});

describe("requests", () => {
  it("are framed by length, or by chunks when the body is a list", () => {
    expect(renderRequest({ method: "POST", path: "/p", host: "h", body: "abc" }).toString()).toBe(
      "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
    );
    expect(renderRequest({ method: "POST", path: "/p", host: "h", body: ["ab", "c"] }).toString()).toBe(
      "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
    );
    expect(renderRequest({ host: null, version: "1.0" }).toString()).toBe("GET / HTTP/1.0\r\n\r\n");
  });

  it("pipelined responses are read one by one, then the close is seen", async () => {
    const one = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n";
    const client = await rawClient(await sayTo(`${one}a${one}b`));
    expect((await client.readResponse()).text).toBe("a");
    expect((await client.readResponse()).text).toBe("b");
    expect(await client.closedByPeer()).toBe(true);
    client.close();
  });
});
