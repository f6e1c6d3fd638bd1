import { succeed } from "../answer.ts";
import type { Route } from "../route.ts";

/** AWS-75. */
export const ALARM_ROUTES: readonly Route[] = [
  {
    path: "/monitoring/alarms",
    methods: ["GET", "HEAD"],
    role: "User",
    channel: "any",
    doc: "The alarms of the configuration, each with its state: OK, ALARM or INSUFFICIENT_DATA.",
    handle: (_call, { control }) => succeed("alarms", { alarms: control.alarms().map((alarm) => ({ ...alarm })) }),
  },
];
