import { describe, expect, it } from "vitest";
import type { ObjectAnswer } from "../src/contract.ts";
import { errnoOf, failureOf, seenOf } from "../src/outcome.ts";
import { ERRNO } from "../src/protocol/words.ts";
import { answerWith, SETTINGS } from "./fakeSource.ts";

const statusOf = (changes: Partial<ObjectAnswer>, stage: "file" | "data" = "file") =>
  failureOf(answerWith(changes), stage);

describe("what a path is", () => {
  it("FS-07 FS-08 a file, with the time that is wanted", () => {
    const times = { lastModifiedMs: 5000, storedAtMs: 9000 };
    expect(seenOf(answerWith(times))).toMatchObject({ kind: "file", bytes: 10, modifiedMs: 5000 });
    expect(seenOf(answerWith({ lastModifiedMs: undefined }))).toMatchObject({ modifiedMs: 0 });
    const settings = { ...SETTINGS, fileTime: "Local" as const };
    expect(seenOf(answerWith({ ...times, settings }))).toMatchObject({ modifiedMs: 9000 });
  });

  it("FS-09 FS-10 a folder, or nothing", () => {
    for (const status of SETTINGS.dirStatus) expect(seenOf(answerWith({ status })).kind).toBe("folder");
    for (const status of [404, 500, 206]) {
      expect(seenOf(answerWith({ status }))).toMatchObject({ kind: "failed", errno: ERRNO.ENOENT });
    }
    const settings = { ...SETTINGS, fileStatus: [404], dirStatus: [] };
    expect(seenOf(answerWith({ status: 404, settings })).kind).toBe("file");
    expect(seenOf(answerWith({ status: 200, settings })).kind).toBe("folder");
  });

  it("FS-43 what fails has a status of its own", () => {
    expect(statusOf({ result: "TCP_DENIED", status: 403 })).toBe("refused");
    expect(statusOf({ settings: undefined })).toBe("unknownVhost");
    expect(statusOf({ isBypassed: true })).toBe("bypassNeeded");
    expect(statusOf({ result: "TCP_REDIRECT_HIT", status: 302 })).toBe("redirectNeeded");
    expect(statusOf({ errorCode: "VHOST_UNKNOWN" })).toBe("unknownVhost");
    expect(statusOf({ errorCode: "REQUEST_TARGET_TOO_LONG" })).toBe("badRequest");
    expect(statusOf({ errorCode: "MEMORY_SHORT" })).toBe("emergency");
    expect(statusOf({ errorCode: "ORIGIN_CONNECT_FAILED" })).toBe("originFailed");
    expect(statusOf({ errorCode: "ORIGIN_CONNECT_FAILED" }, "data")).toBe("sessionFailed");
    expect(statusOf({ errorCode: "ORIGIN_RECEIVE_TIMEOUT" })).toBe("fileTimeout");
    expect(statusOf({ errorCode: "ORIGIN_RECEIVE_TIMEOUT" }, "data")).toBe("dataTimeout");
    expect(statusOf({ errorCode: "STORE_UNAVAILABLE" })).toBe("objectFailed");
    expect(statusOf({ errorCode: "STORE_UNAVAILABLE" }, "data")).toBe("regionFailed");
    expect(statusOf({ errorCode: "SHUTTING_DOWN" })).toBe("openFailed");
    expect(statusOf({})).toBeUndefined();
    expect(seenOf(answerWith({ bytes: undefined }))).toMatchObject({ kind: "failed", status: "objectFailed" });
  });

  it("FS-43 and an error number", () => {
    const numbers = (
      ["refused", "badRequest", "unknownVhost", "fileTimeout", "dataTimeout", "regionFailed"] as const
    ).map(errnoOf);
    const { EACCES, ENOENT, ETIMEDOUT, EIO } = ERRNO;
    expect(numbers).toEqual([EACCES, ENOENT, ENOENT, ETIMEDOUT, ETIMEDOUT, EIO]);
  });
});
