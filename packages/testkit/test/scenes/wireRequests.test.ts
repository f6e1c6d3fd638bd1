import { afterAll, describe, expect } from "vitest";
import { type RawClient, renderRequest } from "../../src/index.ts";
import { scenario, useEdge } from "../../src/scenario/index.ts";
import { RecordingOrigin } from "./support/recordingOrigin.ts";
import { readWireCorpus, type WireCase } from "./support/wireCorpus.ts";

useEdge({ workers: 2 });

const HOST = "corpus.test";
const origin = await new RecordingOrigin().listen();
afterAll(() => origin.close());

const corpus = readWireCorpus("requests", HOST);

/** Plays one case; the result has the form of its outcome. */
const play = async ({ bytes, outcome, id }: WireCase, client: RawClient): Promise<string> => {
  const words = outcome.split(" ");
  const ending = words.pop();
  await client.send(bytes);
  if (ending === "cut") {
    client.halfClose();
    return (await client.closedByPeer()) ? "cut" : "an answer";
  }
  const statuses: string[] = [];
  for (const word of words) {
    const method = word.startsWith("HEAD:") ? "HEAD" : "GET";
    const { status } = await client.readResponse(method);
    statuses.push(method === "HEAD" ? `HEAD:${status}` : String(status));
  }
  if (ending === "end") return [...statuses, (await client.closedByPeer()) ? "end" : "more"].join(" ");
  const after = await client.request({ path: `/after-${id}`, host: HOST });
  return [...statuses, after.status === 200 ? "open" : `then ${after.status}`].join(" ");
};

/** Requests that were not the client's own look at whether the connection goes on, each as `METHOD target body`. */
const seenSince = (count: number): string[] =>
  origin.requests
    .slice(count)
    .filter(({ target }) => !target.startsWith("/after-"))
    .map(({ method, target, body }) => [method, target, body].join(" ").trimEnd());

describe("what clients send", () => {
  scenario(
    "HTTP-34: every malformed or ambiguous request of the corpus is answered as told, and nothing is smuggled",
    { host: HOST, address: () => origin.address },
    async ({ edge, client }) => {
      expect(corpus.length).toBeGreaterThanOrEqual(150);
      const before = await edge.cluster.workers();
      const played: Record<string, unknown> = {};
      const wanted: Record<string, unknown> = {};
      for (const each of corpus) {
        const count = origin.requests.length;
        const title = `${each.file}: ${each.name}`;
        const session = await client();
        const result = await play(each, session).catch((error: unknown) => String(error));
        session.close();
        const mayBeCut = each.expected.includes("(cut)");
        played[title] = [result, seenSince(count)];
        wanted[title] = [each.outcome, mayBeCut ? [] : each.expected.map((line) => line.trimEnd())];
      }
      expect(played).toEqual(wanted);
      expect(origin.violations).toEqual([]);
      await edge.get("/last").expect(200, "ok");
      expect(await edge.cluster.workers()).toEqual(before);
      expect(origin.requests.filter(({ target }) => target.includes("smuggled"))).toEqual([]);
    },
  );

  scenario(
    "HTTP-34: every request of the corpus has the same answer when it comes in small pieces",
    { host: `pieces.${HOST}`, address: () => origin.address },
    async ({ edge, client }) => {
      const pieces = readWireCorpus("requests", edge.host).filter(({ bytes }) => bytes.length < 400);
      const wrong: string[] = [];
      for (const each of pieces) {
        const words = each.outcome.split(" ");
        if (words.at(-1) === "cut") continue;
        const session = await client();
        await session.sendSlowly(each.bytes, 23, 0);
        const first = await session
          .readResponse(words[0]?.startsWith("HEAD:") === true ? "HEAD" : "GET")
          .then(({ status }) => String(status))
          .catch((error: unknown) => String(error));
        session.close();
        if (first !== words[0]?.replace("HEAD:", "")) wrong.push(`${each.file}: ${each.name}: ${first}`);
      }
      expect(wrong).toEqual([]);
      expect(origin.violations).toEqual([]);
      const plain = renderRequest({ path: "/plain", host: edge.host });
      const session = await client();
      await session.send(plain);
      expect((await session.readResponse()).status).toBe(200);
    },
  );
});
