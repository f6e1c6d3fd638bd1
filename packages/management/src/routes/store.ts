import { type Answer, fail, succeed } from "../answer.ts";
import { CONFIRMATION, CONFIRMATION_KEY, confirmationPage, isConfirmed } from "../confirmation.ts";
import { parametersOf, parseWhole } from "../query.ts";
import type { Call, Route, RouteContext, RouteParameter } from "../route.ts";

/** As the limit of `<Age>`. */
const MAX_AGE_DAYS = 1_000_000;

const cleanup = async (call: Call, { control, log }: RouteContext): Promise<Answer> => {
  const ageText = parametersOf(call).get("age");
  const ageDays = ageText === null ? undefined : parseWhole(ageText, 0, MAX_AGE_DAYS);
  if (ageText !== null && ageDays === undefined) {
    return fail("cleanup", 400, `The parameter age must be a whole number of days, 0 to ${MAX_AGE_DAYS}.`);
  }
  const { objects, bytes, segments, folders, elapsedMs } = await control.cleanup(ageDays);
  log.notice(`cleanup: ${objects} objects, ${bytes} bytes, ${segments} segments, ${folders} folders removed.`);
  return succeed("cleanup", {
    Count: objects,
    Size: bytes,
    Segments: segments,
    Folders: folders,
    Time: Math.round(elapsedMs),
  });
};

const changeDisk = async (call: Call, verb: "mount" | "unmount", { control, log }: RouteContext): Promise<Answer> => {
  const disk = parametersOf(call).get("disk");
  if (disk === null || disk === "") return fail(verb, 400, "The parameter disk is missing.");
  const outcome = await control[verb](disk);
  switch (outcome.kind) {
    case "done":
      log.notice(`${verb} of ${disk} by the management API.`);
      return succeed(verb, disk);
    case "unknownDisk":
      return fail(verb, 400, "No disk is configured with this path.");
    case "failed":
      log.error(`${verb} of ${disk} failed: ${outcome.reason}`);
      return fail(verb, 500, outcome.reason);
  }
};

/** The virtual host behind `/reset/`; undefined when the path cannot be decoded. */
const hostNameOf = (path: string): string | undefined => {
  try {
    return decodeURIComponent(path.slice("/reset/".length));
  } catch {
    return undefined;
  }
};

const reset = async ({ path }: Call, { control, log }: RouteContext): Promise<Answer> => {
  if (path === "/reset") {
    await control.clearCache();
    log.notice("The cache was cleared by the command line.");
    return succeed("reset", "cleared");
  }
  const name = hostNameOf(path);
  if (name === undefined || !(await control.clearVhost(name))) {
    return fail("reset", 400, "No virtual host has this name.");
  }
  log.notice(`The cache of ${name} was cleared by the command line.`);
  return succeed("reset", name);
};

const common = { methods: ["GET", "POST"], role: "Admin", channel: "any", changes: true } as const;

const DISK: RouteParameter = { name: "disk", doc: "Path of the disk, as it is configured.", isRequired: true };

const DISK_ANSWERS = { 400: "No disk is configured with this path.", 500: "It did not work; the result tells why." };

/** Upkeep of what is stored. */
export const STORE_ROUTES: readonly Route[] = [
  {
    ...common,
    path: "/command/cleanup",
    doc: "Runs the cleanup now; with age={days} it removes what was not accessed for that long.",
    parameters: [{ name: "age", doc: "Days; 0 cleans up only where space is short.", kind: "whole" }],
    answers: { 400: "The age is no whole number of days." },
    handle: cleanup,
  },
  {
    ...common,
    path: "/command/mount",
    doc: "Takes a disk in use again, without its content: disk={path}",
    parameters: [DISK],
    answers: DISK_ANSWERS,
    handle: (call, context) => changeDisk(call, "mount", context),
  },
  {
    ...common,
    path: "/command/unmount",
    aliases: ["/command/umount"],
    doc: "Takes a disk out of use; its content is gone: disk={path}",
    parameters: [DISK],
    answers: DISK_ANSWERS,
    handle: (call, context) => changeDisk(call, "unmount", context),
  },
  {
    ...common,
    path: "/command/cacheclear",
    doc: `Deletes everything that is stored: key=${CONFIRMATION_KEY}`,
    parameters: [CONFIRMATION],
    handle: async (call, { control, log }) => {
      if (!isConfirmed(parametersOf(call))) {
        return confirmationPage("/command/cacheclear", "", "Delete everything that is stored?");
      }
      await control.clearCache();
      log.notice("The cache was cleared by the management API.");
      return succeed("cacheclear", "cleared");
    },
  },
  {
    ...common,
    path: "/reset",
    takesPathsBelow: true,
    channel: "socket",
    doc: "Deletes what is stored, with /reset/{virtual host} of that host only.",
    handle: reset,
  },
];
