import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import handleConfig from "http-cache-tests/server/handle-config.mjs";
import handleState from "http-cache-tests/server/handle-state.mjs";
import handleTest from "http-cache-tests/server/handle-test.mjs";

/** The suite's origin, on the loopback address alone; prints its port. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const [, kind, ...segments] = new URL(request.url ?? "/", "http://origin.invalid").pathname.split("/");
  if (kind === "config") handleConfig(segments, request, response);
  else if (kind === "state") handleState(segments, request, response);
  else if (kind === "test") handleTest(segments, request, response);
  else response.writeHead(404).end();
}

/** What the suite's handlers do not expect of a proxy fails one test, not the run. */
const server = createServer((request, response) => {
  try {
    answer(request, response);
  } catch (error) {
    process.stderr.write(`${request.method} ${request.url}: ${error instanceof Error ? error.stack : String(error)}\n`);
    if (!response.headersSent) response.writeHead(500);
    response.end();
  }
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address === "object") process.stdout.write(`${address.port}\n`);
});
