import { describe, expect, it } from "vitest";
import { requestText, TestEdge } from "./support/edge.ts";
import { until } from "./support/waiting.ts";

const CONFORMING = "<Options><CachingProfile>rfc9111</CachingProfile></Options>";
const FRESH = ["Cache-Control: max-age=100"];
const flat = (lines: readonly string[]): string[] => lines.flatMap((line) => line.split(/: (.*)/s).slice(0, 2));

describe("the profile rfc9111 at the edge", () => {
  it("hands on what it does not know, and not what concerns this hop or the stored response alone", async () => {
    const edge = new TestEdge({ vhost: CONFORMING });
    edge
      .connect()
      .get("/a", [
        "X-Own: 1",
        "Cookie: c=1",
        "Range: bytes=0-1",
        'If-None-Match: "x"',
        "Connection: X-Hop",
        "X-Hop: 1",
      ]);
    const { fields } = (await edge.origin.call()).request;
    expect(fields).toEqual(expect.arrayContaining(["X-Own", "1", "Cookie", "c=1"]));
    for (const name of ["Range", "If-None-Match", "Connection", "X-Hop"]) expect(fields).not.toContain(name);
  });

  it("RFC 9110 6.6.1, RFC 9111 5.1: a hit has the origin's Date and its Age, and cookies of a storable response", async () => {
    const edge = new TestEdge({ vhost: CONFORMING });
    const date = new Date(edge.clock.now() - 5000).toUTCString();
    await edge.store("/a", "body", flat([...FRESH, `Date: ${date}`, "Set-Cookie: a=1", "X-Own: 1"]));
    edge.advanceSeconds(7);
    const { field } = await edge.connect().get("/a").response();
    expect([field("date"), field("age"), field("set-cookie"), field("x-own")]).toEqual([date, "12", "a=1", "1"]);
    edge.advanceSeconds(2);
    expect((await edge.connect().get("/a").response()).field("age")).toBe("14");
  });

  it("KEY-10: what Vary tells apart is kept apart, and found again", async () => {
    const edge = new TestEdge({ vhost: CONFORMING });
    const vary = flat([...FRESH, "Vary: Accept-Language"]);
    edge.origin.answer = (call) => {
      const language = call.request.fields[call.request.fields.indexOf("Accept-Language") + 1];
      call.reply(200, `in ${language}`, vary);
    };
    const bodies: string[] = [];
    for (const language of ["de", "fr", "de", "fr", "it", "de"]) {
      const { body } = await edge
        .connect()
        .get("/a", [`Accept-Language: ${language}`])
        .response();
      bodies.push(String(body));
    }
    expect(bodies).toEqual(["in de", "in fr", "in de", "in fr", "in it", "in de"]);
    expect(edge.origin.calls.length).toBe(3);
    edge.advanceSeconds(101);
    await edge.connect().get("/a", ["Accept-Language: fr"]).response();
    await edge.connect().get("/a", ["Accept-Language: fr"]).response();
    expect(edge.origin.calls.length).toBe(4);
  });

  it("KEY-10: they are told apart after they have left memory, too", async () => {
    const edge = new TestEdge({ vhost: CONFORMING });
    const vary = flat([...FRESH, "Vary: Accept-Language"]);
    edge.origin.answer = (call) => call.reply(200, `answer ${edge.origin.calls.length}`, vary);
    for (const language of ["de", "fr"])
      await edge
        .connect()
        .get("/a", [`Accept-Language: ${language}`])
        .response();
    await until(() => edge.index.findVariants("www.example.com", "/a").length === 2, "both stored");
    edge.tier.forEach((_, name, space) => {
      edge.tier.remove(space, name);
    });
    const { body } = await edge.connect().get("/a", ["Accept-Language: fr"]).response();
    expect([String(body), edge.origin.calls.length]).toEqual(["answer 2", 2]);
  });

  it("RFC 9111 5.2.1.7: only-if-cached is answered 504 when nothing is stored", async () => {
    const edge = new TestEdge({ vhost: CONFORMING });
    const asks = ["Cache-Control: only-if-cached"];
    expect((await edge.connect().get("/a", asks).response()).status).toBe(504);
    await edge.store("/a", "body", flat(FRESH));
    expect((await edge.connect().get("/a", asks).response()).status).toBe(200);
    edge.advanceSeconds(101);
    expect((await edge.connect().get("/a", asks).response()).status).toBe(504);
    expect(edge.origin.calls.length).toBe(1);
  });

  it("RFC 9111 5.2.1.4: no-cache asks the origin although the response is fresh", async () => {
    const edge = new TestEdge({ vhost: CONFORMING });
    await edge.store("/a", "body", [...flat(FRESH), "ETag", '"1"']);
    const client = edge.connect().get("/a", ["Cache-Control: no-cache"]);
    const call = await edge.origin.call(2);
    expect(call.request.fields).toEqual(expect.arrayContaining(["If-None-Match", '"1"']));
    call.head(304).complete();
    expect((await client.response()).status).toBe(200);
  });

  it("RFC 5861 3: stale-while-revalidate answers at once and renews behind", async () => {
    const edge = new TestEdge({ vhost: CONFORMING });
    await edge.store("/a", "old", flat(["Cache-Control: max-age=10, stale-while-revalidate=60"]));
    edge.advanceSeconds(11);
    expect(String((await edge.connect().get("/a").response()).body)).toBe("old");
    (await edge.origin.call(2)).reply(200, "new", flat(FRESH));

    await until(() => edge.index.findVariants("www.example.com", "/a")[0]?.ttl === 100, "the renewal");
    const { body } = await edge.connect().get("/a").response();
    expect(String(body)).toBe("new");
  });

  it("RFC 9111 4.4: an answer with an error changes nothing", async () => {
    const edge = new TestEdge({ vhost: CONFORMING });
    await edge.store("/a", "old", flat(FRESH));
    const client = edge.connect().get("/a", [], "DELETE");
    (await edge.origin.call(2)).reply(500, "no");
    expect((await client.response("DELETE")).status).toBe(500);
    expect(String((await edge.connect().get("/a").response()).body)).toBe("old");
  });

  it("RFC 9110 9.3.3: a POST that says it is the content of its URL answers a GET of it", async () => {
    const edge = new TestEdge({ vhost: CONFORMING });
    const client = edge
      .connect()
      .send(requestText("/form", ["Content-Length: 1"], "POST"))
      .send("x");
    (await edge.origin.call()).reply(200, "result", flat([...FRESH, "Content-Location: /form"]));
    await client.response("POST");
    // On the same connection, so that it is answered behind the POST.
    client.get("/form");
    const [, got] = await client.responses(2, ["POST", "GET"]);
    expect(String(got?.body)).toBe("result");
    expect(edge.origin.calls.length).toBe(1);
  });

  it("private answers are each client's own, and nothing is kept of them", async () => {
    const edge = new TestEdge({ vhost: CONFORMING });
    edge.origin.answer = (call) => call.reply(200, `for ${edge.origin.calls.length}`, flat(["Cache-Control: private"]));
    const first = edge.connect().get("/a");
    const second = edge.connect().get("/a");
    const bodies = [await first.response(), await second.response()].map(({ body }) => String(body));
    expect(bodies.toSorted()).toEqual(["for 1", "for 2"]);
    expect(edge.index.findVariants("www.example.com", "/a")).toEqual([]);
  });

  it("RFC 9110 15.6: an origin that fails is a bad gateway", async () => {
    const edge = new TestEdge({ vhost: CONFORMING });
    for (const [path, code, status] of [
      ["/a", "ORIGIN_CONNECT_FAILED", 502],
      ["/b", "ORIGIN_RECEIVE_TIMEOUT", 504],
    ] as const) {
      const client = edge.connect().get(path);
      const number = edge.origin.calls.length + 1;
      (await edge.origin.call(number)).fail(code);
      expect((await client.response()).status).toBe(status);
    }
  });

  it("No-Vary-Search: parameters that make no difference do not divide what is stored", async () => {
    const edge = new TestEdge({ vhost: CONFORMING });
    const says = flat([...FRESH, 'No-Vary-Search: params=("utm")']);
    edge.origin.answer = (call) => call.reply(200, call.request.target, says);
    for (const query of ["x=1&utm=a", "x=1&utm=b", "utm=c&x=1", "x=1"]) {
      await edge.connect().get(`/a?${query}`).response();
    }
    await edge.connect().get("/a?x=2&utm=a").response();
    expect(edge.origin.calls.map(({ request }) => request.target)).toEqual([
      "/a?x=1&utm=a",
      "/a?x=1&utm=b",
      "/a?x=2&utm=a",
    ]);
  });
});

describe("what is said of a response (RFC 9211)", () => {
  it("Cache-Status names hits and why the origin was asked", async () => {
    const edge = new TestEdge({ vhost: CONFORMING });
    edge.origin.answer = (call) => {
      const isValidated = call.request.fields.includes("If-None-Match");
      if (isValidated) call.head(304).complete();
      else if (call.request.target === "/p") call.reply(200, "x", ["Cache-Control", "private"]);
      else call.reply(200, "x", flat(["Cache-Control: max-age=10", 'ETag: "1"']));
    };
    const said: (string | undefined)[] = [];
    const ask = async (path: string, method = "GET"): Promise<void> => {
      said.push((await edge.connect().get(path, [], method).response(method)).field("cache-status"));
    };
    await ask("/a");
    await ask("/a");
    edge.advanceSeconds(11);
    await ask("/a");
    await ask("/a");
    await ask("/p");
    expect(said).toEqual([
      "Basalt; fwd=uri-miss; stored",
      "Basalt; hit",
      "Basalt; fwd=stale; fwd-status=304",
      "Basalt; hit",
      "Basalt; fwd=uri-miss",
    ]);
  });

  it("RFC 9111 5.2.2.7: fields that are private go to the client that they were fetched for, and to no other", async () => {
    const edge = new TestEdge({ vhost: CONFORMING });
    const says = flat(['Cache-Control: max-age=10, private="x-own"', "X-Own: 1", "X-All: 2"]);
    edge.origin.answer = (call) => call.reply(200, "x", says);
    const first = await edge.connect().get("/a").response();
    const second = await edge.connect().get("/a").response();
    expect([first.field("x-own"), first.field("x-all")]).toEqual(["1", "2"]);
    expect([second.field("x-own"), second.field("x-all")]).toEqual([undefined, "2"]);
  });
});

describe("by the guide", () => {
  it("REG-99, TTL-25: an expired object is answered with the configured status while every origin is excluded", async () => {
    const edge = new TestEdge({
      vhost: "<Options><UnvalidatableObjectResCode>404</UnvalidatableObjectResCode></Options>",
    });
    await edge.store("/a", "body", flat(["Cache-Control: max-age=10"]));
    edge.advanceSeconds(11);
    edge.origin.answer = (call) => call.fail("ORIGIN_UNAVAILABLE");
    expect((await edge.connect().get("/a").response()).status).toBe(404);
    edge.origin.answer = (call) => call.fail("ORIGIN_CONNECT_FAILED");
    expect((await edge.connect().get("/a").response()).status).toBe(200);
  });

  it("KEY-09: names of Vary that are not honoured divide nothing, those that are go to the origin", async () => {
    const edge = new TestEdge({ vhost: "<Options><VaryHeader>Accept</VaryHeader></Options>" });
    edge.origin.answer = (call) => call.reply(200, "x", flat(["Vary: Accept, User-Agent"]));
    for (const fields of [["Accept: a"], ["Accept: b"], ["Accept: a", "User-Agent: other"]]) {
      await edge.connect().get("/a", fields).response();
    }
    expect(edge.origin.calls.length).toBe(2);
    expect(edge.origin.calls[1]?.request.fields).toEqual(expect.arrayContaining(["accept", "b"]));
  });

  it("KEY-11, KEY-12, KEY-16 and ORG-40: a cached POST is told apart by its body, which goes to the origin", async () => {
    const options = "<BypassPostRequest>OFF</BypassPostRequest><PostRequest>ON</PostRequest>";
    const edge = new TestEdge({ vhost: `<Options>${options}</Options>` });
    const sent: string[] = [];
    edge.origin.answer = (call) => {
      const { body } = call.request;
      void (async () => {
        let text = "";
        if (body.kind === "stream") for await (const chunk of body.chunks) text += String(chunk);
        sent.push(`${call.request.method} ${text} ${call.request.fields.includes("text/x")}`);
        call.reply(200, `for ${text}`);
      })();
    };
    const results: string[] = [];
    for (const body of ["a=1", "a=1", "a=2"]) {
      const fields = [`Content-Length: ${body.length}`, "Content-Type: text/x"];
      const client = edge
        .connect()
        .send(requestText("/q", fields, "POST"))
        .send(body);
      results.push(String((await client.response("POST")).body));
    }
    expect(results).toEqual(["for a=1", "for a=1", "for a=2"]);
    expect(sent).toEqual(["POST a=1 true", "POST a=2 true"]);
  });

  it.each([
    ["KEY-15: no Content-Length", ["Transfer-Encoding: chunked"], "1\r\nx\r\n0\r\n\r\n"],
    ["KEY-13: a body longer than MaxContentLength", ["Content-Length: 200000"], "x"],
  ])("%s ends the connection of a POST that would be cached", async (_, fields, body) => {
    const options = "<BypassPostRequest>OFF</BypassPostRequest><PostRequest>ON</PostRequest>";
    const edge = new TestEdge({ vhost: `<Options>${options}</Options>` });
    const client = edge
      .connect()
      .send(requestText("/q", fields, "POST"))
      .send(body);
    await client.ended();
    expect([client.all().length, edge.origin.calls.length]).toEqual([0, 0]);
  });
});
