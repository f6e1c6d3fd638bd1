import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  fetchOnce,
  type MisbehavingOrigin,
  type Misbehavior,
  rawClient,
  startMisbehavingOrigin,
} from "../src/index.ts";

let origin: MisbehavingOrigin;

beforeEach(async () => {
  origin = await startMisbehavingOrigin({ content: () => ({ status: 200, body: "0123456789" }) });
});
afterEach(() => origin.close());

const ask = (path = "/", silenceLimitMs = 60_000) => fetchOnce(origin.site.port, { path }, { silenceLimitMs });

const ENDLESS: Misbehavior = {
  kind: "garbage",
  pieces: function* () {
    yield "HTTP/1.1 200 OK\r\n";
    for (;;) yield "X-More: of the same\r\n".repeat(100);
  },
};

describe("each failure shows at the client as it should", () => {
  const table: readonly [string, Misbehavior, RegExp][] = [
    ["refuses", { kind: "refuses" }, /ECONNREFUSED/],
    ["takes a request and says nothing", { kind: "silent" }, /nothing for 300 ms while waiting for a status line/],
    ["takes a request and closes", { kind: "hangsUp" }, /closed without a response/],
    ["stalls in mid-body", { kind: "stalls", afterBytes: 4 }, /nothing for 300 ms while waiting for the body/],
    ["closes in mid-body", { kind: "closes", afterBytes: 4 }, /closed 6 bytes before/],
    ["resets in mid-body", { kind: "resets", afterBytes: 4 }, /closed \d+ bytes before|without a response/],
    ["answers with what is not HTTP", { kind: "garbage", pieces: () => ["220 mail\r\n\r\n"] }, /status line/],
    ["drips its head", { kind: "drips", bytesPerSecond: 2, head: true }, /nothing for 300 ms/],
  ];
  for (const [title, how, failure] of table) {
    it(title, async () => {
      await origin.misbehave(how);
      await expect(ask("/", 300)).rejects.toThrow(failure);
      await origin.behave();
      expect((await ask()).text).toBe("0123456789");
    });
  }
});

it("a full backlog neither takes nor refuses a connection, and the port is good again afterwards", async () => {
  await origin.misbehave({ kind: "backlogFull" });
  const outcome = await Promise.race([
    rawClient(origin.site.port).then(
      () => "connected",
      (error: unknown) => String(error),
    ),
    new Promise((resolve) => setTimeout(resolve, 300, "neither")),
  ]);
  expect(outcome).toBe("neither");
  await origin.behave();
  expect((await ask()).status).toBe(200);
});

it("an endless head goes on until the client leaves", async () => {
  await origin.misbehave(ENDLESS);
  await expect(ask()).rejects.toThrow(/more than 1000 fields/);
  await origin.behave();
  expect((await ask()).status).toBe(200);
});

it("what concerns a response can be kept to some requests", async () => {
  await origin.misbehave({ kind: "status", status: 503 }, "/bad");
  expect([(await ask("/bad")).status, (await ask("/good")).status]).toEqual([503, 200]);
  expect(origin.site.saw("/bad")).toBe(1);
});

it("switches while a connection is open", async () => {
  const client = await rawClient(origin.site.port);
  expect((await client.request({ path: "/1" })).text).toBe("0123456789");
  await origin.misbehave({ kind: "status", status: 500 });
  expect((await client.request({ path: "/2" })).status).toBe(500);
  await origin.misbehave({ kind: "refuses" });
  await expect(client.request({ path: "/3" })).rejects.toThrow();
  client.close();
});

it("flaps on its own until it is told to behave", async () => {
  const seen = new Set<string>();
  await origin.misbehave({ kind: "flaps", everyMs: 30, between: { kind: "refuses" } });
  for (const limit = Date.now() + 60_000; seen.size < 2 && Date.now() < limit; ) {
    seen.add(
      await ask().then(
        () => "answer",
        () => "refused",
      ),
    );
  }
  expect([...seen].sort()).toEqual(["answer", "refused"]);
  await origin.behave();
  for (let round = 0; round < 5; round++) expect((await ask()).status).toBe(200);
});

it("drips a byte a second", async () => {
  await origin.misbehave({ kind: "drips", bytesPerSecond: 1, head: false });
  await expect(ask("/", 800)).rejects.toThrow(/nothing for 800 ms while waiting for the body/);
});
