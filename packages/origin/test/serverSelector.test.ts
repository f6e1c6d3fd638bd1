import { describe, expect, it } from "vitest";
import { type Candidate, chooseByKey, hashText, ServerSelector } from "../src/serverSelector.ts";

interface Named extends Candidate {
  readonly name: string;
}

const servers = (...names: string[]): Named[] =>
  names.map((name) => ({ name, seed: hashText(name), hasIdle: false, weight: 1, latencyMs: undefined }));

const nameOf = (server: Named | undefined): string | undefined => server?.name;

const tally = (choices: readonly (string | undefined)[]): Map<string | undefined, number> => {
  const counts = new Map<string | undefined, number>();
  for (const choice of choices) counts.set(choice, (counts.get(choice) ?? 0) + 1);
  return counts;
};

const URLS = Array.from({ length: 10_000 }, (_, nth) => `/image/${nth}.jpg`);
const IPS = Array.from({ length: 10_000 }, (_, nth) => `10.${nth >> 8}.${nth & 255}.7`);

const SERVERS = servers("1.1.1.1", "1.1.1.2", "1.1.1.3", "origin.test 10.0.0.4");

describe("choice of a server", () => {
  it("ORG-30 has no choice among none or one, in any mode", () => {
    for (const mode of ["RoundRobin", "Session", "Hash"] as const) {
      const selector = new ServerSelector<Named>(mode);
      expect(selector.choose([], "/")).toBeUndefined();
      expect(nameOf(selector.choose(servers("b"), "/"))).toBe("b");
    }
  });

  it("ORG-31 RoundRobin gives 2 servers 5 of 10 requests each", () => {
    const selector = new ServerSelector<Named>("RoundRobin");
    const both = servers("a", "b");
    expect(
      URLS.slice(0, 10)
        .map((url) => nameOf(selector.choose(both, url)))
        .join(""),
    ).toBe("ababababab");
  });

  it("ORG-32 Session prefers a server with an idle connection, else goes round", () => {
    const selector = new ServerSelector<Named>("Session");
    const all = servers("a", "b", "c");
    const withIdle = all.map((server) => ({ ...server, hasIdle: server.name === "c" }));
    expect([1, 2, 3].map(() => nameOf(selector.choose(withIdle, "/"))).join("")).toBe("ccc");
    expect([1, 2, 3].map(() => nameOf(selector.choose(all, "/"))).join("")).toBe("abc");
  });

  it("ORG-33 Hash goes round where there is nothing to hash", () => {
    const selector = new ServerSelector<Named>("Hash");
    expect([1, 2, 3, 4].map(() => nameOf(selector.choose(servers("a", "b"), undefined))).join("")).toBe("abab");
  });
});

describe.each([
  { what: "ORG-33 AWS-34 URLs", keys: URLS },
  { what: "BYP-11 client IPs", keys: IPS },
])("consistent hashing of $what", ({ keys }) => {
  const spread = (candidates: readonly Named[]) => keys.map((key) => nameOf(chooseByKey(candidates, key)));

  it("gives the same key the same server, in whatever order servers are listed", () => {
    expect(spread(SERVERS)).toEqual(spread([...SERVERS].reverse()));
  });

  it("spreads keys evenly: each of 4 servers has a quarter, within 5 %", () => {
    const counts = tally(spread(SERVERS));
    expect(counts.size).toBe(4);
    for (const count of counts.values()) expect(Math.abs(count - 2500)).toBeLessThan(125);
  });

  it("moves the keys of a lost server only, a quarter of all, and spreads them over the rest", () => {
    const before = spread(SERVERS);
    const after = spread(SERVERS.filter(({ name }) => name !== "1.1.1.2"));
    const moved = keys.flatMap((_, nth) => (before[nth] === after[nth] ? [] : [after[nth]]));
    expect(moved.length).toBe(tally(before).get("1.1.1.2"));
    expect(Math.abs(moved.length - 2500)).toBeLessThan(125);
    for (const count of tally(moved).values())
      expect(Math.abs(count - moved.length / 3)).toBeLessThan(moved.length / 30);
  });

  it("moves a fifth of the keys to a fifth server and none between the others", () => {
    const before = spread(SERVERS);
    const after = spread([...SERVERS, ...servers("1.1.1.5")]);
    const moved = keys.flatMap((_, nth) => (before[nth] === after[nth] ? [] : [after[nth]]));
    expect([...new Set(moved)]).toEqual(["1.1.1.5"]);
    expect(Math.abs(moved.length - 2000)).toBeLessThan(125);
  });
});

describe("AWS-33: servers that are not alike", () => {
  const weighted = (weights: Readonly<Record<string, number>>): Named[] =>
    servers(...Object.keys(weights)).map((server) => ({ ...server, weight: weights[server.name] ?? 1 }));

  it("RoundRobin gives each as many turns as its weight says, lying evenly", () => {
    const selector = new ServerSelector<Named>("RoundRobin");
    const three = weighted({ a: 5, b: 1, c: 1 });
    const turns = URLS.slice(0, 14).map((url) => nameOf(selector.choose(three, url)));
    expect(turns.join("")).toBe("aabacaaaabacaa");
  });

  it("RoundRobin keeps to the weights when a server is lost", () => {
    const selector = new ServerSelector<Named>("RoundRobin");
    const three = weighted({ a: 3, b: 1, c: 1 });
    for (let nth = 0; nth < 7; nth++) selector.choose(three, "/");
    const counts = tally(URLS.slice(0, 400).map((url) => nameOf(selector.choose(three.slice(0, 2), url))));
    expect(Math.abs((counts.get("a") ?? 0) - 300)).toBeLessThanOrEqual(3);
  });

  it("Hash gives each as many keys as its weight says, and moves only those of a lost one", () => {
    const three = weighted({ a: 3, b: 1, c: 1 });
    const before = URLS.map((url) => nameOf(chooseByKey(three, url)));
    const counts = tally(before);
    for (const [name, share] of [
      ["a", 6_000],
      ["b", 2_000],
      ["c", 2_000],
    ] as const) {
      expect(Math.abs((counts.get(name) ?? 0) - share)).toBeLessThan(200);
    }
    const after = URLS.map((url) => nameOf(chooseByKey(three.slice(0, 2), url)));
    expect(URLS.every((_, nth) => before[nth] === "c" || before[nth] === after[nth])).toBe(true);
  });

  it("Latency asks each once, then the soonest, and the others now and then", () => {
    const selector = new ServerSelector<Named>("Latency");
    const known = servers("slow", "quick").map((server, nth) => ({ ...server, latencyMs: nth === 0 ? 80 : 20 }));
    const unknown = [...known, ...servers("new")];
    expect(tally(URLS.slice(0, 3).map((url) => nameOf(selector.choose(unknown, url)))).size).toBe(3);
    const counts = tally(URLS.slice(0, 400).map((url) => nameOf(selector.choose(known, url))));
    expect(counts.get("quick")).toBeGreaterThanOrEqual(380);
    expect(counts.get("slow")).toBeGreaterThanOrEqual(5);
  });
});
