import { expect } from "vitest";
import { type SceneEdge, scenario } from "../../src/scenario/index.ts";

const LAST_MODIFIED = "Tue, 01 Jan 2019 00:00:00 GMT";

interface Fact {
  readonly name: string;
  readonly isField?: boolean;
  readonly value: unknown;
  readonly because?: string;
  readonly source?: { readonly kind: string; readonly file?: string; readonly line?: number; readonly element: string };
}

interface Explained {
  readonly outcome: string;
  readonly status: number | null;
  readonly result: string | null;
  readonly verdict: string;
  readonly steps: readonly { readonly step: string; readonly verdict: string; readonly facts: readonly Fact[] }[];
}

/** Boundary: the answer of the API as the scenes read it. */
const asExplained = (result: unknown): Explained => result as Explained;

const explain = async (edge: SceneEdge, path: string, more = ""): Promise<Explained> => {
  const url = encodeURIComponent(`http://${edge.host}:${edge.port}${path}`);
  const { httpStatus, result } = await edge.cluster.apiJson(`/command/explain?url=${url}${more}`);
  expect(httpStatus).toBe(200);
  return asExplained(result);
};

const factsOf = (explained: Explained, step: string): readonly Fact[] =>
  explained.steps.find((candidate) => candidate.step === step)?.facts ?? [];

const factOf = (explained: Explained, step: string, name: string): Fact | undefined =>
  factsOf(explained, step).find((fact) => fact.name === name);

const memoryOf = (explained: Explained): unknown[] =>
  factsOf(explained, "lookup")
    .filter(({ name }) => name.startsWith("worker "))
    .map(({ value }) => value);

scenario(
  "explain tells before and after a request, after a purge, an expire and a restart what the next one will meet",
  {
    xml: "<Options><AgeHeader>ON</AgeHeader></Options>",
    conditions: { "ttl.txt": "# lifetimes\n/a.jpg, 600\n" },
    ownEdge: {},
  },
  async ({ origin, edge, clock }) => {
    origin.on("/a.jpg").file("x".repeat(1_000), { lastModified: LAST_MODIFIED });
    const cold = await explain(edge, "/a.jpg");
    expect(cold).toMatchObject({ outcome: "miss", status: null, result: null });
    expect(factOf(cold, "ttl", "custom")).toMatchObject({
      value: 600,
      source: { file: `svc/${edge.host}/ttl.txt`, line: 2 },
    });
    expect(memoryOf(cold)).toEqual(["none", "none"]);
    expect(origin.saw("/a.jpg")).toBe(0);

    await edge.get("/a.jpg").expect(200);
    await edge.stored("/a.jpg");
    const warm = await explain(edge, "/a.jpg");
    expect(warm).toMatchObject({ outcome: "hit", status: 200, result: "TCP_HIT" });
    expect(memoryOf(warm).toSorted()).toEqual(["body", "none"]);
    expect(factOf(warm, "lookup", "size")?.value).toBe(1_000);
    expect(factOf(warm, "ttl", "given")?.value).toBe(600);
    expect(factOf(warm, "response", "Age")?.source).toMatchObject({ file: "vhosts.xml", element: expect.any(String) });
    expect(factOf(warm, "vhost", "vhost")?.because).toBe("by its name");

    await clock.advance(601);
    const stale = await explain(edge, "/a.jpg");
    expect(stale).toMatchObject({ outcome: "renewal", result: null });
    expect(factOf(stale, "origin", "If-Modified-Since")?.value).toBe(LAST_MODIFIED);

    await edge.get("/a.jpg").expect(200);
    await edge.settled();
    expect((await explain(edge, "/a.jpg")).outcome).toBe("hit");
    await edge.purge("/a.jpg", "expire");
    const expired = await explain(edge, "/a.jpg");
    expect(expired.outcome).toBe("renewal");
    expect(factOf(expired, "lookup", "state")?.value).toBe("expired by a call");

    await edge.purge("/a.jpg");
    const purged = await explain(edge, "/a.jpg");
    expect(purged.outcome).toBe("renewal");
    expect(factOf(purged, "lookup", "state")?.value).toBe("purged");
    expect(factOf(purged, "origin", "If-Modified-Since")).toBeUndefined();

    const asked = origin.saw("/a.jpg");
    await edge.get("/a.jpg").expect(200);
    await edge.stored("/a.jpg");
    await edge.cluster.restartEverything();
    const restarted = await explain(edge, "/a.jpg");
    expect(restarted.outcome).toBe("hit");
    expect(memoryOf(restarted)).toEqual(["none", "none"]);
    expect(origin.saw("/a.jpg")).toBe(asked + 1);
  },
);

scenario(
  "explain follows Vary to the stored response that the request would get",
  { xml: "<Options><CachingProfile>rfc9111</CachingProfile></Options>" },
  async ({ origin, edge }) => {
    const fields = { "cache-control": "max-age=60", vary: "Accept-Language" };
    origin.on("/v").reply((request) => ({ status: 200, fields, body: request.field("accept-language") ?? "none" }));
    for (const language of ["de", "en-GB"]) {
      await edge.get("/v", { headers: { "accept-language": language } }).expect(200, language);
    }
    await edge.stored("/v", 2);
    const german = await explain(edge, "/v", "&header=Accept-Language:%20de");
    const english = await explain(edge, "/v", "&header=Accept-Language:%20en-GB");
    const french = await explain(edge, "/v", "&header=Accept-Language:%20fr");
    expect([german, english, french].map(({ outcome }) => outcome)).toEqual(["hit", "hit", "miss"]);
    expect(factOf(german, "lookup", "size")?.value).toBe(2);
    expect(factOf(english, "lookup", "size")?.value).toBe(5);
    expect(factOf(german, "key", "vary")).toMatchObject({ value: "accept-language" });
    expect(factOf(english, "key", "digest")?.value).not.toBe(factOf(german, "key", "digest")?.value);
  },
);

const answerOf = async (edge: SceneEdge, path: string, fields: Readonly<Record<string, string>>) => {
  const { status, head } = await edge.get(path, { headers: fields });
  const sent = new Map<string, string>();
  for (let index = 0; index + 1 < head.fields.length; index += 2) {
    sent.set((head.fields[index] ?? "").toLowerCase(), head.fields[index + 1] ?? "");
  }
  for (const name of ["date", "content-length", "content-range", "age", "expires"]) sent.delete(name);
  return { status, fields: Object.fromEntries(sent) };
};

const toldOf = (explained: Explained) => {
  const facts = factsOf(explained, "response").filter(
    ({ name, isField, value }) => isField === true && value !== null && name !== "Age" && name !== "Expires",
  );
  return {
    status: explained.status,
    fields: Object.fromEntries(facts.map(({ name, value }) => [name.toLowerCase(), String(value)])),
  };
};

const REQUESTS: readonly Readonly<Record<string, string>>[] = [
  {},
  { Range: "bytes=1-2" },
  { "Cache-Control": "max-stale=5" },
  { Connection: "close" },
];

for (const profile of ["guide", "rfc9111"]) {
  scenario(
    `what explain tells of a hit is what clients get, field by field: ${profile}`,
    {
      xml: `<Options><CachingProfile>${profile}</CachingProfile><ModifyHeader>ON</ModifyHeader>
        <RefreshExpiresHeader>ON</RefreshExpiresHeader></Options>`,
      conditions: {
        "headers.txt": "*, $RES[X-Cache: #CACHEHIT], set\n*, $RES[X-Internal], unset\n/a, $REQ[X-In: 1], set",
        "expires.txt": "/b, 1 hour",
      },
    },
    async ({ origin, edge }) => {
      const fields = { "cache-control": "max-age=600", etag: '"v1"', "x-internal": "1", "x-own": "2" };
      origin.on(() => true).reply(200, { ...fields, "last-modified": LAST_MODIFIED }, "hello");
      for (const path of ["/a", "/b"]) {
        await edge.get(path).expect(200);
        await edge.stored(path);
        for (const request of REQUESTS) {
          const headers = Object.entries(request).map(
            ([name, value]) => `&header=${encodeURIComponent(`${name}: ${value}`)}`,
          );
          const explained = await explain(edge, path, headers.join(""));
          expect(explained.outcome).toBe("hit");
          expect(toldOf(explained), JSON.stringify({ path, request })).toEqual(await answerOf(edge, path, request));
        }
      }
      await edge.get("/a", { headers: { "if-modified-since": LAST_MODIFIED } }).expect(304);
      const header = `&header=${encodeURIComponent(`If-Modified-Since: ${LAST_MODIFIED}`)}`;
      expect(await explain(edge, "/a", header)).toMatchObject({ status: 304, result: "TCP_IMS_HIT" });
    },
  );
}

scenario(
  "explain on the command line says the same, and ends with 0 for what would be refused and 2 for a bad question",
  async ({ origin, edge }) => {
    origin.on("/a").reply(200, {}, "hello");
    await edge.get("/a").expect(200);
    await edge.stored("/a");
    const url = `http://${edge.host}:${edge.port}/a`;
    const text = await edge.cluster.command("explain", url, "-H", "Range: bytes=0-1");
    expect(text.exitCode).toBe(0);
    expect(text.output).toContain("A hit: 206 (TCP_HIT)");
    const json = await edge.cluster.command("explain", url, "-H", "Range: bytes=0-1", "--json");
    const explained = asExplained(JSON.parse(json.output));
    expect(explained).toMatchObject({ outcome: "hit", status: 206 });
    // A second may have passed between the two.
    const withoutNumbers = (words: string): string => words.replaceAll(/\d+/g, "n");
    for (const { verdict } of explained.steps) expect(withoutNumbers(text.output)).toContain(withoutNumbers(verdict));

    const refused = await edge.cluster.command("explain", `http://${edge.host}:${edge.port}/a`, "-X", "BREW");
    expect(refused.exitCode).toBe(0);
    expect(refused.output).toContain("Would be refused with 501");
    const malformed = await edge.cluster.command("explain", "/a");
    expect(malformed.exitCode).toBe(2);
    expect(malformed.output).toContain("The URL names no host");
  },
);
