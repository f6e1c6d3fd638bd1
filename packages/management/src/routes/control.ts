import { fail, type JsonValue, succeed } from "../answer.ts";
import type { Control } from "../contract.ts";
import { parsePositive } from "../query.ts";
import type { Route } from "../route.ts";

const MAX_WORKERS = 1024;

const statusResult = (control: Control): JsonValue => {
  const { workers, transform, disks, ...rest } = control.status();
  return {
    ...rest,
    workers: workers.map((worker) => ({ ...worker })),
    transform: { ...transform },
    disks: disks.map((disk) => ({ ...disk })),
  };
};

/** What only the command line on the same host may ask; `/control/clock` exists in test mode only. */
export const controlRoutes = (control: Control): readonly Route[] => {
  const common = { methods: ["GET", "POST"], role: "Admin", channel: "socket", changes: true } as const;
  const { advanceClock } = control;
  const clockRoute: Route = {
    ...common,
    path: "/control/clock",
    doc: "Moves the clock of every process forward: advance={milliseconds}",
    handle: async ({ query }) => {
      const advanceMs = parsePositive(new URLSearchParams(query).get("advance") ?? "", Number.MAX_SAFE_INTEGER);
      if (advanceMs === undefined) return fail("clock", 400, "The parameter advance must be a whole number above 0.");
      await advanceClock?.call(control, advanceMs);
      return succeed("clock", advanceMs);
    },
  };
  return [
    {
      ...common,
      path: "/control/status",
      changes: false,
      doc: "Processes, objects, disks and listeners.",
      handle: () => succeed("status", statusResult(control)),
    },
    {
      ...common,
      path: "/control/scale",
      doc: "Changes the number of workers: workers={n}",
      handle: async ({ query }) => {
        const workers = parsePositive(new URLSearchParams(query).get("workers") ?? "", MAX_WORKERS);
        if (workers === undefined) return fail("scale", 400, `The parameter workers must be 1 to ${MAX_WORKERS}.`);
        await control.scale(workers);
        return succeed("scale", workers);
      },
    },
    {
      ...common,
      path: "/control/restart",
      doc: "Restarts and answers when done (rolling) or at once (full): how=rolling|full",
      handle: async ({ query }) => {
        const how = new URLSearchParams(query).get("how") ?? "rolling";
        if (how !== "rolling" && how !== "full")
          return fail("restart", 400, "The parameter how must be rolling or full.");
        await control.restart(how);
        return succeed("restart", how);
      },
    },
    {
      ...common,
      path: "/control/stop",
      doc: "Stops the server.",
      handle: () => ({ ...succeed("stop", "stopping"), afterwards: () => control.terminate() }),
    },
    ...(advanceClock === undefined ? [] : [clockRoute]),
  ];
};
