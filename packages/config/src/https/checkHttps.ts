import type { Problem } from "@basalt/types";
import type { EdgeConfig } from "../contract.ts";
import { wholeFile } from "../problems.ts";
import { SERVER_FILE } from "../serverPlaces.ts";
import { describeHttpsEntry, loadHttpsEntry } from "./loadHttpsEntry.ts";

/** Warnings of the files that `<Https>` entries name: entries with bad ones are left out, and the rest is served. */
export const checkHttps = async (config: EdgeConfig, nowMs: number): Promise<readonly Problem[]> => {
  const problems: Problem[] = [];
  const place = { ...wholeFile(SERVER_FILE), element: "Server/Https" };
  for (const entry of config.server.https) {
    const outcome = await loadHttpsEntry(entry, nowMs);
    const found = outcome.ok ? outcome.loaded.warnings : [`it is left out: ${outcome.reason}`];
    for (const text of found) {
      problems.push({ severity: "warning", ...place, message: `${describeHttpsEntry(entry)}: ${text}.` });
    }
  }
  return problems;
};
