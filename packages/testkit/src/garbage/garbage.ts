import { connect } from "node:net";
import { HANG_LIMIT_MS } from "../limits.ts";
import { randomBytesOf, seededRandom } from "../random.ts";

export interface GarbageOptions {
  /** Connections at once. */
  readonly concurrency?: number;
  /** How long a half-open connection is held before it is reset. */
  readonly holdMs?: number;
  /** Host named by the heads that have one. */
  readonly host?: string;
}

/** How the attacked side took it: responses by status, or the way the connection ended. */
export type GarbageTally = Record<string, number>;

type Attack = {
  readonly pieces: readonly Buffer[];
  /** Pause between pieces. */
  readonly pauseMs: number;
  readonly ending: "halfClose" | "hold" | "reset";
};

type AttackMaker = (random: () => number, host: string) => Attack;

const bytesOf = (text: string): Buffer => Buffer.from(text, "latin1");
const upTo = (random: () => number, limit: number): number => Math.floor(random() * limit);
const headOf = (host: string, extra = ""): string => `GET /garbage HTTP/1.1\r\nHost: ${host}\r\n${extra}\r\n`;

const ATTACKS: readonly AttackMaker[] = [
  (random) => ({ pieces: [randomBytesOf(random, 1 + upTo(random, 4096))], pauseMs: 0, ending: "halfClose" }),
  (random) => ({ pieces: [randomBytesOf(random, 1 + upTo(random, 64))], pauseMs: 0, ending: "hold" }),
  (random, host) => {
    const head = headOf(host, "Accept: */*\r\n");
    const ending = random() < 0.5 ? "halfClose" : "hold";
    return { pieces: [bytesOf(head.slice(0, 1 + upTo(random, head.length - 1)))], pauseMs: 0, ending };
  },
  (_random, host) => ({ pieces: [...headOf(host)].map(bytesOf), pauseMs: 2, ending: "reset" }),
  (random, host) => {
    const head = bytesOf(headOf(host, "X-Noise: some text\r\n"));
    for (let change = 0; change < 3; change++) head[upTo(random, head.length)] = upTo(random, 256);
    return { pieces: [head], pauseMs: 0, ending: "halfClose" };
  },
  (random, host) => ({
    pieces: [bytesOf(headOf(host, `X-Long: ${"a".repeat(40_000 + upTo(random, 40_000))}\r\n`))],
    pauseMs: 0,
    ending: "halfClose",
  }),
  (random, host) => ({
    pieces: [bytesOf(headOf(host, "X: y\r\n".repeat(500 + upTo(random, 1500))))],
    pauseMs: 0,
    ending: "halfClose",
  }),
  (random) => ({
    pieces: [bytesOf(`GET /${"a".repeat(20_000 + upTo(random, 60_000))} HTTP/1.1\r\nHost: x\r\n\r\n`)],
    pauseMs: 0,
    ending: "halfClose",
  }),
  (_random, host) => ({
    pieces: [
      bytesOf(`POST /garbage HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n`),
    ],
    pauseMs: 0,
    ending: "halfClose",
  }),
  (random, host) => ({
    pieces: [bytesOf(`POST /garbage HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 100\r\n\r\nshort`)],
    pauseMs: 0,
    ending: random() < 0.5 ? "reset" : "hold",
  }),
  (random, host) => ({
    pieces: [bytesOf(headOf(host)), randomBytesOf(random, 200)],
    pauseMs: 0,
    ending: "halfClose",
  }),
  () => ({ pieces: [], pauseMs: 0, ending: "hold" }),
  (random) => ({
    // the start of a TLS ClientHello
    pieces: [Buffer.concat([Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]), randomBytesOf(random, 500)])],
    pauseMs: 0,
    ending: "halfClose",
  }),
];

/**
 * Opens `count` connections, each of which does something that no sound client does, the same for the same seed.
 * Every connection ends by itself: nothing is left open.
 */
export const garbageConnections = async (
  port: number,
  count: number,
  seed: number,
  options: GarbageOptions = {},
): Promise<GarbageTally> => {
  const { concurrency = 20, holdMs = 300, host = "localhost" } = options;
  const random = seededRandom(seed);
  const tally: GarbageTally = {};
  let started = 0;
  const runner = async (): Promise<void> => {
    while (started < count) {
      const attack = (ATTACKS[started++ % ATTACKS.length] ?? ATTACKS[0])?.(random, host);
      if (attack === undefined) return;
      const result = await carryOut(port, attack, holdMs);
      tally[result] = (tally[result] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, runner));
  return tally;
};

/** After a half-close the other side has this long to answer or close. */
const ANSWER_LIMIT_MS = HANG_LIMIT_MS;

const carryOut = (port: number, attack: Attack, holdMs: number): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    let received = "";
    let end = "closed";
    let timer: NodeJS.Timeout | undefined;
    socket.on("data", (chunk: Buffer) => {
      if (received.length < 16) received += chunk.toString("latin1", 0, 16);
    });
    socket.on("error", () => {
      end = "reset";
    });
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      clearTimeout(timer);
      const status = /^HTTP\/1\.[01] (\d\d\d)/.exec(received)?.[1];
      resolve(status ?? end);
    });
    const giveUp = (after: number, how: string): void => {
      timer = setTimeout(() => {
        end = how;
        socket.resetAndDestroy();
      }, after);
    };
    const pieces = [...attack.pieces];
    const next = (): void => {
      if (socket.destroyed) return;
      const piece = pieces.shift();
      if (piece !== undefined) {
        socket.write(piece);
        timer = setTimeout(next, attack.pauseMs);
      } else if (attack.ending === "reset") {
        end = "abandoned";
        socket.resetAndDestroy();
      } else if (attack.ending === "hold") {
        giveUp(holdMs, "held");
      } else {
        socket.end();
        giveUp(ANSWER_LIMIT_MS, "unanswered");
      }
    };
    socket.once("connect", next);
  });
