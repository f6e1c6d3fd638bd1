import { mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  isEdgeBuilt,
  RawClient,
  type RawResponse,
  type RequestSpec,
  startEdge,
  startOrigin,
  type TestEdge,
  type TestOrigin,
  writeGeoIpDat,
  writeMmdb,
} from "../../src/index.ts";
import { useShared } from "../../src/scenario/index.ts";
import { until } from "./support/originState.ts";

/** Scenes of access control: one edge with two workers. Clients come from addresses of the loopback network. */

const ACL = "acl.test";
const REFERER = "referer.test";
const EMPTY_REFERER = "empty-referer.test";
const PROTOCOL = "protocol.test";
const LIMITED = "limited.test";
const SIGNED = "signed.test";
const STAFF = "staff.test";

const ON = "<AccessControl>ON</AccessControl>";
const LIST = [
  "$IP[127.0.1.1], allow",
  "$IP[127.0.2.1-255]",
  "$IP[KR], deny, 451",
  "$HEADER[cookie: *ILLEGAL*], deny, 404",
  "$URL[/source/public.zip], allow",
  "$URL[/source/*]",
  "/profile.zip, deny, 500",
  "$URL[/img.jpg/dims/*], deny",
].join("\n");

let edge: TestEdge;
let origin: TestOrigin;
let geo: string;

const clientFrom = (localAddress: string): Promise<RawClient> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port: edge.port, host: "127.0.0.1", localAddress, noDelay: true, allowHalfOpen: true });
    const client = new RawClient(socket, {});
    socket.once("connect", () => resolve(client));
    socket.once("error", reject);
  });

const fetchFrom = async (localAddress: string, spec: RequestSpec): Promise<RawResponse> => {
  const client = await clientFrom(localAddress);
  try {
    return await client.request({ host: ACL, ...spec });
  } finally {
    client.close();
  }
};

const statusFrom = async (localAddress: string, spec: RequestSpec): Promise<number> =>
  (await fetchFrom(localAddress, spec)).status;

/** What a client gets that sends nothing; undefined when the connection stays open. */
const greetingOf = async (localAddress: string): Promise<"closed" | "open"> => {
  const client = await clientFrom(localAddress);
  try {
    const answer = await Promise.race([
      client.readUntilClose().then((bytes) => (bytes.length === 0 ? "closed" : "bytes")),
      client.request({ host: ACL, path: "/greeting" }).then(
        () => "open",
        () => "closed",
      ),
    ]);
    return answer === "open" ? "open" : "closed";
  } finally {
    client.close();
  }
};

const linesOf = async (folder: string, prefix: string): Promise<readonly string[]> => {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith(prefix));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "latin1").catch(() => "")));
  return texts.flatMap((text) => text.split("\n")).filter((line) => line !== "" && !line.startsWith("#"));
};

const put = async (name: string, bytes: Buffer): Promise<void> => {
  await writeFile(join(geo, `${name}.new`), bytes);
  await rename(join(geo, `${name}.new`), join(geo, name));
};

const hostXml = (geoIp: string, more = ""): string =>
  `<ServiceAccess${geoIp === "" ? "" : ` GeoIP="${geoIp}"`}><Allow>127.0.7.20</Allow><Deny>127.0.7.9-255</Deny><Deny>GIN</Deny></ServiceAccess>${more}`;

const open = async (): Promise<void> => {
  geo = await mkdtemp(join(tmpdir(), "basalt-geo-"));
  origin = await startOrigin();
  origin.on(() => true).reply(200, { "Cache-Control": "max-age=600" }, "body");
  const at = origin.address;
  const options = (content: string) => `<Options>${content}</Options><Log><Access Local="ON">ON</Access></Log>`;
  edge = await startEdge({
    workers: 2,
    readyLimitMs: 60_000,
    hostXml: hostXml(""),
    vhosts: [
      { name: ACL, origin: at, xml: options(ON), conditions: { "acl.txt": LIST } },
      {
        name: REFERER,
        origin: at,
        xml: options(ON),
        conditions: { "acl.txt": "!HEADER[referer], redirect, http://example.com#URL" },
      },
      {
        name: EMPTY_REFERER,
        origin: at,
        xml: options(ON),
        conditions: { "acl.txt": "$HEADER[referer:], redirect, http://another-site.com" },
      },
      {
        name: PROTOCOL,
        origin: at,
        xml: options(ON),
        conditions: { "acl.txt": "$PROTOCOL[HTTP], redirect, https://example.com#URL" },
      },
      { name: LIMITED, origin: at, xml: options('<RateLimit Requests="20" Seconds="3600">/*</RateLimit>') },
      {
        name: SIGNED,
        origin: at,
        xml: options("<SignedUrls>ON<Url>/private/*</Url><Key>a secret of the site</Key></SignedUrls>"),
      },
      { name: STAFF, origin: at, xml: options("<BasicAuthentication>/*</BasicAuthentication>") },
    ],
  });
};

useShared(open, async () => {
  await edge?.close();
  await origin?.close();
  await rm(geo, { recursive: true, force: true });
});

const PLAYS = isEdgeBuilt() || process.env.CI !== undefined;

describe.skipIf(!PLAYS)("access control of an edge with two workers", () => {
  it("ACL-23 GET /conf/acl.txt shows the list in service", async () => {
    expect((await edge.api(`/conf/acl.txt?vhost=${ACL}`)).text).toBe(LIST);
  });

  it("A1 to A5 of spec 15: the first line that matches decides (ACL-20 to ACL-22, ACL-42)", async () => {
    const refused = await fetchFrom("127.0.2.77", { path: "/any" });
    expect([refused.status, refused.body.length]).toEqual([401, 0]);
    expect(await statusFrom("127.0.1.1", { path: "/profile.zip" })).toBe(200);
    expect(await statusFrom("127.0.0.1", { path: "/a", headers: { Cookie: "a=ILLEGALb" } })).toBe(404);
    expect(await statusFrom("127.0.0.1", { path: "/profile.zip" })).toBe(500);
    expect(await statusFrom("127.0.0.1", { path: "/source/public.zip" })).toBe(200);
    expect(await statusFrom("127.0.0.1", { path: "/source/x.zip" })).toBe(401);
    await until("TCP_DENIED in the access log", async () =>
      (await linesOf(join(edge.home, "log", ACL), "access_")).some(
        (line) => line.includes(" /profile.zip ") && line.includes(" 500 ") && line.includes("TCP_DENIED"),
      ),
    );
    await edge.counted({ TCP_DENIED: 4 }, ACL);
  });

  it("A6 to A8 of spec 15: redirects (ACL-35, ACL-38, ACL-43, ACL-44)", async () => {
    const empty = await fetchFrom("127.0.0.1", { host: EMPTY_REFERER, path: "/a", headers: { Referer: "" } });
    expect([empty.status, empty.field("location")]).toEqual([302, "http://another-site.com"]);
    expect(await statusFrom("127.0.0.1", { host: EMPTY_REFERER, path: "/a" })).toBe(200);
    const without = await fetchFrom("127.0.0.1", { host: REFERER, path: "/a/b.html?x=1" });
    expect([without.status, without.field("location")]).toEqual([302, "http://example.com/a/b.html?x=1"]);
    const byHttp = await fetchFrom("127.0.0.1", { host: PROTOCOL, path: "/x" });
    expect([byHttp.status, byHttp.field("location")]).toEqual([302, "https://example.com/x"]);
    await edge.counted({ TCP_REDIRECT_HIT: 1 }, EMPTY_REFERER);
  });

  it("A9 of spec 15: the URL is compared as it was asked for (ACL-24), and for every method (ACL-25)", async () => {
    expect(await statusFrom("127.0.0.1", { path: "/img.jpg/dims/resize/10x10/" })).toBe(401);
    expect(await statusFrom("127.0.0.1", { path: "/source/x.zip", method: "POST", body: "x" })).toBe(401);
  });

  it("A10 of spec 15: clients that ServiceAccess denies get nothing (ACL-10 to ACL-15)", async () => {
    const before = (await edge.metrics()).sum("basalt_service_access_denied_total");
    expect(await greetingOf("127.0.7.8")).toBe("open");
    expect(await greetingOf("127.0.7.9")).toBe("closed");
    expect(await greetingOf("127.0.7.255")).toBe("closed");
    expect(await greetingOf("127.0.7.20")).toBe("open");
    await until("two lines in the deny log", async () => {
      const lines = await linesOf(join(edge.home, "log"), "deny_");
      return lines.filter((line) => / 127\.0\.7\.(9|255) 127\.0\.7\.9-255$/.test(line)).length >= 2;
    });
    // By two workers, whoever writes first.
    const lines = await linesOf(join(edge.home, "log"), "deny_");
    expect(lines).toContainEqual(
      expect.stringMatching(/^\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d 127\.0\.7\.9 127\.0\.7\.9-255$/),
    );
    await until("two refused connections", async () => {
      const metrics = await edge.metrics();
      return metrics.sum("basalt_service_access_denied_total") === before + 2;
    });
  });

  it("A11 of spec 15, REG-170: geoiplist, and countries everywhere (ACL-05, ACL-16, ACL-17)", async () => {
    expect((await edge.api("/monitoring/geoiplist")).status).toBe(404);
    expect((await edge.reload({ hostXml: hostXml(geo) })).httpStatus).toBe(200);
    expect((await edge.apiJson("/monitoring/geoiplist")).result).toEqual({ path: `${geo}/`, files: [] });
    expect(await statusFrom("127.0.9.1", { path: "/a" })).toBe(200);

    const old = writeGeoIpDat({ "127.0.9.0/24": 119, "127.0.10.0/24": 85 });
    await put("GeoIP.dat", old);
    await until(
      "the country of a virtual host's list",
      async () => (await statusFrom("127.0.9.1", { path: "/a" })) === 451,
    );
    await until("the country of ServiceAccess", async () => (await greetingOf("127.0.10.1")) === "closed");
    const list = await edge.apiJson("/monitoring/geoiplist.json");
    expect(list).toMatchObject({
      httpStatus: 200,
      result: { path: `${geo}/`, files: [{ file: "GeoIP.dat", size: old.length }] },
    });
    await until("the country in the deny log", async () =>
      (await linesOf(join(edge.home, "log"), "deny_")).some((line) => line.endsWith(" 127.0.10.1 GIN")),
    );

    await put("GeoLite2-Country.mmdb", writeMmdb({ "127.0.9.0/24": "JP" }));
    await until("a newer file", async () => (await statusFrom("127.0.9.1", { path: "/a" })) === 200);
    await put("GeoLite2-Country.mmdb", Buffer.from("broken"));
    await until("a line about the broken file", async () =>
      (await edge.log()).includes("the last one stays in service"),
    );
    expect(await statusFrom("127.0.9.1", { path: "/a" })).toBe(200);
  });

  it("the rate of a client holds for both workers together", async () => {
    const statuses = await Promise.all(
      Array.from({ length: 60 }, (_, n) => statusFrom("127.0.0.1", { host: LIMITED, path: `/${n % 3}` })),
    );
    const admitted = statuses.filter((status) => status === 200).length;
    expect(admitted).toBeGreaterThanOrEqual(20);
    expect(admitted).toBeLessThanOrEqual(40);
    await until("both workers to know", async () => {
      const later = await Promise.all(
        Array.from({ length: 8 }, () => fetchFrom("127.0.0.1", { host: LIMITED, path: "/0" })),
      );
      return later.every((answer) => answer.status === 429 && Number(answer.field("retry-after") ?? 0) > 0);
    });
    expect(await statusFrom("127.0.0.2", { host: LIMITED, path: "/0" })).toBe(200);
  });

  it("`basalt sign` makes URLs that are let through", async () => {
    const path = "/private/film.mp4";
    expect(await statusFrom("127.0.0.1", { host: SIGNED, path })).toBe(403);
    const signed = await edge.command("sign", `http://${SIGNED}${path}?q=1`, "--seconds", "600");
    expect(signed.output).toMatch(/^http:\/\/signed\.test\/private\/film\.mp4\?q=1&token=/);
    const target = signed.output.trim().slice(`http://${SIGNED}`.length);
    expect(await statusFrom("127.0.0.1", { host: SIGNED, path: target })).toBe(200);
    expect(origin.requests.filter((request) => request.target === `${path}?q=1`)).toHaveLength(1);
    const refused = await edge.command("sign", `http://${ACL}/a`);
    expect(refused.exitCode).not.toBe(0);
  });

  it("acl.txt and users.txt change with a reload", async () => {
    const { vhosts } = edge.configuration;
    const sha = "{SHA256}LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="; // hello
    const changed = vhosts.map((vhost) => {
      if (vhost.name === ACL) return { ...vhost, conditions: { "acl.txt": "/later, deny, 403" } };
      return vhost.name === STAFF ? { ...vhost, conditions: { "users.txt": `kim:${sha}` } } : vhost;
    });
    const credentials = { Authorization: `Basic ${Buffer.from("kim:hello").toString("base64")}` };
    expect(await statusFrom("127.0.0.1", { host: STAFF, path: "/", headers: credentials })).toBe(401);
    expect((await edge.reload({ vhosts: changed })).httpStatus).toBe(200);
    expect(await statusFrom("127.0.0.1", { path: "/later" })).toBe(403);
    expect(await statusFrom("127.0.2.77", { path: "/any" })).toBe(200);
    expect(await statusFrom("127.0.0.1", { host: STAFF, path: "/", headers: credentials })).toBe(200);
    expect(await statusFrom("127.0.0.1", { host: STAFF, path: "/" })).toBe(401);
  });
});
