import { runMediaTask } from "@basalt/media";
import { describe, expect, it } from "vitest";
import { TestEdge } from "./support/edge.ts";
import { indexOfFilm, makeFilm } from "./support/film.ts";
import type { ClientResponse } from "./support/responses.ts";
import { until } from "./support/waiting.ts";

const MIB = 1024 * 1024;
const FIELDS = ["Content-Type", "video/mp4", "ETag", '"v1"', "Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT"];

/** Of six minutes, in a file that is long enough for its index to be kept. */
const film = makeFilm(360, 2, 17 * MIB);

/** An edge whose transform host does what the real one does; `jobs`: on the film, not for its index. */
const edgeWithFilm = async (): Promise<{ readonly edge: TestEdge; readonly jobs: () => number }> => {
  const edge = new TestEdge({ vhost: "<Media><MP4Trimming>ON</MP4Trimming></Media>" });
  let jobs = 0;
  edge.onDerive = (body, operation) => {
    const index = indexOfFilm(body);
    if (index === undefined) return "unreadable";
    if (operation.kind === "mediaIndex") return Buffer.from(index.slice(0));
    if (operation.kind !== "media") return "conversion";
    jobs++;
    const outcome = runMediaTask(index, operation.format, operation.task, []);
    return outcome.kind === "recipe" ? Buffer.from(outcome.recipe) : "unchanged";
  };
  await edge.store("/a.mp4", film, FIELDS);
  return { edge, jobs: () => jobs };
};

const trimmed = (
  edge: TestEdge,
  section: string,
  fields: readonly string[] = [],
  method = "GET",
): Promise<ClientResponse> => edge.connect().get(`/a.mp4?${section}`, fields, method).response(method);

/** Asks for sections until the film is at hand. */
const warm = async (edge: TestEdge): Promise<void> => {
  for (let start = 1; start <= 2; start++) await trimmed(edge, `start=${start}&end=${start + 20}`);
  await until(() => edge.server.movies.bytes > 0);
};

describe("sections of a film that is used often", () => {
  it("MEDIA-70 MEDIA-36: are planned in the worker, and are what the transform host makes of them", async () => {
    const { edge, jobs } = await edgeWithFilm();
    const sections = ["start=10&end=40", "start=100&end=300", "start=7"];
    const made: ClientResponse[] = [];
    for (const section of sections) made.push(await trimmed(edge, section));
    expect(jobs()).toBeGreaterThanOrEqual(2);
    const { edge: other, jobs: otherJobs } = await edgeWithFilm();
    await warm(other);
    const before = otherJobs();
    for (const [index, section] of sections.entries()) {
      const response = await trimmed(other, section);
      expect([response.status, response.body.length < MIB]).toEqual([200, true]);
      expect(response.body.equals(made[index]?.body ?? Buffer.alloc(0))).toBe(true);
      for (const name of ["content-length", "content-type", "etag", "last-modified"]) {
        expect(response.field(name)).toBe(made[index]?.field(name));
      }
    }
    expect(otherJobs()).toBe(before);
  });

  it("MEDIA-05 MEDIA-78: have ranges, conditions and HEAD, and are planned once for all of these", async () => {
    const { edge, jobs } = await edgeWithFilm();
    await warm(edge);
    const before = jobs();
    const whole = await trimmed(edge, "start=10&end=300");
    const part = await trimmed(edge, "start=10&end=300", ["Range: bytes=100-299"]);
    expect([part.status, part.body.equals(whole.body.subarray(100, 300))]).toEqual([206, true]);
    const same = await trimmed(edge, "start=10&end=300", [`If-None-Match: ${whole.field("etag")}`]);
    expect(same.status).toBe(304);
    const head = await trimmed(edge, "start=10&end=300", [], "HEAD");
    expect(head.field("content-length")).toBe(whole.field("content-length"));
    expect(jobs()).toBe(before);
  });

  it("MEDIA-75 MEDIA-06: what names nothing is the film as it is, as before", async () => {
    const { edge } = await edgeWithFilm();
    await warm(edge);
    const response = await trimmed(edge, "start=400&end=500");
    expect([response.status, response.body.length]).toEqual([200, film.length]);
  });

  it("MEDIA-70: are left to other processes beyond a few at a time, and one that many ask for is planned once", async () => {
    const { edge, jobs } = await edgeWithFilm();
    await warm(edge);
    const before = jobs();
    const sections = Array.from({ length: 14 }, (_, index) => `start=${10 + 2 * index}&end=340`);
    const responses = await Promise.all(sections.map((section) => trimmed(edge, section)));
    expect(responses.map(({ status }) => status)).toEqual(sections.map(() => 200));
    expect(jobs() - before).toBe(6);
    const bytes = edge.server.recipes.bytes;
    const same = await Promise.all(sections.map(() => trimmed(edge, "start=5&end=345")));
    expect(new Set(same.map(({ body }) => body.toString("latin1"))).size).toBe(1);
    expect([jobs() - before, edge.server.recipes.bytes - bytes < MIB / 4]).toEqual([6, true]);
  });
});
