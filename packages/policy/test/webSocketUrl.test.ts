import type { OriginAddress } from "@basalt/config";
import { expect, it } from "vitest";
import { webSocketUrl } from "../src/index.ts";

const ADDRESS: OriginAddress = {
  text: "a.test",
  scheme: "http",
  host: "a.test",
  port: 80,
  isIp: false,
  pathPrefix: "",
  weight: 1,
  countries: [],
  hostField: "a.test",
};

it.each([
  [{}, "ws://a.test/chat?x=1"],
  [{ port: 8080, pathPrefix: "/dir" }, "ws://a.test:8080/dir/chat?x=1"],
  [{ scheme: "https", port: 443 }, "wss://a.test/chat?x=1"],
  [{ scheme: "https", port: 80 }, "wss://a.test:80/chat?x=1"],
  [{ host: "::1", isIp: true, port: 81 }, "ws://[::1]:81/chat?x=1"],
] as const)("AWS-43 names the place of a WebSocket at %j", (changes, url) => {
  expect(webSocketUrl({ ...ADDRESS, ...changes }, "/chat?x=1")).toBe(url);
});
