import { describe, expect, it } from "vitest";
import { requestText, TestClient, TestEdge } from "./support/edge.ts";
import type { OriginCall } from "./support/fakeOrigin.ts";
import { FakeSocket } from "./support/fakeSocket.ts";

const fieldOf = (fields: readonly string[], name: string): string | undefined => {
  const at = fields.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name);
  return at < 0 ? undefined : fields[at + 1];
};

const LANG = '<Options><Forward><Cookies Mode="list">lang</Cookies></Forward></Options>';

describe("AWS-54: requests of different cookies", () => {
  it("that come at the same time get each their own, fetched once for all with the same", async () => {
    const edge = new TestEdge({ vhost: LANG });
    const reply = (call: OriginCall): void => call.reply(200, `for ${fieldOf(call.request.fields, "cookie")}`);
    const clients = ["lang=ko; u=1", "lang=en; u=2", "u=3; lang=ko", "u=4", "lang=en"].map((cookie) =>
      edge.connect().get("/a", [`Cookie: ${cookie}`]),
    );
    const first = await edge.origin.call();
    edge.origin.answer = reply;
    reply(first);
    const bodies = await Promise.all(clients.map(async (client) => String((await client.response()).body)));
    expect(bodies).toEqual(["for lang=ko", "for lang=en", "for lang=ko", "for undefined", "for lang=en"]);
    expect(edge.origin.calls).toHaveLength(3);
  });

  it("are not given what was made of a cookie that only looks alike", async () => {
    const edge = new TestEdge({ vhost: LANG });
    edge.origin.answer = (call) => call.reply(200, `for ${fieldOf(call.request.fields, "cookie")}`);
    for (const cookie of ["lang=en,", "lang=en", "lang=en ,x", "lang=en,x"]) {
      const { body } = await edge
        .connect()
        .get("/a", [`Cookie: ${cookie}`])
        .response();
      expect(String(body)).toBe(`for ${cookie}`);
    }
  });
});

describe("AWS-54: an answer to a POST, for which the origin got all that the client sent", () => {
  it.each([
    ['<Cookies Mode="none"/>', "/form?user=1"],
    ['<Cookies Mode="list">lang</Cookies>', "/form?user=1"],
    ['<QueryString Mode="none"/>', "/form?user=2"],
  ])("is kept for nobody else, %s", async (forward, target) => {
    const options = `<CachingProfile>rfc9111</CachingProfile><Forward>${forward}</Forward>`;
    const edge = new TestEdge({ vhost: `<Options>${options}</Options>` });
    const posted = edge
      .connect()
      .send(requestText("/form?user=1", ["Content-Length: 1", "Cookie: user=1"], "POST"))
      .send("x");
    const fields = ["Cache-Control", "max-age=100", "Content-Location", "/form?user=1", "Vary", "Cookie"];
    (await edge.origin.call()).reply(200, "of user 1", fields);
    await posted.response("POST");
    // On the same connection, so that it is answered behind the POST.
    posted.get(target, ["Cookie: user=2"]);
    (await edge.origin.call(2)).reply(200, "of nobody");
    const [, other] = await posted.responses(2, ["POST", "GET"]);
    expect(String(other?.body)).toBe("of nobody");
  });
});

describe("AWS-37: an origin that answers by X-Forwarded-Proto and says so in Vary", () => {
  const TLS = { version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256", isResumed: false };

  it.each([
    "<Options><VaryHeader>*</VaryHeader></Options>",
    '<Options><Forward><Headers Mode="list">X-Forwarded-Proto</Headers></Forward></Options>',
  ])("has its answers told apart by what it was told, whatever the client said, %s", async (options) => {
    const server = '<Https Listen="*:443"><Cert>/c.pem</Cert><Key>/k.pem</Key></Https>';
    const edge = new TestEdge({
      server,
      vhost: `${options}<OriginOptions><XForwardedProto>ON</XForwardedProto></OriginOptions>`,
    });
    edge.origin.answer = (call) =>
      call.reply(200, `by ${fieldOf(call.request.fields, "x-forwarded-proto")}`, ["Vary", "X-Forwarded-Proto"]);
    const ask = async (isTls: boolean, fields: readonly string[] = []): Promise<string> => {
      const socket = new FakeSocket();
      if (isTls) Object.defineProperty(socket, "tls", { value: TLS });
      edge.server.acceptor(80)(socket, (handler) => {
        socket.handler = handler;
      });
      const { body } = await new TestClient(socket).send(requestText("/a", fields)).response();
      return String(body);
    };
    expect(await ask(false)).toBe("by http");
    expect(await ask(true)).toBe("by https");
    expect(await ask(false, ["X-Forwarded-Proto: https"])).toBe("by http");
    expect(await ask(true, ["X-Forwarded-Proto: http"])).toBe("by https");
    expect(edge.origin.calls).toHaveLength(2);
  });
});
