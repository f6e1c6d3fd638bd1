/** What we use of the public suite, which carries no types of its own. */
declare module "http-cache-tests/tests/index.mjs" {
  const groups: readonly unknown[];
  export default groups;
}
declare module "http-cache-tests/tests/surrogate-control.mjs" {
  const group: unknown;
  export default group;
}
declare module "http-cache-tests/client/runner.mjs" {
  export function runTests(
    groups: readonly unknown[],
    fetch: unknown,
    isBrowser: boolean,
    baseUrl: string,
    atOnce: number,
  ): Promise<void>;
  export function getResults(): Readonly<Record<string, unknown>>;
}
declare module "http-cache-tests/server/handle-config.mjs" {
  import type { IncomingMessage, ServerResponse } from "node:http";
  export default function handleConfig(segments: string[], request: IncomingMessage, response: ServerResponse): void;
}
declare module "http-cache-tests/server/handle-state.mjs" {
  import type { IncomingMessage, ServerResponse } from "node:http";
  export default function handleState(segments: string[], request: IncomingMessage, response: ServerResponse): void;
}
declare module "http-cache-tests/server/handle-test.mjs" {
  import type { IncomingMessage, ServerResponse } from "node:http";
  export default function handleTest(segments: string[], request: IncomingMessage, response: ServerResponse): void;
}
