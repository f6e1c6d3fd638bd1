import { once } from "node:events";
import { type FileHandle, open } from "node:fs/promises";
import { createServer, isIPv4, type Socket } from "node:net";
import { posix } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Client } from "basic-ftp";
import { capped } from "./capped.ts";
import type { FtpAccess, UploadOutcome, UploadRequest } from "./contract.ts";

const BYTES_PER_KILOBYTE = 1024;
const MOST_CHUNK_BYTES = 64 * BYTES_PER_KILOBYTE;
/** Chunks a second of a capped transfer. */
const PACE = 10;

/** The connection is closed when the limit is over, which ends whatever waits for it. */
const within = async <T>(client: Client, seconds: number, what: string, work: () => Promise<T>): Promise<T> => {
  const timer = setTimeout(
    () => client.ftp.closeWithError(new Error(`${what} took longer than ${seconds} s`)),
    seconds * 1000,
  );
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
};

const plainAddress = (address: string | undefined): string => (address ?? "").replace(/^::ffff:/i, "");

/** RFC 959, RFC 2428: where the server is to connect to. */
const portCommand = (address: string, port: number): string =>
  isIPv4(address) ? `PORT ${address.replaceAll(".", ",")},${port >> 8},${port & 255}` : `EPRT |2|${address}|${port}|`;

/** `STOR` over a connection that the server opens, from the address of its control connection and no other. */
const storeActively = async (client: Client, source: Readable, name: string): Promise<void> => {
  const { ftp } = client;
  const own = plainAddress(ftp.socket.localAddress);
  const peer = plainAddress(ftp.socket.remoteAddress);
  const listener = createServer();
  const sockets: Socket[] = [];
  const arrival = Promise.withResolvers<Socket>();
  listener.on("connection", (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    if (plainAddress(socket.remoteAddress) === peer) arrival.resolve(socket.resume());
    else socket.destroy();
  });
  try {
    listener.listen(0, own);
    await once(listener, "listening");
    const place = listener.address();
    if (place === null || typeof place === "string") throw new Error("there is no port for the transfer");
    await client.send(portCommand(own, place.port));
    let isBegun = false;
    let isSent = false;
    let isConfirmed = false;
    await ftp.handle(`STOR ${name}`, (response, task) => {
      const settle = (): void => {
        if (isSent && isConfirmed) task.resolve(undefined);
      };
      if (response instanceof Error) {
        task.reject(response);
      } else if (response.code === 150 || response.code === 125) {
        if (isBegun) return;
        isBegun = true;
        void arrival.promise
          .then((socket) => pipeline(source, socket))
          .then(
            () => {
              isSent = true;
              settle();
            },
            (cause: unknown) => task.reject(cause instanceof Error ? cause : new Error(String(cause))),
          );
      } else if (response.code >= 200 && response.code < 300) {
        isConfirmed = true;
        settle();
      } else if (response.code >= 300) {
        ftp.closeWithError(new Error(`the server asks for more: ${response.message}`));
      }
    });
  } finally {
    listener.close();
    for (const socket of sockets) socket.destroy();
  }
};

const readFileChunks = (file: FileHandle, { trafficCapKilobytes }: FtpAccess): Readable => {
  const bytesPerSecond = trafficCapKilobytes * BYTES_PER_KILOBYTE;
  const options = { start: 0, autoClose: false };
  if (bytesPerSecond === 0) return file.createReadStream({ ...options, highWaterMark: MOST_CHUNK_BYTES });
  const highWaterMark = Math.min(MOST_CHUNK_BYTES, Math.max(BYTES_PER_KILOBYTE, Math.floor(bytesPerSecond / PACE)));
  return Readable.from(capped(file.createReadStream({ ...options, highWaterMark }), bytesPerSecond), {
    objectMode: false,
    highWaterMark,
  });
};

const describe = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

const isMissing = (cause: unknown): boolean => cause instanceof Error && "code" in cause && cause.code === "ENOENT";

/** Sends one file and says what became of it; folders are made where they are missing. Never rejects. */
export const uploadByFtp = async ({ access, localPath, remotePath }: UploadRequest): Promise<UploadOutcome> => {
  const startedMs = performance.now();
  let bytes = 0;
  const failed = (at: "server" | "file", cause: unknown): UploadOutcome => ({
    kind: "failed",
    at,
    bytes,
    tookMs: performance.now() - startedMs,
    message: describe(cause),
  });
  let file: FileHandle;
  try {
    file = await open(localPath, "r");
  } catch (cause) {
    return isMissing(cause) ? { kind: "missing" } : failed("file", cause);
  }
  const client = new Client(access.transferTimeoutSeconds * 1000);
  const { host, port, user, password, connectTimeoutSeconds, transferTimeoutSeconds, mode } = access;
  try {
    bytes = (await file.stat()).size;
    const login = user === "" ? { user: "anonymous", password: "guest" } : { user, password };
    try {
      await within(client, connectTimeoutSeconds, "the connection", () => client.access({ host, port, ...login }));
    } catch (cause) {
      return failed("server", cause);
    }
    await within(client, transferTimeoutSeconds, "the transfer", async () => {
      await client.ensureDir(posix.dirname(remotePath));
      const name = posix.basename(remotePath);
      const source = readFileChunks(file, access);
      if (mode === "Active") await storeActively(client, source, name);
      else await client.uploadFrom(source, name);
    });
    return { kind: "sent", bytes, tookMs: performance.now() - startedMs };
  } catch (cause) {
    return failed("file", cause);
  } finally {
    client.close();
    await file.close().catch(() => undefined);
  }
};
