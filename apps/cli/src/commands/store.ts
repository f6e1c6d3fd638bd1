import { type Command, parseWholeNumber } from "../command.ts";
import { callControl } from "../controlClient.ts";
import { parseCleanupResult } from "../envelope.ts";
import { EXIT } from "../exitCodes.ts";
import { formatBytes, formatQuantity, print, printJson } from "../output.ts";
import { isDone, reportFailure } from "./outcome.ts";

/** Cleanup works gradually, so that service does not suffer. */
const CLEANUP_TIMEOUT_MS = 12 * 3_600_000;
const DISK_TIMEOUT_MS = 120_000;

const MAX_AGE_DAYS = 1_000_000;

export const cleanup: Command = {
  name: "cleanup",
  words: [],
  options: ["age", "json"],
  doc: "Cleans the disks now; with --age removes what was not accessed for that many days.",
  run: async ({ home, options }) => {
    const age = options.age === undefined ? undefined : parseWholeNumber(options.age, "--age", 0, MAX_AGE_DAYS);
    const path = age === undefined ? "/command/cleanup" : `/command/cleanup?age=${age}`;
    const outcome = await callControl(home, path, CLEANUP_TIMEOUT_MS);
    if (outcome.kind !== "answered" || !isDone(outcome)) return reportFailure(home, outcome);
    if (options.json) {
      printJson(outcome.envelope);
      return EXIT.done;
    }
    const { objects, bytes, segments, folders } = parseCleanupResult(outcome.envelope.result);
    print(
      `Removed ${formatQuantity(objects, "object")} (${formatBytes(bytes)}), ` +
        `${formatQuantity(segments, "segment")}, ${formatQuantity(folders, "folder")}.`,
    );
    return EXIT.done;
  },
};

const diskCommand = (name: "mount" | "unmount", doc: string, done: (disk: string) => string): Command => ({
  name,
  words: ["DISK"],
  options: [],
  doc,
  run: async ({ home, words }) => {
    const disk = words[0] ?? "";
    const outcome = await callControl(home, `/command/${name}?disk=${encodeURIComponent(disk)}`, DISK_TIMEOUT_MS);
    if (!isDone(outcome)) return reportFailure(home, outcome);
    print(done(disk));
    return EXIT.done;
  },
});

export const mount = diskCommand(
  "mount",
  "Takes a disk (its path as configured) in use again, empty.",
  (disk) => `${disk} is in use.`,
);

export const unmount = diskCommand(
  "unmount",
  "Takes a disk out of use; what is stored on it is gone at once.",
  (disk) => `${disk} is out of use.`,
);
