import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { InvalidationJob } from "../src/contract.ts";
import { openScene, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const VERBS = ["purge", "expire", "expireafter", "hardpurge"] as const;
const JOB = { id: "I0GQ8ABCDEF1", state: "InProgress" } as const;
const DONE = { kind: "done", count: 24, bytes: 3_747_491, elapsedMs: 12, status: 200, job: JOB } as const;

describe("calls that are jobs", () => {
  it.each(VERBS)("AWS-53 PRG-17 %s names its job behind the fields of the guide", async (verb) => {
    scene.control.purgeOutcome = DONE;
    const { text } = await scene.ask(`/command/${verb}?url=www.example.com/a.jpg`);
    expect(text).toBe(
      `{"version":"2.5.16","method":"${verb}","status":"OK","result":{"Count":24,"Size":3747491,"Time":12},` +
        `"invalidation":{"id":"I0GQ8ABCDEF1","state":"InProgress"}}`,
    );
  });

  it("AWS-53 the method PURGE names its job too", async () => {
    scene.control.purgeOutcome = DONE;
    const reply = await scene.raw("PURGE /a HTTP/1.1\r\nHost: a.com\r\nConnection: close\r\n\r\n");
    expect(reply).toContain('"invalidation":{"id":"I0GQ8ABCDEF1","state":"InProgress"}');
  });

  it.each(["ref=deploy%2017&url=a.com/x?ref=2", "tag=a&ref=deploy%2017"])(
    "AWS-53 takes a reference from %s, as query and as form",
    async (query) => {
      await scene.ask(`/command/purge?${query}`);
      await scene.ask("/command/purge", { method: "POST", body: `${query}\r\n` });
      expect(scene.control.purges).toMatchObject([{ reference: "deploy 17" }, { reference: "deploy 17" }]);
    },
  );

  it("AWS-53 a ref within the URL belongs to the URL", async () => {
    await scene.ask("/command/purge?url=a.com/x?a=1&ref=r");
    expect(scene.control.purges).toEqual([{ verb: "purge", targets: "a.com/x?a=1&ref=r", seconds: 86_400 }]);
  });

  it.each(["", "%00", "%0A", "%C3%BC", "x".repeat(129)])(
    "AWS-53 the reference %j is refused: 400",
    async (reference) => {
      expect((await scene.ask(`/command/purge?ref=${reference}&url=a.com/x`)).status).toBe(400);
      expect(scene.control.purges).toEqual([]);
    },
  );

  it("AWS-53 a repetition answers as the first call did, and is no change to audit", async () => {
    scene.control.purgeOutcome = DONE;
    const first = await scene.ask("/command/purge?ref=r&url=a.com/x");
    expect([scene.audited.length, scene.logged.length]).toEqual([1, 1]);
    scene.control.purgeOutcome = { ...DONE, isRepetition: true };
    const second = await scene.ask("/command/purge?ref=r&url=a.com/x");
    expect([second.status, second.text]).toEqual([200, first.text]);
    expect([scene.audited.length, scene.logged.length]).toEqual([1, 1]);
  });

  it("AWS-53 the same reference with another body is refused: 409", async () => {
    scene.control.purgeOutcome = { kind: "conflict" };
    const { status, text } = await scene.ask("/command/purge?ref=r&url=a.com/y");
    expect([status, JSON.parse(text)]).toMatchObject([
      409,
      { status: "Fail", result: "InvalidationBatchAlreadyExists" },
    ]);
  });
});

describe("/monitoring/invalidations", () => {
  const done: InvalidationJob = {
    id: "I0GQ8ABCDEF1",
    state: "Completed",
    createdMs: Date.UTC(2020, 0, 1),
    verb: "purge",
    targets: "a.com/x",
    reference: "r",
    result: { count: 1, bytes: 2, elapsedMs: 3.2 },
  };
  const running: InvalidationJob = {
    ...done,
    id: "I0GQ8ABCDEF2",
    state: "InProgress",
    reference: undefined,
    result: undefined,
  };
  const doneJson = {
    Id: "I0GQ8ABCDEF1",
    State: "Completed",
    Created: "2020-01-01T00:00:00.000Z",
    Method: "purge",
    Targets: "a.com/x",
    Ref: "r",
    Count: 1,
    Size: 2,
    Time: 3,
  };

  beforeEach(() => {
    scene.control.jobs = [running, done];
  });

  const ask = async (query = "") => {
    const { status, text } = await scene.ask(`/monitoring/invalidations${query}`);
    return { status, ...JSON.parse(text) };
  };

  it("AWS-53 lists jobs as they come, and names the marker of the next page", async () => {
    const { Ref: _ref, Count: _count, Size: _size, Time: _time, ...runningJson } = doneJson;
    const list = [{ ...runningJson, Id: "I0GQ8ABCDEF2", State: "InProgress" }, doneJson];
    expect(await ask()).toMatchObject({ status: "OK", method: "invalidations" });
    expect((await ask()).result).toEqual({ Invalidations: list });
    scene.control.nextMarker = done.id;
    expect((await ask("?marker=I0GQ8ABCDEF3&limit=2")).result).toEqual({ Invalidations: list, NextMarker: done.id });
    expect(scene.control.jobQuestions).toEqual([
      { marker: undefined, limit: 100 },
      { marker: undefined, limit: 100 },
      { marker: "I0GQ8ABCDEF3", limit: 2 },
    ]);
  });

  it("AWS-53 gets one job by its id", async () => {
    expect((await ask(`?id=${done.id}`)).result).toEqual(doneJson);
    const { status, text } = await scene.ask("/monitoring/invalidations.xml?id=I0");
    expect([status, text]).toMatchObject([404, expect.stringContaining("<status>Fail</status>")]);
  });

  it.each(["limit=0", "limit=1001", "limit=x", "marker=", "marker=..%2F", "id=", "id=%00"])(
    "AWS-53 refuses %s: 400",
    async (query) => {
      expect((await scene.ask(`/monitoring/invalidations?${query}`)).status).toBe(400);
      expect(scene.control.jobQuestions).toEqual([]);
    },
  );
});
