import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { formatTable, print } from "../../infra/lib/print.ts";
import { runToEnd } from "../../infra/lib/processes.ts";
import { connectAsker } from "../../infra/lib/rawAsker.ts";
import { runCheck, type Scene } from "./check.ts";

const CONNECTIONS = 400;
const TIMEOUT_SECONDS = 5;
const LONGEST_WAIT_MS = 1000;
const PAUSE_MS = 50;
/** Of the normal client and of the tool's probe. */
const OWN_CONNECTIONS = 4;

const { values } = parseArgs({ options: { seconds: { type: "string", default: "30" } } });
const SECONDS = Number(values.seconds);

const FILM = "/bytes/1048576/film";

interface Mode {
  readonly name: string;
  readonly path: string;
  readonly flags: readonly string[];
}

/** Follow-up data comes more often than the time-outs are long, so that silence alone does not end a connection. */
const MODES: readonly Mode[] = [
  { name: "-H slow heads", path: "/bytes/1024/page", flags: ["-H", "-i", "2", "-x", "8"] },
  { name: "-B slow bodies", path: "/upload", flags: ["-B", "-i", "2", "-s", "8192", "-x", "8"] },
  { name: "-R many ranges", path: FILM, flags: ["-R", "-a", "1", "-b", "3000"] },
  {
    name: "-X slow reading",
    path: FILM,
    flags: ["-X", "-n", "1", "-z", "5", "-w", "256", "-y", "512", "-k", "4"],
  },
];

interface Figures {
  readonly answers: number;
  readonly failures: number;
  readonly longestMs: number;
}

/** A well-behaved client that asks all the time: in turn on a connection that stays, and on a new one. */
async function askUntil(port: number, isOver: () => boolean): Promise<Figures> {
  let answers = 0;
  let failures = 0;
  let longestMs = 0;
  let kept = await connectAsker(port);
  for (let round = 0; !isOver(); round++) {
    const startedMs = performance.now();
    try {
      const fresh = round % 2 === 0 ? undefined : await connectAsker(port);
      const status = await (fresh ?? kept).ask(`/bytes/1024/normal-${round % 20}`);
      fresh?.close();
      if (status === 200) answers += 1;
      else failures += 1;
    } catch {
      failures += 1;
      kept = await connectAsker(port);
    }
    longestMs = Math.max(longestMs, performance.now() - startedMs);
    await delay(PAUSE_MS);
  }
  kept.close();
  return { answers, failures, longestMs };
}

/** What the edge gives a client that it has said good-bye to, and some more. */
const LINGER_LIMIT_MS = 4_000;

const openConnections = async ({ edge }: Scene): Promise<number> =>
  (await edge.status()).workers.reduce((sum, { connections }) => sum + connections, 0);

/** Whether the tool never found the service gone. */
function wasAvailable(output: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the tool colours its report
  const text = output.replace(/\x1b\[[0-9;]*[A-Za-z]/g, "");
  const words = [...text.matchAll(/service available: +(\w+)/g)].map(([, word]) => word);
  return words.length > 0 && words.every((word) => word === "YES");
}

async function attack(scene: Scene, mode: Mode): Promise<string[]> {
  const url = `http://127.0.0.1:${scene.port}${mode.path}`;
  const general = ["-c", String(CONNECTIONS), "-r", "200", "-l", String(SECONDS), "-p", "3", "-u", url];
  let isOver = false;
  let mostOpen = 0;
  let lastOpen = 0;
  const watching = (async () => {
    while (!isOver) {
      // The tool itself does not see that a connection was reset as long as it has bytes of it to read.
      lastOpen = await openConnections(scene).catch(() => lastOpen);
      mostOpen = Math.max(mostOpen, lastOpen);
      await delay(500);
    }
  })();
  const asking = askUntil(scene.port, () => isOver);
  const output = await runToEnd("slowhttptest", [...mode.flags, ...general]);
  isOver = true;
  const { answers, failures, longestMs } = await asking;
  await watching;
  // Then none of its connections was left before its time was over; the edge waits a moment for their other side.
  const untilMs = performance.now() + (output.includes("No open connections left") ? LINGER_LIMIT_MS : 0);
  while (lastOpen > OWN_CONNECTIONS && performance.now() < untilMs) {
    await delay(100);
    lastOpen = await openConnections(scene);
  }
  const isAvailable = wasAvailable(output);
  const { expect } = scene;
  expect(isAvailable, `${mode.name}: slowhttptest finds the service available all the time`);
  expect(failures === 0, `${mode.name}: ${answers} answers to the normal client, ${failures} failures`);
  expect(longestMs < LONGEST_WAIT_MS, `${mode.name}: the normal client waits ${Math.round(longestMs)} ms at most`);
  expect(lastOpen <= OWN_CONNECTIONS, `${mode.name}: ${mostOpen} connections open at most, ${lastOpen} at the end`);
  return [
    mode.name,
    isAvailable ? "yes" : "no",
    String(mostOpen),
    String(lastOpen),
    String(answers),
    longestMs.toFixed(0),
  ];
}

const seconds = String(TIMEOUT_SECONDS);
const limits = ["HeadTimeout", "BodyTimeout", "SendTimeout"].map((name) => `<${name}>${seconds}</${name}>`).join("");

await runCheck(
  {
    workers: 2,
    cacheXml: `<ClientLimits>${limits}</ClientLimits>`,
    optionsXml: `<ClientKeepAliveSec>${seconds}</ClientKeepAliveSec>`,
  },
  async (scene) => {
    const before = (await scene.edge.status()).workers.map(({ pid }) => pid);
    const warm = await connectAsker(scene.port);
    await warm.ask(FILM);
    warm.close();
    const rows = [["mode", "available", "open at most", "open at the end", "answers meanwhile", "longest wait (ms)"]];
    for (const mode of MODES) rows.push(await attack(scene, mode));
    print(formatTable(rows));
    await delay((TIMEOUT_SECONDS + 2) * 1000);
    const { workers } = await scene.edge.status();
    scene.expect(workers.map(({ pid }) => pid).join() === before.join(), "the same workers as before");
    scene.expect((await openConnections(scene)) === 0, "no connection is left open");
  },
);
