import { describe, expect, it } from "vitest";
import { TestEdge } from "./support/edge.ts";

const IMAGE = ["Content-Type", "image/jpeg", "ETag", '"v1"'];
const MADE = "/a.jpg/dims/resize/10x10/";
const edgeWith = (dims = "", options = "", children = ""): TestEdge =>
  new TestEdge({
    vhost: `<Options><Dims Status="Active" Keyword="dims" ${dims}>${children}</Dims>${options}</Options>`,
  });

describe("probe", () => {
  it("Vary: source variants are not mixed", async () => {
    const edge = edgeWith("", "<CachingProfile>rfc9111</CachingProfile>");
    edge.onDerive = (body) => Buffer.from(`small ${body}`);
    const fields = ["Content-Type", "image/jpeg", "Vary", "Accept-Language", "Cache-Control", "max-age=1000"];
    const de = edge.connect().get(MADE, ["Accept-Language: de"]);
    (await edge.origin.call(1)).reply(200, "deutsch", fields);
    expect(String((await de.response()).body)).toBe("small deutsch");
    const en = edge.connect().get(MADE, ["Accept-Language: en"]);
    const answered = en.response();
    const r = await Promise.race([answered.then((x) => String(x.body)), edge.origin.call(2).then((c) => { c.reply(200, "english", fields); return answered.then((x) => String(x.body)); })]);
    expect(r).toBe("small english");
    const de2 = edge.connect().get(MADE, ["Accept-Language: de"]);
    expect(String((await de2.response()).body)).toBe("small deutsch");
    const en2 = edge.connect().get(MADE, ["Accept-Language: en"]);
    expect(String((await en2.response()).body)).toBe("small english");
    expect(edge.deriveCalls).toBe(2);
  });
});
