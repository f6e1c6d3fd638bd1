import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const BODY_BYTES = 1024;

/** An origin whose every answer has another body: what is old can be told from what is new. */
export interface SerialOrigin {
  readonly port: number;
  /** Answers so far: the number in the latest body. */
  readonly serial: number;
  close(): Promise<void>;
}

/** A path `/tag/{tag}/…` is answered with that tag. */
export async function startSerialOrigin(): Promise<SerialOrigin> {
  let serial = 0;
  const server = createServer((request, response) => {
    serial += 1;
    const tag = /^\/tag\/([^/]+)\//.exec(request.url ?? "")?.[1];
    if (tag !== undefined) response.setHeader("Surrogate-Key", tag);
    response.setHeader("Cache-Control", "max-age=86400");
    response.setHeader("Content-Type", "text/plain");
    response.end(String(serial).padEnd(BODY_BYTES));
  });
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === "string") throw new Error("the origin has no port");
  return {
    port: address.port,
    get serial() {
      return serial;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
