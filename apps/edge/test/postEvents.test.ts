import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createPoster } from "../src/logs/postEvents.ts";

const LIMIT = { timeout: 10_000 };
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const receiver = async (answers: boolean): Promise<{ readonly url: string; readonly calls: () => number }> => {
  let calls = 0;
  const server = createServer((request, response) => {
    calls++;
    request.resume();
    if (answers) response.writeHead(204).end();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address: AddressInfo | string | null = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { url: `http://127.0.0.1:${port}/in`, calls: () => calls };
};

describe("calls of receivers", () => {
  it("AWS-86 one that hangs keeps the others from nothing, and who waits for it can leave", async () => {
    const hanging = await receiver(false);
    const sound = await receiver(true);
    const post = createPoster();
    const control = new AbortController();
    const outcomes = Array.from({ length: 40 }, () =>
      post(hanging.url, "{}", control.signal).then(
        () => "answered",
        () => "gone",
      ),
    );
    await expect.poll(hanging.calls, LIMIT).toBe(4);
    expect(await post(sound.url, "{}", new AbortController().signal)).toBe(204);
    const leaving = new AbortController();
    const left = post(hanging.url, "{}", leaving.signal).catch(() => "gone");
    leaving.abort();
    expect(await left).toBe("gone");
    control.abort();
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(["gone"]));
    expect(hanging.calls()).toBe(4);
  });

  it("AWS-86 calls that wait for others have their turns", async () => {
    const { url, calls } = await receiver(true);
    const post = createPoster();
    const { signal } = new AbortController();
    expect(await Promise.all(Array.from({ length: 30 }, () => post(url, "{}", signal)))).toEqual(
      Array.from({ length: 30 }, () => 204),
    );
    expect(calls()).toBe(30);
  });
});
