import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import http2, { type ClientHttp2Session, type OutgoingHttpHeaders } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import {
  findFreePort,
  isEdgeBuilt,
  makeCertificate,
  patternBody,
  startEdge,
  startOrigin,
  type TestEdge,
  type TestOrigin,
} from "../../src/index.ts";
import { useShared } from "../../src/scenario/index.ts";
import { until } from "./support/originState.ts";

/** HTTP/2 over TLS through two workers, as Node's own client and curl speak it. */

const HOST = "www.h2.test";
const run = promisify(execFile);

let edge: TestEdge;
let origin: TestOrigin;
let folder: string;
let port = 0;
let otherPort = 0;
const clients = new Set<ClientHttp2Session>();

const httpsXml = (ports: readonly number[]): string =>
  ports
    .map(
      (each) => `<Https Listen="127.0.0.1:${each}"><Cert>${folder}/cert.pem</Cert><Key>${folder}/key.pem</Key></Https>`,
    )
    .join("\n");

const open = async (): Promise<void> => {
  folder = await mkdtemp(join(tmpdir(), "basalt-h2-"));
  const { certificatePem, keyPem } = makeCertificate({ names: [HOST] });
  await writeFile(join(folder, "cert.pem"), certificatePem);
  await writeFile(join(folder, "key.pem"), keyPem);
  [port, otherPort] = [await findFreePort(), await findFreePort()];
  origin = await startOrigin();
  edge = await startEdge({
    workers: 2,
    rootXml: httpsXml([port, otherPort]),
    vhosts: [{ name: HOST, origin: origin.address, xml: '<Log><Access Local="ON" Form="apache">ON</Access></Log>' }],
  });
};

useShared(open, async () => {
  for (const client of clients) client.destroy();
  clients.clear();
  await edge?.close();
  await origin?.close();
  await rm(folder, { recursive: true, force: true });
});

const connect = (to = port): ClientHttp2Session => {
  const client = http2.connect(`https://127.0.0.1:${to}`, { rejectUnauthorized: false, servername: HOST });
  client.on("error", () => {});
  client.setMaxListeners(0);
  clients.add(client);
  client.on("close", () => clients.delete(client));
  return client;
};

interface Answer {
  readonly status: number;
  readonly fields: http2.IncomingHttpHeaders;
  readonly body: Buffer;
  /** Code of the stream's end. */
  readonly code: number;
}

const ask = (
  client: ClientHttp2Session,
  path: string,
  fields: OutgoingHttpHeaders = {},
  body?: Buffer,
  trailers?: OutgoingHttpHeaders,
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const asked = { ":path": path, ":authority": HOST, ":scheme": "https", ...fields };
    const stream = client.request(asked, { endStream: body === undefined, waitForTrailers: trailers !== undefined });
    let head: http2.IncomingHttpHeaders = {};
    const pieces: Buffer[] = [];
    stream.on("response", (each) => {
      head = each;
    });
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.on("wantTrailers", () => stream.sendTrailers(trailers ?? {}));
    stream.on("error", () => {});
    stream.on("close", () =>
      resolve({
        status: Number(head[":status"] ?? 0),
        fields: head,
        body: Buffer.concat(pieces),
        code: stream.rstCode ?? 0,
      }),
    );
    client.once("close", () => reject(new Error("closed")));
    if (body !== undefined) stream.end(body);
  });

const digestOf = (body: Buffer): string => createHash("sha256").update(body).digest("hex");

describe.skipIf(!isEdgeBuilt())("HTTP/2 through two workers", () => {
  it("AWS-41 TLS-32: a page is fetched by one protocol and a hit by the other; the log says HTTP/2.0", async () => {
    origin.on("/page").reply(200, { "Content-Type": "text/plain", "Set-Cookie": "a=1" }, "the page");
    const client = connect();
    const first = await ask(client, "/page");
    expect([first.status, String(first.body), first.code]).toEqual([200, "the page", 0]);
    expect(first.fields["content-type"]).toBe("text/plain");
    await until("stored", async () => (await ask(client, "/page")).status === 200);
    await edge.get("/page").expect(200, "the page");
    expect(origin.saw("/page")).toBe(1);
    const head = await ask(client, "/page", { ":method": "HEAD" });
    expect([head.status, head.fields["content-length"], head.body.length]).toEqual([200, "8", 0]);
    const etag = String(head.fields.etag);
    expect((await ask(client, "/page", { "if-none-match": etag })).status).toBe(304);
    const part = await ask(client, "/page", { range: "bytes=4-" });
    expect([part.status, String(part.body)]).toEqual([206, "page"]);
    const logged = async (): Promise<string> => {
      const names = (await readdir(edge.home, { recursive: true })).filter((name) => name.includes("access_"));
      return (await Promise.all(names.map((name) => readFile(join(edge.home, name), "utf8").catch(() => "")))).join("");
    };
    await until("a line of HTTP/2.0", async () => /"GET \/page HTTP\/2\.0" 200 8/.test(await logged()));
    client.destroy();
  });

  it("bodies of requests reach the origin, with trailers and without", async () => {
    origin.on("/form").reply(200, {}, "thanks");
    const client = connect();
    const sent = patternBody(300_000, 5).slice(0, 300_000);
    const before = origin.requests.length;
    const withLength = { ":method": "POST", "content-length": sent.length };
    expect((await ask(client, "/form", withLength, sent)).status).toBe(200);
    expect((await ask(client, "/form", { ":method": "POST" }, sent)).status).toBe(200);
    expect((await ask(client, "/form", { ":method": "POST", te: "trailers" }, sent, { "x-sum": "1" })).status).toBe(
      200,
    );
    const bodies = origin.requests.slice(before).filter(({ method }) => method === "POST");
    expect(bodies).toHaveLength(3);
    client.destroy();
  });

  it("a hundred streams at once, a long body byte for byte, and a reset in the middle of another one", async () => {
    const long = patternBody(10_000_000, 7);
    origin.on("/long").reply(200, {}, long);
    origin.on("/small").reply(200, {}, "small");
    const client = connect();
    const stream = client.request({ ":path": "/long", ":authority": HOST, ":scheme": "https" });
    stream.on("error", () => {});
    const reset = new Promise<void>((resolve) => {
      stream.once("data", () => {
        stream.close(http2.constants.NGHTTP2_CANCEL);
        resolve();
      });
    });
    const answers = Promise.all(Array.from({ length: 100 }, () => ask(client, "/small")));
    const whole = ask(client, "/long");
    await reset;
    expect((await answers).every(({ status, body }) => status === 200 && String(body) === "small")).toBe(true);
    expect(digestOf((await whole).body)).toBe(long.digest());
    expect(digestOf((await ask(client, "/long")).body)).toBe(long.digest());
    client.destroy();
  });

  it("curl speaks it by ALPN, and counts appear in the figures", async () => {
    origin.on("/curl").reply(200, {}, "for curl");
    const { stdout } = await run("curl", [
      ...["--silent", "--insecure", "--http2", "--max-time", "60", "--write-out", " %{http_version} %{http_code}"],
      ...["--resolve", `${HOST}:${port}:127.0.0.1`, `https://${HOST}:${port}/curl`],
    ]);
    expect(stdout).toBe("for curl 2 200");
    await until(
      "streams are counted",
      async () => (await edge.metrics()).sum("basalt_client_http2_streams_total") > 100,
    );
    expect((await edge.metrics()).sum("basalt_client_http2_floods_total")).toBe(0);
  });

  it("a rolling restart loses no request of clients that heed GOAWAY", async () => {
    origin.on("/steady").reply(200, {}, "steady");
    let goOn = true;
    let count = 0;
    const failures: string[] = [];
    const session = async (): Promise<void> => {
      let isLeaving = false;
      const renewed = (): ClientHttp2Session => {
        isLeaving = false;
        return connect().on("goaway", () => {
          isLeaving = true;
        });
      };
      let client = renewed();
      while (goOn) {
        if (isLeaving || client.destroyed || client.closed) client = renewed();
        const used = client;
        try {
          const answer = await ask(used, "/steady");
          count++;
          // RFC 9113 8.7: what was refused or came behind GOAWAY has not been served, and is asked for again.
          const isUnserved = answer.status === 0 && (isLeaving || used.closed || used.destroyed);
          if (!isUnserved && (answer.status !== 200 || String(answer.body) !== "steady")) {
            failures.push(JSON.stringify({ ...answer, body: String(answer.body) }));
          }
        } catch (error) {
          if (!isLeaving && !used.closed && !used.destroyed) failures.push(String(error));
        }
      }
      client.destroy();
    };
    const running = [session(), session(), session()];
    await until("requests flow", () => count > 20);
    await edge.restart();
    const before = count;
    await until("requests flow again", () => count > before + 20);
    goOn = false;
    await Promise.all(running);
    expect(failures).toEqual([]);
  });

  it("a reload that gives up a port tells the clients there", async () => {
    const client = connect(otherPort);
    origin.on("/there").reply(200, {}, "there");
    expect((await ask(client, "/there")).status).toBe(200);
    const stays = connect();
    expect((await ask(stays, "/there")).status).toBe(200);
    const goaway = new Promise((resolve) => client.on("goaway", resolve));
    expect((await edge.reload({ rootXml: httpsXml([port]) })).status).toBe("OK");
    expect(await goaway).toBe(http2.constants.NGHTTP2_NO_ERROR);
    expect((await ask(stays, "/there")).status).toBe(200);
    stays.destroy();
  });
});
