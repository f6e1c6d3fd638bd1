import { readdirSync, readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { isEdgeBuilt, startEdge, startOrigin, type TestEdge, type TestOrigin } from "../../src/index.ts";
import { useShared } from "../../src/scenario/index.ts";
import { until } from "./support/originState.ts";

/** Scenes of those who read logs back: subscriptions and queries, one edge with two workers. */

const HOST = "shop.test";
const LIMIT_MS = 120_000;

interface ReceivedEvent {
  readonly id: string;
  readonly timestamp: number;
  readonly message: string;
  readonly extractedFields?: Readonly<Record<string, string>>;
}

/** What subscriptions call: answers with `status`, keeps what it has taken. */
class Receiver {
  status = 500;
  calls = 0;
  readonly events: ReceivedEvent[] = [];
  readonly groups = new Set<string>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer(async (request, response) => {
      const body = (await buffer(request)).toString();
      this.calls++;
      if (this.status === 200) this.#take(body);
      response.writeHead(this.status).end();
    });
  }

  #take(body: string): void {
    const { awslogs } = JSON.parse(body);
    const message = JSON.parse(gunzipSync(Buffer.from(awslogs.data, "base64")).toString());
    this.events.push(...message.logEvents);
    this.groups.add(`${message.messageType} ${message.owner} ${message.logGroup} ${message.subscriptionFilters}`);
  }

  /** Paths that were seen, each once: delivery is at least once. */
  get paths(): readonly string[] {
    return [...new Set(this.events.map(({ message }) => /GET (\S+)/.exec(message)?.[1] ?? message))].toSorted();
  }

  get text(): string {
    return this.events.map(({ message }) => message).join("\n");
  }

  async open(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const address: AddressInfo | string | null = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

let origin: TestOrigin;
let receiver: Receiver;
let edge: TestEdge;
let port: number;

const NAMES = "[date, time, sip, method, uri, query, port, user, cip, agent, status=404, ...]";

const vhostsWith = (form: string) => [
  {
    name: HOST,
    origin: origin.address,
    xml: `<Log><Access Local="ON" Compression="ON" Form="${form}">ON</Access>
      <Subscription Name="missing" Url="http://127.0.0.1:${port}/in" Owner="test" Seconds="1"><![CDATA[${form === "ston" ? NAMES : '"404"'}]]></Subscription></Log>`,
  },
];

const open = async (): Promise<void> => {
  origin = await startOrigin();
  origin.on("/there").reply(200, { "Cache-Control": "max-age=600" }, "x".repeat(100));
  receiver = new Receiver();
  port = await receiver.open();
  edge = await startEdge({ workers: 2, vhosts: vhostsWith("ston") });
};

useShared(open, async () => {
  await edge?.close();
  receiver?.close();
  await origin?.close();
});

const folder = (): string => join(edge.home, "log", HOST);

const loggedLines = async (part: string): Promise<number> => {
  const names = (await readdir(folder())).filter((name) => /^access_.*\.log$/.test(name));
  const texts = await Promise.all(names.map((name) => readFile(join(folder(), name), "utf8").catch(() => "")));
  return texts.join("").split(part).length - 1;
};

const ask = async (names: readonly string[], status: number): Promise<void> => {
  for (const name of names) await edge.get(name, { host: HOST }).expect(status);
};

/** The process of this edge that serves subscriptions. */
const logHostPid = (): number | undefined => {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).find((pid) => {
    try {
      const isHost = readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("logHost");
      return isHost && readFileSync(`/proc/${pid}/environ`, "utf8").includes(edge.home);
    } catch {
      return false;
    }
  });
};

const logQuery = (parameters: string) =>
  edge.api(`/monitoring/logquery?vhost=${HOST}&${parameters}`, { limitMs: LIMIT_MS });

const query = async (text: string): Promise<unknown> => {
  const answer = await logQuery(`query=${encodeURIComponent(text)}`);
  return JSON.parse(answer.text).result;
};

const pathsBelow = (folderName: string): readonly string[] => [1, 2, 3, 4].map((number) => `/${folderName}/${number}`);

const received = (paths: readonly string[]): boolean => paths.every((path) => receiver.paths.includes(path));

describe.skipIf(!isEdgeBuilt() && process.env.CI === undefined)("those who read logs", () => {
  it("AWS-86 AWS-87 a receiver that fails gets all lines that match behind a crash, each at least once", {
    timeout: 300_000,
  }, async () => {
    const paths = pathsBelow("missing");
    await ask(["/there"], 200);
    await ask(paths, 404);
    await until("all are logged", async () => (await loggedLines(" 404 ")) >= paths.length, LIMIT_MS);
    await until("a call has failed", () => receiver.calls > 0, LIMIT_MS);
    expect(receiver.events).toEqual([]);
    await edge.crash();
    receiver.status = 200;
    await edge.start();
    await until("all are there", () => received(paths), LIMIT_MS);
    expect(receiver.paths).toEqual(paths);
    expect([...receiver.groups]).toEqual([`DATA_MESSAGE test ${HOST}/access missing`]);
    expect(receiver.events[0]?.extractedFields).toMatchObject({ status: "404", method: "GET" });
  });

  it("AWS-86 AWS-87 goes on when its process is killed, and through a reload that rotates the log", {
    timeout: 300_000,
  }, async () => {
    receiver.status = 200;
    const pid = logHostPid();
    expect(pid).toBeDefined();
    if (pid !== undefined) edge.signal(pid, "SIGKILL");
    const killed = pathsBelow("killed");
    await ask(killed, 404);
    await until("those are there", () => received(killed), LIMIT_MS);
    await edge.reload({ vhosts: vhostsWith("json") });
    const rotated = pathsBelow("rotated");
    await ask(rotated, 404);
    await until("all are there", () => rotated.every((path) => receiver.text.includes(path)), LIMIT_MS);
    const ids = [...new Set(receiver.events.map(({ id }) => id))];
    expect(ids).toEqual(ids.toSorted());
    const delivered = async () => (await edge.metrics()).sum("basalt_log_events_delivered_total");
    await until("they are counted", async () => (await delivered()) > 0, LIMIT_MS);
    expect(await edge.log()).toContain("it is started again");
  });

  it("AWS-88 a query reads all files of a log, rotated, compressed and of several forms", {
    timeout: 300_000,
  }, async () => {
    await edge.reload({ vhosts: vhostsWith("ston") });
    const first = pathsBelow("first");
    await ask(first, 404);
    await edge.reload({ vhosts: vhostsWith("json") });
    await ask(["/first/5"], 404);
    const isCompressed = (name: string): boolean => name.endsWith(".gz");
    await until("it is compressed", async () => (await readdir(folder())).some(isCompressed), LIMIT_MS);
    const counting =
      'fields coalesce(cs-uri-stem, path) as what | filter what like "/first/" | stats count(*) as n, max(what) as last by coalesce(sc-status, status) as code';
    const found = async (): Promise<boolean> => /"recordsMatched":5\b/.test(JSON.stringify(await query(counting)));
    await until("all are found", found, LIMIT_MS);
    const answer = await query(counting);
    expect(answer).toMatchObject({ rows: [["404", 5, "/first/5"]], statistics: { recordsMatched: 5 } });
    const text = await logQuery(
      `output=text&query=${encodeURIComponent('fields coalesce(cs-uri-stem, path) as path | filter path like "/first/5"')}`,
    );
    expect(text.text).toContain("path\n/first/5\n# 1 of ");
    const wrong = await logQuery(`query=${encodeURIComponent("filter like")}`);
    expect([wrong.status, wrong.text]).toEqual([400, expect.stringContaining("At character 8 of the query")]);
  });
});
