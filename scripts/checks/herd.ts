import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { print } from "../../infra/lib/print.ts";
import { startEdge } from "../../packages/testkit/src/index.ts";
import { runHerd } from "./herdCrowd.ts";
import { startKeyedOrigin } from "./keyedOrigin.ts";
import { runStoreCheck, whenDone } from "./storeScene.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    clients: { type: "string" },
    keys: { type: "string" },
    /** What the origin works at a time, and `<MaxSessions>`. */
    "at-once": { type: "string" },
    workers: { type: "string", default: "2" },
    processes: { type: "string", default: "2" },
  },
});
const clients = Number(values.clients ?? (values.quick ? 1000 : 5000));
const keys = Number(values.keys ?? (values.quick ? 200 : 1000));
const atOnce = Number(values["at-once"] ?? (values.quick ? 20 : 50));

const TAKES_MS = 200;
const BODY_BYTES = 8192;
const CONNECTS_PER_MS = 0.5;
const HOST = "herd.test";
/** The last key waits for all others: longer than the default for a connection. */
const WAIT_SECONDS = 60;

await runStoreCheck(async ({ expect, target }) => {
  const folder = await mkdtemp(join(tmpdir(), "basalt-check-herd-"));
  whenDone(() => rm(folder, { recursive: true, force: true }));
  const origin = await startKeyedOrigin({
    port: 0,
    name: "origin",
    takesMs: TAKES_MS,
    atOnce,
    deedFile: join(folder, "deeds"),
  });
  whenDone(() => origin.stop());
  const edge = await startEdge({
    workers: Number(values.workers),
    vhosts: [{ name: HOST, origin: `127.0.0.1:${origin.port}` }],
    defaultVhost: HOST,
    vhostDefaultXml:
      `<OriginOptions><MaxSessions Queue="10000">${atOnce}</MaxSessions>` +
      `<ConnectTimeout>${WAIT_SECONDS}</ConnectTimeout><ReceiveTimeout>${WAIT_SECONDS}</ReceiveTimeout></OriginOptions>`,
  });
  whenDone(() => edge.close());
  const leastSeconds = (Math.ceil(keys / atOnce) * TAKES_MS) / 1000;
  print(
    `${clients} clients, ${keys} cold keys, ${values.workers} workers, ` +
      `an origin that works at ${atOnce} requests at a time, ${TAKES_MS} ms each: at least ${leastSeconds.toFixed(1)} s`,
  );
  const herd = await runHerd({
    port: edge.port,
    clients,
    keys,
    bodyBytes: BODY_BYTES,
    processes: Number(values.processes),
    connectMs: 3000 + clients / CONNECTS_PER_MS,
  });
  const { requests, mostPresent, askedTwice } = await origin.counts();
  print(`      all had connected before the first asked: ${herd.isTogether ? "yes" : "no"}`);
  print(`      half of the clients had their answer after ${(herd.halfMs / 1000).toFixed(1)} s`);
  const failures = herd.failures === "" ? "" : `, others: ${herd.failures}`;
  expect(herd.right === clients, `right bodies: ${herd.right} of ${clients}${failures}`);
  expect(
    requests === keys && askedTwice === 0,
    `origin requests: ${requests} for ${keys} keys, ${askedTwice} asked twice`,
  );
  expect(mostPresent <= atOnce, `most requests at the origin at a time: ${mostPresent}, limit ${atOnce}`);
  const longest = herd.longestMs / 1000;
  target(longest < leastSeconds * 1.5 + 1, `the last client had its answer after ${longest.toFixed(1)} s`);
});
