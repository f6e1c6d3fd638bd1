import { parseConfig } from "@basalt/config";
import type { LogQuestion } from "@basalt/telemetry/log-query";
import { describe, expect, it } from "vitest";
import type { QueryOutcome } from "../src/logs/logHostProtocol.ts";
import { queryLogs } from "../src/logs/queryLogs.ts";

const host = (name: string, log: string): string =>
  `<Vhost Name="${name}"><Origin><Address>10.0.0.1</Address></Origin><Log Dir="/logs">${log}</Log></Vhost>`;

const CONFIG = (() => {
  const vhosts = `<Vhosts>${host("a.test", '<Access Form="json">ON</Access>')}${host("b.test", "")}</Vhosts>`;
  const sources = new Map([
    ["server.xml", "<Server/>"],
    ["vhosts.xml", vhosts],
  ]);
  const outcome = parseConfig(sources, { home: "/h", generation: 1, cores: 1, hostName: "edge" });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return outcome.config;
})();

const ANSWER: QueryOutcome = {
  kind: "answer",
  report: { columns: [], rows: [], recordsMatched: 0, recordsScanned: 0, bytesScanned: 0, files: 0, unreadable: [] },
};

const ask = async (log: "access" | "origin" | "info" | "deny", vhost: string | undefined) => {
  const asked: LogQuestion[] = [];
  const run = async (question: LogQuestion) => {
    asked.push(question);
    return ANSWER;
  };
  const answer = await queryLogs({ log, vhost, query: "q", fromMs: 1, toMs: 2 }, CONFIG, "/h", { run });
  return { answer, sources: asked[0]?.sources };
};

describe("where a query over logs looks", () => {
  it.each([
    ["access", "a.test", [{ vhost: "a.test", kind: "access", folder: "/logs/a.test", form: "json" }]],
    ["origin", "b.test", [{ vhost: "b.test", kind: "origin", folder: "/logs/b.test", form: "" }]],
    ["deny", undefined, [{ vhost: "", kind: "deny", folder: "/h/log", form: "" }]],
    ["info", undefined, [{ vhost: "", kind: "info", folder: "/h/log", form: "", currentFile: "info.log" }]],
  ] as const)("AWS-88 the %s log of %s", async (log, vhost, sources) => {
    expect((await ask(log, vhost)).sources).toEqual(sources);
  });

  it("AWS-88 the logs of all hosts, those of no host too", async () => {
    const { answer, sources } = await ask("access", undefined);
    expect(answer).toEqual(ANSWER);
    expect(sources?.map(({ vhost }) => vhost)).toEqual(["*unknown", "a.test", "b.test"]);
  });

  it("says when others are under way", async () => {
    const run = async () => undefined;
    const question = { log: "access", vhost: undefined, query: "", fromMs: undefined, toMs: undefined } as const;
    expect(await queryLogs(question, CONFIG, "/h", { run })).toEqual({ kind: "busy" });
  });
});
