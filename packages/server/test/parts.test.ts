import { describe, expect, it } from "vitest";
import { TestEdge } from "./support/edge.ts";
import { FakeOrigin, type OriginCall } from "./support/fakeOrigin.ts";
import { turns } from "./support/waiting.ts";

const MIB = 1024 * 1024;
const VALIDATORS = ["ETag", '"v1"', "Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT"];
const SETTINGS = { vhost: "<OriginOptions><OriginalETag>ON</OriginalETag><PartSize>1</PartSize></OriginOptions>" };

const whole = Buffer.alloc(3 * MIB);
for (let position = 0; position < whole.length; position += 4) whole.writeUInt32LE(position, position);

const sendPart = (call: OriginCall): void => {
  const { fields } = call.request;
  const match = /^bytes=(\d+)-(\d+)$/.exec(fields[fields.indexOf("Range") + 1] ?? "");
  if (match === null) throw new Error("no range was asked for");
  const [start, last] = [Number(match[1]), Number(match[2])];
  const range = ["Content-Length", String(last + 1 - start), "Content-Range", `bytes ${start}-${last}/${whole.length}`];
  call.head(206, [...VALIDATORS, ...range]).data(whole.subarray(start, last + 1));
  call.complete();
};

describe("a long body that is fetched part by part", () => {
  it("CFG-31 goes on with the origin that a reload brings while it is being sent", async () => {
    const edge = new TestEdge(SETTINGS);
    const client = edge.connect().get("/film.mp4");
    const call = (await edge.origin.call()).head(200, ["Content-Length", String(whole.length), ...VALIDATORS]);
    await turns(5);
    const before = edge.origin;
    before.send = () => {
      throw new Error("the pool is closed");
    };
    edge.origin = new FakeOrigin();
    edge.configure(SETTINGS, 2);
    edge.origin.answer = sendPart;
    call.data(whole.subarray(0, MIB));
    const response = await client.response();
    expect([response.status, response.body.equals(whole)]).toEqual([200, true]);
    expect(edge.origin.calls.length).toBeGreaterThan(0);
  });
});
