import { createRequire } from "node:module";
import { describe, expect, it, onTestFinished } from "vitest";
import { fetchFrom, getRequest, openPool } from "./support/exchange.ts";
import { rawOrigin } from "./support/origin.ts";
import { addressAt, settingsFor } from "./support/settings.ts";

/** How many errors undici makes about heads that are too long. */
const countOverflows = (): (() => number) => {
  const { HeadersOverflowError } = createRequire(import.meta.url)("undici/lib/core/errors.js");
  const parent = Object.getPrototypeOf(HeadersOverflowError);
  let made = 0;
  Object.setPrototypeOf(
    HeadersOverflowError,
    class extends parent {
      constructor(...details: unknown[]) {
        super(...details);
        made += 1;
      }
    },
  );
  onTestFinished(() => {
    Object.setPrototypeOf(HeadersOverflowError, parent);
  });
  return () => made;
};

describe("a head that is longer than any head", () => {
  it("is given up where it gets too long, not parsed on to the end of what was read", async () => {
    const overflows = countOverflows();
    const origin = await rawOrigin((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(100_000)}`);
    });
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    const outcome = await fetchFrom(pool, getRequest("/"));
    expect(outcome.error?.code).toBe("ORIGIN_MALFORMED");
    expect(overflows()).toBeGreaterThan(0);
    expect(overflows()).toBeLessThan(2000);
  });
});
