import { createHash } from "node:crypto";
import { createConnection } from "node:net";
import { hashRigBody } from "../../infra/lib/rigBody.ts";
import { runCheck } from "./check.ts";

const CLIENTS = 500;
const BODY_BYTES = 20 << 20;
/** The origin takes two seconds, so that everyone arrives while the object is still on its way. */
const ORIGIN_BYTES_PER_SECOND = 10 << 20;
const WITHIN_MS = 300_000;

interface Download {
  readonly status: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** One whole answer on a connection of its own, hashed as it arrives. */
function download(port: number, path: string): Promise<Download> {
  return new Promise((resolve, reject) => {
    const hash = createHash("sha256");
    let head: Buffer | undefined = Buffer.alloc(0);
    let status = 0;
    let bytes = 0;
    const take = (body: Buffer) => {
      bytes += body.length;
      hash.update(body);
    };
    const socket = createConnection({ port, host: "127.0.0.1" }, () =>
      socket.write(`GET ${path} HTTP/1.1\r\nHost: rig.example\r\nConnection: close\r\n\r\n`),
    );
    socket.setTimeout(WITHIN_MS, () => socket.destroy(new Error("no answer in time")));
    socket.on("data", (chunk) => {
      if (head === undefined) {
        take(chunk);
        return;
      }
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      status = Number(head.toString("latin1", 9, 12));
      take(head.subarray(end + 4));
      head = undefined;
    });
    socket.once("error", reject);
    socket.once("close", () => resolve({ status, bytes, sha256: hash.digest("hex") }));
  });
}

await runCheck({ workers: 2 }, async ({ edge, origin, port, expect }) => {
  const path = `/slow/${BODY_BYTES}/${ORIGIN_BYTES_PER_SECOND}/cold`;
  const right = hashRigBody(BODY_BYTES);
  const started = performance.now();
  const downloads = Promise.allSettled(Array.from({ length: CLIENTS }, () => download(port, path)));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const busy = (await edge.status()).workers.map(({ connections }) => connections);
  const results = await downloads;
  const seconds = (performance.now() - started) / 1000;
  const complete = results.filter(
    (result) => result.status === "fulfilled" && result.value.status === 200 && result.value.sha256 === right,
  ).length;
  const originRequests = await origin.requests();
  expect(
    busy.every((connections) => connections > 0),
    `connections of the workers while filling: ${busy.join(" and ")}`,
  );
  expect(originRequests === 1, `origin requests: ${originRequests}`);
  expect(
    complete === CLIENTS,
    `${complete} of ${CLIENTS} bodies with the right SHA-256, after ${seconds.toFixed(1)} s`,
  );
  const again = await download(port, path);
  expect(again.sha256 === right && (await origin.requests()) === originRequests, "asked again, it is a hit");
});
