import tls from "node:tls";
import { HANG_LIMIT_MS } from "../limits.ts";

export interface HttpsRequest extends tls.ConnectionOptions {
  readonly port: number;
  /** Address to connect to; 127.0.0.1 when absent. */
  readonly address?: string;
  readonly path?: string;
  /** Value of the Host field. */
  readonly hostField: string;
  /** Body of a POST; a GET when absent. */
  readonly post?: string;
}

export interface HttpsAnswer {
  readonly status: number;
  /** Head and body. */
  readonly text: string;
  readonly version: string;
  readonly cipher: string;
  /** Common name of the certificate; empty for a session that was resumed. */
  readonly commonName: string;
  readonly isResumed: boolean;
  /** The last session that the server gave; undefined where it gave none. */
  readonly session: Buffer | undefined;
}

/** One request over a TLS connection of its own, whoever has signed the certificate. Rejects where the handshake fails. */
export const fetchHttps = ({ address = "127.0.0.1", path = "/", hostField, post, ...options }: HttpsRequest) =>
  new Promise<HttpsAnswer>((resolve, reject) => {
    const socket = tls.connect({ host: address, rejectUnauthorized: false, ...options });
    const parts: Buffer[] = [];
    let session: Buffer | undefined;
    socket.setTimeout(HANG_LIMIT_MS, () => socket.destroy(new Error("nothing came")));
    socket.on("session", (given) => {
      session = given;
    });
    let facts = { version: "", cipher: "", commonName: "", isResumed: false };
    socket.on("secureConnect", () => {
      facts = {
        version: socket.getProtocol() ?? "",
        cipher: socket.getCipher().name,
        commonName: String(socket.getPeerCertificate().subject?.CN ?? ""),
        isResumed: socket.isSessionReused(),
      };
      const [method, length] = post === undefined ? ["GET", ""] : ["POST", `Content-Length: ${post.length}\r\n`];
      socket.write(
        `${method} ${path} HTTP/1.1\r\nHost: ${hostField}\r\n${length}Connection: close\r\n\r\n${post ?? ""}`,
      );
    });
    socket.on("data", (data) => parts.push(data));
    socket.on("error", reject);
    socket.on("close", () => {
      const text = Buffer.concat(parts).toString("latin1");
      const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(text) ?? [];
      if (status === undefined) reject(new Error("the server closed without an answer"));
      else resolve({ status: Number(status), text, session, ...facts });
    });
  });
