import { describe, expect } from "vitest";
import { scenario } from "../../src/scenario/index.ts";

const DAY_SECONDS = 86_400;
const MODIFY_HEADER = "<Options><ModifyHeader>ON</ModifyHeader></Options>";

const secondsOf = (text: string | undefined): number => Date.parse(text ?? "") / 1000;
const httpDate = (ms: number): string => new Date(ms).toUTCString();

describe("expires.txt", () => {
  scenario(
    "HTTP-15, HTTP-16, HTTP-17, A3 of spec 04: Expires counts from Last-Modified, and needs it",
    {
      xml: "<Options><RefreshExpiresHeader>ON</RefreshExpiresHeader></Options>",
      conditions: { "expires.txt": "/i.gif, 1 day, modification\n/no-date.gif, 1 day, modification\n/now.gif, 60 sec" },
    },
    async ({ origin, edge, clock }) => {
      const lastModified = httpDate(Date.now() - 3_600_000);
      origin.on("/i.gif").file("gif", { lastModified });
      origin.on("/no-date.gif").reply(200, { Expires: httpDate(Date.now()) }, "gif");
      origin.on("/now.gif").reply(200, { "Cache-Control": "public, max-age=5" }, "gif");
      for (let time = 0; time < 3; time++) {
        const answer = await edge.get("/i.gif").expect(200, "gif");
        expect(secondsOf(answer.field("expires"))).toBe(secondsOf(lastModified) + DAY_SECONDS);
        const maxAge = secondsOf(answer.field("expires")) - secondsOf(answer.field("date"));
        expect(answer.field("cache-control")).toBe(`max-age=${maxAge}`);
        expect(maxAge).toBeGreaterThan(82_000);
        expect(maxAge).toBeLessThanOrEqual(82_801);
      }
      const undated = await edge.get("/no-date.gif").expect(200, "gif");
      expect(undated.field("expires")).toBeUndefined();
      for (let time = 0; time < 3; time++) {
        const answer = await edge.get("/now.gif").expect(200, "gif", { "cache-control": "public, max-age=60" });
        expect(secondsOf(answer.field("expires")) - secondsOf(answer.field("date"))).toBe(60);
      }
      await edge.stored("/i.gif");
      await clock.advance(1_000);
      const later = await edge.get("/i.gif").expect(200, "gif");
      expect(secondsOf(later.field("expires"))).toBe(secondsOf(lastModified) + DAY_SECONDS);
      const revalidated = await edge.get("/i.gif", { headers: { "If-Modified-Since": lastModified } }).expect(304);
      expect(revalidated.field("expires")).toBe(later.field("expires"));
    },
  );
});

describe("fields of the origin", () => {
  const answer = { "X-A": "1", "Set-Cookie": "s=1" };

  scenario("HTTP-20, HTTP-21, A4 of spec 04: OriginalHeader OFF keeps neither", async ({ origin, edge }) => {
    origin.on("/a").reply(200, answer, "v1");
    for (let time = 0; time < 2; time++) {
      const given = await edge.get("/a").expect(200, "v1");
      expect([given.field("x-a"), given.field("set-cookie")]).toEqual([undefined, undefined]);
    }
  });

  scenario(
    "HTTP-20, HTTP-21, A4 of spec 04: OriginalHeader ON keeps all but cookies",
    { xml: "<Options><OriginalHeader>ON</OriginalHeader></Options>" },
    async ({ origin, edge }) => {
      origin.on("/a").reply(200, answer, "v1");
      for (let time = 0; time < 2; time++) {
        const given = await edge.get("/a").expect(200, "v1");
        expect([given.field("x-a"), given.field("set-cookie")]).toEqual(["1", undefined]);
      }
    },
  );
});

describe("headers.txt", () => {
  scenario(
    "HTTP-52, A8 of spec 04: #CACHEHIT tells the result of each request",
    { xml: MODIFY_HEADER, conditions: { "headers.txt": "$URL[*], $RES[X-Cache-Result: #CACHEHIT], set" } },
    async ({ origin, edge, client }) => {
      origin.on("/a").file("v1", { lastModified: "Tue, 01 Jan 2019 10:00:00 GMT" });
      await edge.get("/a").expect(200, "v1", { "x-cache-result": "TCP_MISS" });
      await edge.stored("/a");
      for (let time = 0; time < 6; time++) await edge.get("/a").expect(200, "v1", { "x-cache-result": "TCP_HIT" });
      const conditional = { headers: { "If-Modified-Since": "Tue, 01 Jan 2019 10:00:00 GMT" } };
      await edge.get("/a", conditional).expect(304, "", { "x-cache-result": "TCP_IMS_HIT" });
      const kept = await client();
      for (let time = 0; time < 3; time++) {
        const answer = await kept.request({ path: "/a", host: edge.host });
        expect([answer.status, answer.text, answer.field("x-cache-result")]).toEqual([200, "v1", "TCP_HIT"]);
      }
    },
  );

  for (const [firstOnly, values] of [
    ["OFF", ["1", "2"]],
    ["ON", ["1"]],
  ] as const) {
    scenario(
      `HTTP-43, HTTP-48, A9 of spec 04: set and put on one field, FirstOnly ${firstOnly}`,
      {
        xml: `<Options><ModifyHeader FirstOnly="${firstOnly}">ON</ModifyHeader></Options>`,
        conditions: {
          "headers.txt": "/*.mp4, $RES[A: 1], set\n/*.mp4, $RES[A: 2], put\n$URL[/x], $RES[Content-Length: 1], set",
        },
      },
      async ({ origin, edge }) => {
        origin.on("/x.mp4").reply(200, {}, "movie");
        origin.on("/x").reply(200, {}, "movie");
        for (let time = 0; time < 2; time++) {
          const answer = await edge.get("/x.mp4").expect(200, "movie");
          expect(answer.fieldLines("A")).toEqual(values);
          await edge.get("/x").expect(200, "movie", { "content-length": "5" });
        }
      },
    );
  }

  scenario(
    "HTTP-44, HTTP-45, HTTP-47 to HTTP-51, HTTP-53, ORG-53: every action in every direction",
    {
      xml: `${MODIFY_HEADER}<OriginOptions><ModifyHeader>ON</ModifyHeader></OriginOptions>`,
      conditions: {
        "headers.txt": [
          "*, $RES[Strict-Transport-Security: max-age=31536000; includeSubDomains], set",
          "/a, $RES[Cache-Control: no-transform], append, 200",
          "/a, $RES[Last-Modified], unset",
          "$HEADER[x-debug], $RES[X-Protocol: #PROTOCOL], put",
          "/a, $REQ[X-Debug], unset",
          "*, $REQ[Cookie], unset",
          "*, $ORGREQ[X-Edge: #PROTOCOL], set",
          "*, $ORGREQ[User-Agent: media_probe], set",
        ].join("\n"),
      },
    },
    async ({ origin, edge }) => {
      const headers = { "Cache-Control": "max-age=600", "Last-Modified": "Tue, 01 Jan 2019 10:00:00 GMT" };
      origin.on("/a").reply(200, headers, "v1");
      origin.on("/b").reply(404, {}, "none");
      origin.on("/form").reply(200, { "Set-Cookie": "s=1" }, "done");
      const hsts = "max-age=31536000; includeSubDomains";
      for (let time = 0; time < 2; time++) {
        const answer = await edge.get("/a", { headers: { "X-Debug": "1" } }).expect(200, "v1", {
          "strict-transport-security": hsts,
          "cache-control": "max-age=600, no-transform",
        });
        expect([answer.field("last-modified"), answer.field("x-protocol")]).toEqual([undefined, undefined]);
      }
      await edge
        .get("/b", { headers: { "X-Debug": "1" } })
        .expect(404, "none", { "x-protocol": "http", "strict-transport-security": hsts });
      const host = edge.host;
      const post = { host, method: "POST", headers: { Cookie: "c=1" }, body: "a=1" };
      await edge.cluster
        .request("/form", post)
        .expect(200, "done", { "strict-transport-security": hsts, "set-cookie": "s=1" });
      await edge.cluster
        .request("/a", { host, method: "DELETE" })
        .expect(501, undefined, { "strict-transport-security": hsts });
      for (const request of origin.requests) {
        expect([request.field("x-edge"), request.field("user-agent"), request.field("cookie")]).toEqual([
          "http",
          "media_probe",
          undefined,
        ]);
      }
      expect(origin.requests.map((request) => request.body.toString("latin1"))).toContain("a=1");
    },
  );
});
