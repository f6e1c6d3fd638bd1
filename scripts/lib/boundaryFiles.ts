import type { Escape } from "./sourceFacts.ts";

/**
 * The only files that may go round the type checker, each with its reason: they turn what another program or
 * library hands over (XML, SQLite rows, messages) into checked values, or make the branded units.
 * An entry that is no longer needed fails the check.
 */
export interface BoundaryFile {
  readonly path: string;
  readonly may: readonly Escape[];
  readonly because: string;
}

export const BOUNDARY_FILES: readonly BoundaryFile[] = [
  { path: "packages/types/src/units.ts", may: ["cast"], because: "the constructors of the branded units" },
  { path: "packages/config/src/xml/parseXml.ts", may: ["cast"], because: "xml2js: its parser's events and its result" },
  {
    path: "packages/config/src/options/walkTable.ts",
    may: ["cast"],
    because: "option tables are walked as data; their static type says what the walk yields",
  },
  {
    path: "packages/config/src/options/blockMemo.ts",
    may: ["cast"],
    because: "settings of any table are kept by what they were made of; the casts give back the type that went in",
  },
  {
    path: "packages/filesystem/src/device/runtime.ts",
    may: ["cast"],
    because: "a handle of the runtime that polls /dev/fuse, which has no public type",
  },
  {
    path: "packages/ipc/src/channel.ts",
    may: ["cast"],
    because: "messages of our own processes, typed by the protocol",
  },
  { path: "packages/ipc/src/processPort.ts", may: ["cast"], because: "socket handles that a process channel carries" },
  {
    path: "packages/server/src/driver/listeningSocket.ts",
    may: ["cast"],
    because: "listening sockets by a function of node:net that has no public type",
  },
  {
    path: "packages/server/src/driver/runtime.ts",
    may: ["cast"],
    because: "the runtime's shared read buffer, which has no public type",
  },
];
