import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** A client that asks for one thing over and over and throws away what it gets. */
export interface CountingClient {
  readonly receivedBytes: number;
  close(): void;
}

const openClient = (port: number, path: string): CountingClient => {
  let receivedBytes = 0;
  let isClosed = false;
  let socket: Socket | undefined;
  const open = (): void => {
    const opened = connect(port, "127.0.0.1", () => {
      opened.write(`GET ${path} HTTP/1.1\r\nHost: rig.example\r\nConnection: close\r\n\r\n`);
    });
    opened.on("data", ({ length }) => {
      receivedBytes += length;
    });
    opened.on("error", () => {});
    opened.on("close", () => {
      if (!isClosed) setTimeout(open, 10);
    });
    socket = opened;
  };
  open();
  return {
    get receivedBytes() {
      return receivedBytes;
    },
    close: () => {
      isClosed = true;
      socket?.destroy();
    },
  };
};

export const openClients = (count: number, port: number, path: string): CountingClient[] =>
  Array.from({ length: count }, () => openClient(port, path));

export interface MeasuredRates {
  /** Of each client, bytes a second. */
  readonly perClient: readonly number[];
  /** Of all clients, in each second. */
  readonly perSecond: readonly number[];
}

/** What clients get in so many seconds. */
export const measureRates = async (clients: readonly CountingClient[], seconds: number): Promise<MeasuredRates> => {
  const total = (): number => clients.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0);
  const before = clients.map(({ receivedBytes }) => receivedBytes);
  const startedMs = performance.now();
  const perSecond: number[] = [];
  let [lastTotal, lastMs] = [total(), startedMs];
  for (let second = 0; second < seconds; second++) {
    await delay(1000);
    const [nowTotal, nowMs] = [total(), performance.now()];
    perSecond.push(((nowTotal - lastTotal) * 1000) / (nowMs - lastMs));
    [lastTotal, lastMs] = [nowTotal, nowMs];
  }
  const elapsedSeconds = (performance.now() - startedMs) / 1000;
  const perClient = clients.map(({ receivedBytes }, index) => (receivedBytes - (before[index] ?? 0)) / elapsedSeconds);
  return { perClient, perSecond };
};

/** The value below which that share of the numbers lies. */
export const quantile = (numbers: readonly number[], share: number): number => {
  const sorted = numbers.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
};
