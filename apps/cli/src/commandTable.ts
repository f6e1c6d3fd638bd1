import type { Command, CommandOptions } from "./command.ts";
import { htpasswd, sign } from "./commands/access.ts";
import { check } from "./commands/check.ts";
import { explain } from "./commands/explain.ts";
import { logs, status, version } from "./commands/inspect.ts";
import { api, reload, restart, scale } from "./commands/operate.ts";
import { origin, resetorigin } from "./commands/origin.ts";
import { start } from "./commands/start.ts";
import { stop } from "./commands/stop.ts";
import { cleanup, mount, unmount } from "./commands/store.ts";
import { top } from "./commands/top.ts";
import { EXIT, EXIT_DOCS } from "./exitCodes.ts";
import { formatTable, print } from "./output.ts";

const OPTION_FORMS: Readonly<Record<keyof CommandOptions, string>> = {
  json: "--json",
  foreground: "--foreground",
  full: "--full",
  follow: "-f",
  lines: "-n N",
  timeout: "--timeout SECONDS",
  age: "--age DAYS",
  method: "-X METHOD",
  header: "-H 'Name: value'",
  listen: "--listen IP:PORT",
  client: "--client IP",
  absolute: "--absolute",
  vhost: "--vhost NAME",
  watch: "--watch",
  trace: "--trace LOG",
  file: "--file PATH",
  seconds: "--seconds SECONDS",
  prefix: "--prefix PATH",
};

export const OPTION_NAMES: readonly (keyof CommandOptions)[] = [
  "json",
  "foreground",
  "full",
  "follow",
  "lines",
  "timeout",
  "age",
  "method",
  "header",
  "listen",
  "client",
  "absolute",
  "vhost",
  "watch",
  "trace",
  "file",
  "seconds",
  "prefix",
];

export const optionForm = (option: keyof CommandOptions): string => OPTION_FORMS[option];

export const usageOf = ({ name, words, options }: Command): string =>
  [name, ...words, ...options.map((option) => `[${optionForm(option)}]`)].join(" ");

const help: Command = {
  name: "help",
  words: [],
  options: [],
  doc: "Shows this page.",
  run: () => {
    print(helpPage());
    return Promise.resolve(EXIT.done);
  },
};

export const COMMANDS: readonly Command[] = [
  start,
  stop,
  restart,
  reload,
  status,
  top,
  logs,
  scale,
  cleanup,
  mount,
  unmount,
  check,
  explain,
  origin,
  resetorigin,
  sign,
  htpasswd,
  api,
  version,
  help,
];

const helpPage = (): string =>
  [
    "Usage: basalt COMMAND [--home DIR]",
    "",
    "Commands",
    formatTable(COMMANDS.map((command) => [`  ${usageOf(command)}`, command.doc])),
    "",
    "The home folder is that of --home, else of the environment variable BASALT_HOME, else /usr/local/basalt.",
    "",
    "Exit codes",
    formatTable(EXIT_DOCS.map(([code, doc]) => [`  ${code}`, doc])),
  ].join("\n");
