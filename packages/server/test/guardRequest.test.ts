import { describe, expect, it } from "vitest";
import { TestEdge } from "./support/edge.ts";

const OVERLOAD = '<Options><Overload Limit="2" Page="/busy.html"/></Options>';

describe("AWS-58: more requests than a host is to have", () => {
  const busyEdge = async (vhost = OVERLOAD): Promise<TestEdge> => {
    const edge = new TestEdge({ vhost });
    await edge.store("/busy.html", "busy");
    await edge.store("/a", "x");
    for (let nth = 0; nth < 2; nth++) edge.connect().get(`/slow${nth}`);
    await edge.origin.call(4);
    return edge;
  };

  it("are sent to the page, which is served; what is read nowhere else gets 503", async () => {
    const edge = await busyEdge();
    const client = edge
      .connect()
      .get("/a")
      .get("/busy.html")
      .send("POST /a HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: 0\r\n\r\n");
    const [away, page, refused] = await client.responses(3);
    expect([away?.status, away?.field("location"), away?.field("cache-control")]).toEqual([
      302,
      "/busy.html",
      "no-store",
    ]);
    expect([page?.status, String(page?.body)]).toEqual([200, "busy"]);
    expect([refused?.status, refused?.field("retry-after"), refused?.field("location")]).toEqual([503, "1", undefined]);
  });

  it("are sent to a page that is told as a whole URL, and served there", async () => {
    const page = "http://www.example.com/busy.html";
    const edge = await busyEdge(`<Options><Overload Limit="2" Page="${page}"/></Options>`);
    expect((await edge.connect().get("/a").response()).field("location")).toBe(page);
    expect((await edge.connect().get("/busy.html").response()).status).toBe(200);
    expect((await edge.connect().get("/x/busy.html").response()).status).toBe(302);
  });

  it("are served the page also where rules make another URL of it", async () => {
    const moreVhosts =
      "<URLRewrite><Pattern>^www.example.com/(.*)</Pattern><Replace>www.example.com/site/#1</Replace></URLRewrite>";
    const edge = new TestEdge({ vhost: OVERLOAD, moreVhosts });
    for (let nth = 0; nth < 2; nth++) edge.connect().get(`/slow${nth}`);
    await edge.origin.call(2);
    expect((await edge.connect().get("/a").response()).status).toBe(302);
    const client = edge.connect().get("/busy.html");
    const { request } = await edge.origin.call(3);
    expect(request.target).toBe("/site/busy.html");
    edge.origin.calls[2]?.reply(200, "busy");
    expect(String((await client.response()).body)).toBe("busy");
  });

  it("are let in when others have been answered", async () => {
    const edge = new TestEdge({ vhost: OVERLOAD });
    await edge.store("/a", "x");
    const clients = ["/slow0", "/slow1"].map((path) => edge.connect().get(path));
    const last = await edge.origin.call(3);
    expect((await edge.connect().get("/a").response()).status).toBe(302);
    last.reply(200, "done");
    await clients[1]?.response();
    for (let round = 0; round < 3; round++) expect((await edge.connect().get("/a").response()).status).toBe(200);
    (await edge.origin.call(2)).reply(200, "done");
    await clients[0]?.response();
  });

  it("stay counted over a reload, and are not told from one another where no page is named", async () => {
    const edge = await busyEdge();
    edge.configure({ vhost: '<Options><Overload Limit="2"/></Options>' }, 2);
    expect((await edge.connect().get("/a").response()).status).toBe(503);
    edge.configure({ vhost: '<Options><Overload Limit="3"/></Options>' }, 3);
    expect((await edge.connect().get("/a").response()).status).toBe(200);
    edge.configure({ vhost: "" }, 4);
    expect((await edge.connect().get("/a").response()).status).toBe(200);
  });

  it("count against the share of the worker", async () => {
    const edge = await busyEdge();
    edge.configure({ vhost: '<Options><Overload Limit="9" Page="/busy.html"/></Options>' }, 2, 4);
    expect((await edge.connect().get("/a").response()).status).toBe(302);
    edge.configure({ vhost: '<Options><Overload Limit="12" Page="/busy.html"/></Options>' }, 3, 4);
    expect((await edge.connect().get("/a").response()).status).toBe(200);
  });
});

describe("AWS-21: requests that have passed many proxies", () => {
  it.each([
    [["X-Forwarded-For: 1, 2, 3"], 200],
    [["X-Forwarded-For: 1, 2, 3, 4"], 463],
    [["X-Forwarded-For: 1, 2", "X-Forwarded-For: 3, 4"], 463],
    [["X-Forwarded-For: ,,,"], 463],
    [[], 200],
  ])("%j is %d", async (fields, status) => {
    const edge = new TestEdge({ vhost: "<Options><XFFLimit>3</XFFLimit></Options>" });
    await edge.store("/a", "x");
    expect((await edge.connect().get("/a", fields).response()).status).toBe(status);
  });
});
