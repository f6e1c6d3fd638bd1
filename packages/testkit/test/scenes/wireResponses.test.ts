import { afterAll, describe, expect } from "vitest";
import { scenario, useEdge } from "../../src/scenario/index.ts";
import type { SceneEdge } from "../../src/scenario/sceneEdge.ts";
import { type RawReply, RecordingOrigin } from "./support/recordingOrigin.ts";
import { readWireCorpus, type WireCase } from "./support/wireCorpus.ts";

useEdge({ workers: 2 });

const HOST = "corpus.test";
const origin = await new RecordingOrigin().listen();
afterAll(() => origin.close());

const corpus = readWireCorpus("responses", HOST);
const repliesOf = (cases: readonly WireCase[]): ReadonlyMap<string, RawReply> =>
  new Map(cases.map(({ id, bytes, outcome }) => [`/${id}`, { bytes, close: outcome.startsWith("close ") }]));
const replies = repliesOf(corpus);

const GOOD: RawReply = { bytes: Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"), close: false };

/** What the client gets, of a stored answer or of one that passes through. */
const wantedOf = ({ outcome }: WireCase, isBypass: boolean): string => {
  const [cached = "", passing = cached] = outcome.replace(/^close /, "").split(" / ");
  return (isBypass ? passing : cached).replace(/ stored$/, "");
};

/** `status body` of an answer; `status` alone for an error page, `broken` where it is cut off. */
const fetch = async (edge: SceneEdge, path: string, method = "GET"): Promise<string> => {
  try {
    const response = await edge.get(path, method === "POST" ? { method, body: "x" } : { method });
    if (response.status >= 500) return String(response.status);
    return `${response.status} ${response.text === "" ? "-" : response.text}`;
  } catch {
    return "broken";
  }
};

const XML = `<Options><TTL><ConnectTimeout>0</ConnectTimeout><ReceiveTimeout>0</ReceiveTimeout></TTL></Options>
  <OriginOptions><Exclusion>1000000</Exclusion><ReceiveTimeout>2</ReceiveTimeout><BypassReceiveTimeout>2</BypassReceiveTimeout></OriginOptions>`;

describe("what origins send", () => {
  scenario(
    "HTTP-35: every malformed response of the corpus is an error or is cut off, never a wrong body, and is not stored",
    { host: HOST, xml: XML, address: () => origin.address },
    async ({ edge }) => {
      expect(corpus.length).toBeGreaterThanOrEqual(60);
      const before = await edge.cluster.workers();
      const played: Record<string, string> = {};
      const wanted: Record<string, string> = {};
      for (const each of corpus) {
        const { file, name, outcome, id } = each;
        const title = `${file}: ${name}`;
        const isStored = outcome.includes(" stored");
        const first = wantedOf(each, false);
        origin.reply = ({ target }) => replies.get(target) ?? GOOD;
        const got = await fetch(edge, `/${id}`);
        // What stands on the origin's connection must not reach the next request on it.
        const next = await Promise.all([1, 2, 3].map((number) => fetch(edge, `/next-${id}-${number}`)));
        origin.reply = () => GOOD;
        const again = isStored ? await fetch(edge, `/${id}`) : "";
        const records = isStored ? "" : (await edge.fileInfo(`/${id}`)).length;
        played[title] = [got, ...next, again, records].join(" | ");
        const isKept = first.startsWith("204") ? played[title]?.split(" | ").at(-1) : "0";
        wanted[title] = [first, "200 good", "200 good", "200 good", isStored ? first : "", isStored ? "" : isKept].join(
          " | ",
        );
      }
      expect(played).toEqual(wanted);
      expect(await edge.cluster.workers()).toEqual(before);
      expect(origin.violations).toEqual([]);
    },
  );

  scenario(
    "HTTP-35: the same holds for answers that pass through",
    { host: `bypass.${HOST}`, xml: XML, address: () => origin.address },
    async ({ edge }) => {
      origin.reply = ({ target }) => replies.get(target) ?? GOOD;
      const wrong: string[] = [];
      for (const each of corpus) {
        const { file, name, id } = each;
        const got = await fetch(edge, `/${id}`, "POST");
        const next = await Promise.all([1, 2].map((number) => fetch(edge, `/next-${number}`, "POST")));
        const first = wantedOf(each, true);
        if (got !== first || next.some((each) => each !== "200 good")) {
          wrong.push(`${file}: ${name}: ${[got, ...next].join(" | ")} instead of ${first}`);
        }
      }
      expect(wrong).toEqual([]);
    },
  );
});
