import type { OriginPool, OriginSettings } from "@basalt/origin";
import { EdgeError } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { followRedirects } from "../src/index.ts";
import { FakeOrigin, type OriginCall } from "./support/fakeOrigin.ts";
import { settingsWith } from "./support/host.ts";
import { turns } from "./support/waiting.ts";

const NAMES: Readonly<Record<string, readonly string[]>> = {
  "cdn.test": ["8.8.8.8"],
  "inside.test": ["127.0.0.1", "10.1.1.1"],
  "mixed.test": ["10.1.1.1", "8.8.4.4", "::1"],
};

/** A host that follows redirects, what it is asked, and what is received of it. */
class Scene {
  readonly own = new FakeOrigin();
  readonly elsewhere = new FakeOrigin();
  readonly opened: OriginSettings[] = [];
  readonly received: string[] = [];
  readonly pool: OriginPool;
  closed = 0;
  /** Held back until it resolves. */
  resolving: Promise<void> = Promise.resolve();
  takes = true;

  constructor(allow = "") {
    this.elsewhere.close = () => {
      this.closed++;
      return Promise.resolve();
    };
    const allowed = allow === "" ? "" : ` Allow="${allow}"`;
    this.pool = followRedirects(this.own, {
      settings: settingsWith(`<OriginOptions><RedirectionTrace${allowed}>ON</RedirectionTrace></OriginOptions>`),
      resolve: async (host) => {
        await this.resolving;
        const ips = NAMES[host] ?? (/^[\d.]+$/.test(host) ? [host] : undefined);
        if (ips === undefined) throw new Error(`ENOTFOUND ${host}`);
        return ips;
      },
      openPool: (settings) => {
        this.opened.push(settings);
        return this.elsewhere;
      },
    });
  }

  ask(
    target = "/a",
    fields: readonly string[] = ["Accept", "x"],
    more: { method?: string; mode?: "cache" | "bypass" } = {},
  ) {
    return this.pool.send(
      { method: "GET", mode: "cache", ...more, target, fields, body: { kind: "none" }, key: target },
      {
        onInformation: (status) => this.received.push(`${status}`),
        onHead: ({ status }) => this.received.push(`head ${status}`),
        onData: (chunk) => {
          this.received.push(String(chunk).slice(0, 10));
          return this.takes;
        },
        onComplete: () => this.received.push("complete"),
        onError: ({ code }) => this.received.push(code),
      },
    );
  }

  redirect(call: OriginCall, location: string, body = "moved"): void {
    call.reply(302, body, ["Location", location]);
  }
}

describe("ORG-55: a followed redirect", () => {
  it("to the host's own servers: what it leads to is the answer", async () => {
    const scene = new Scene();
    scene.ask("/a", ["If-Modified-Since", "x", "Range", "bytes=0-"]);
    scene.redirect(await scene.own.call(), "/b?x");
    const second = await scene.own.call(2);
    expect(second.request).toMatchObject({
      target: "/b?x",
      fields: ["If-Modified-Since", "x", "Range", "bytes=0-"],
      key: "/a",
    });
    second.reply(200, "content");
    expect(scene.received).toEqual(["head 200", "content", "complete"]);
  });

  it("ORG-56 of a renewal: the original URL is asked, the answer of the other one counts", async () => {
    const scene = new Scene();
    scene.ask();
    scene.redirect(await scene.own.call(), "/b");
    (await scene.own.call(2)).head(304).complete();
    expect(scene.received).toEqual(["head 304", "complete"]);
  });

  it("VHT-43, VHT-46 is the only one: a second redirect is the answer", async () => {
    const scene = new Scene();
    scene.ask();
    scene.redirect(await scene.own.call(), "/b");
    scene.redirect(await scene.own.call(2), "/c", "second");
    expect(scene.received).toEqual(["head 302", "second", "complete"]);
    expect(scene.own.calls.length).toBe(2);
  });

  it.each([
    ["is no redirect", "/a", 200, "/b"],
    ["has no Location (VHT-44)", "/a", 302, ""],
    ["leads to itself", "/a", 302, "/a"],
    ["leads to another scheme", "/a", 302, "ftp://cdn.test/"],
  ])("is none that %s", async (_, target, status, location) => {
    const scene = new Scene();
    scene.ask(target);
    (await scene.own.call()).reply(status, "body", location === "" ? [] : ["Location", location]);
    expect(scene.received).toEqual([`head ${status}`, "body", "complete"]);
    expect(scene.own.calls.length).toBe(1);
  });

  it.each([
    ["that passes by the cache", { mode: "bypass" }],
    ["that is no GET", { method: "POST" }],
  ] as const)("is none of a request %s", async (_, more) => {
    const scene = new Scene();
    scene.ask("/a", [], more);
    scene.redirect(await scene.own.call(), "/b");
    expect(scene.received).toEqual(["head 302", "moved", "complete"]);
  });

  it("lets a long redirect go, and ends both with the request", async () => {
    const scene = new Scene();
    const exchange = scene.ask();
    const first = (await scene.own.call()).head(302, ["Location", "/b"]);
    const second = await scene.own.call(2);
    expect(first.data(Buffer.alloc(60_000))).toBe(true);
    expect(first.aborted).toBe(false);
    expect(first.data(Buffer.alloc(60_000))).toBe(true);
    expect(first.aborted).toBe(true);
    scene.takes = false;
    expect(second.head(200).data("x")).toBe(false);
    exchange.resume();
    expect([first.resumed, second.resumed]).toEqual([0, 1]);
    exchange.abort();
    expect(second.aborted).toBe(true);
  });
});

describe("ORG-55: a redirect to another host", () => {
  it("asks the addresses that were looked at, by the name, without credentials", async () => {
    const scene = new Scene();
    scene.ask("/a", ["Host", "h", "Cookie", "c", "Accept", "x"]);
    scene.redirect(await scene.own.call(), "http://mixed.test:81/b");
    const call = await scene.elsewhere.call();
    expect(call.request).toMatchObject({ target: "/b", fields: ["Accept", "x"] });
    expect(scene.opened[0]?.origin.addresses).toMatchObject([
      { host: "8.8.4.4", port: 81, isIp: true, hostField: "mixed.test:81" },
    ]);
    expect(scene.opened[0]?.originOptions).toMatchObject({ host: "", reuseTimeoutSeconds: 0 });
    call.reply(200, "content");
    expect(scene.received).toEqual(["head 200", "content", "complete"]);
    expect(scene.closed).toBe(1);
  });

  it.each(["http://inside.test/b", "http://127.0.0.1/", "http://169.254.169.254/latest", "http://2130706433/"])(
    "%s is not followed: the redirect is the answer",
    async (location) => {
      const scene = new Scene();
      scene.ask();
      scene.redirect(await scene.own.call(), location);
      await turns(3);
      expect(scene.received).toEqual(["head 302", "moved", "complete"]);
      expect(scene.opened).toEqual([]);
    },
  );

  it("is followed to what Allow names", async () => {
    const scene = new Scene("10.0.0.0/8");
    scene.ask();
    scene.redirect(await scene.own.call(), "http://inside.test/b");
    await scene.elsewhere.call();
    expect(scene.opened[0]?.origin.addresses.map(({ host }) => host)).toEqual(["10.1.1.1"]);
  });

  it("whose name is not known is a failure of the origin, and a failure there too", async () => {
    const scene = new Scene();
    scene.ask();
    scene.redirect(await scene.own.call(), "http://nowhere.test/b");
    await turns(3);
    scene.ask();
    scene.redirect(await scene.own.call(2), "http://cdn.test/b");
    (await scene.elsewhere.call()).fail("ORIGIN_RECEIVE_TIMEOUT");
    expect(scene.received).toEqual(["ORIGIN_CONNECT_FAILED", "ORIGIN_RECEIVE_TIMEOUT"]);
    expect(scene.closed).toBe(1);
  });

  it("holds the redirect while the name is looked up, and goes on with it as it came", async () => {
    const scene = new Scene();
    let release = (): void => {};
    scene.resolving = new Promise((resolve) => {
      release = resolve;
    });
    const exchange = scene.ask();
    const call = (await scene.own.call()).head(302, ["Location", "http://inside.test/"]);
    expect([call.data("one"), call.data(Buffer.alloc(70_000, "x"))]).toEqual([true, false]);
    exchange.resume();
    expect([call.resumed, scene.received]).toEqual([0, []]);
    release();
    await turns(3);
    expect(scene.received).toEqual(["head 302", "one", "xxxxxxxxxx"]);
    expect(call.resumed).toBe(1);
    call.data("two");
    call.complete();
    expect(scene.received.slice(3)).toEqual(["two", "complete"]);
  });

  it("that nobody waits for any more is not asked", async () => {
    const scene = new Scene();
    const exchange = scene.ask();
    scene.redirect(await scene.own.call(), "http://cdn.test/b");
    exchange.abort();
    await turns(3);
    expect([scene.opened.length, scene.received]).toEqual([0, []]);
  });

  it("tells a break of the redirect itself", async () => {
    const scene = new Scene();
    scene.ask();
    const call = (await scene.own.call()).head(302, ["Location", "http://inside.test/"]);
    call.fail("ORIGIN_CLOSED");
    await turns(3);
    expect(scene.received).toEqual(["head 302", new EdgeError("ORIGIN_CLOSED").code]);
  });
});
