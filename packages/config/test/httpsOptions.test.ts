import { describe, expect, it } from "vitest";
import { formatHttpsListen, parseHttpsListen } from "../src/options/httpsOptions.ts";

describe("<Https Listen>", () => {
  it.each([
    ["*:886", "any", "", 886],
    ["*", "any", "", 443],
    ["1.1.1.1:443", "address", "1.1.1.1", 443],
    ["1.1.1.1", "address", "1.1.1.1", 443],
    ["[2001:db8::1]:8443", "address", "2001:db8::1", 8443],
    ["2001:db8::1", "address", "2001:db8::1", 443],
    ["eth0", "interface", "eth0", 443],
    ["eth0.5", "interface", "eth0.5", 443],
    ["bond0:444", "interface", "bond0", 444],
  ])("TLS-04 reads %s", (text, kind, name, port) => {
    const listen = parseHttpsListen(text);
    expect(listen).toEqual({ kind, name, port });
    if (listen !== undefined) expect(parseHttpsListen(formatHttpsListen(listen))).toEqual(listen);
  });

  it.each(["", "a b", "1.1.1.1:0", "1.1.1.1:65536", "[1.1.1.1]:1", ":443", "much-too-long-a-name", "1.1.1.1:x"])(
    "TLS-10 refuses %j",
    (text) => {
      expect(parseHttpsListen(text)).toBeUndefined();
    },
  );
});
