import { parseArgs } from "node:util";
import { type Command, type Invocation, UsageError } from "./command.ts";
import { COMMANDS, OPTION_NAMES, optionForm, usageOf } from "./commandTable.ts";
import { findHome } from "./home.ts";

const parseWords = (argv: readonly string[]) => {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        home: { type: "string" },
        json: { type: "boolean", default: false },
        foreground: { type: "boolean", default: false },
        full: { type: "boolean", default: false },
        follow: { type: "boolean", short: "f", default: false },
        lines: { type: "string", short: "n" },
        timeout: { type: "string" },
        age: { type: "string" },
        method: { type: "string", short: "X" },
        header: { type: "string", short: "H", multiple: true },
        listen: { type: "string" },
        client: { type: "string" },
        absolute: { type: "boolean", default: false },
        vhost: { type: "string" },
        watch: { type: "boolean", default: false },
        trace: { type: "string" },
        file: { type: "string" },
        seconds: { type: "string" },
        prefix: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
        version: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
};

const findCommand = (name: string): Command => {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) throw new UsageError(`There is no command '${name}'; 'basalt help' lists all.`);
  return command;
};

/** Throws UsageError. */
export const parseCommandLine = (
  argv: readonly string[],
  homeOfEnvironment: string | undefined,
): { readonly command: Command; readonly invocation: Invocation } => {
  const { values, positionals } = parseWords(argv);
  const {
    json,
    foreground,
    full,
    follow,
    lines,
    timeout,
    age,
    method,
    header,
    listen,
    client,
    absolute,
    vhost,
    watch,
    trace,
    file,
    seconds,
    prefix,
  } = values;
  const options = {
    json,
    foreground,
    full,
    follow,
    lines,
    timeout,
    age,
    method,
    header,
    listen,
    client,
    absolute,
    vhost,
    watch,
    trace,
    file,
    seconds,
    prefix,
  };
  const [name, ...words] = values.help ? ["help"] : values.version ? ["version"] : positionals;
  const command = findCommand(name ?? "help");
  const given = OPTION_NAMES.filter((option) => options[option] !== undefined && options[option] !== false);
  const foreign = command.name === "help" ? undefined : given.find((option) => !command.options.includes(option));
  if (foreign !== undefined || words.length !== command.words.length) {
    const reason = foreign === undefined ? "" : `${command.name} does not take ${optionForm(foreign)}. `;
    throw new UsageError(`${reason}Usage: basalt ${usageOf(command)}`);
  }
  return { command, invocation: { home: findHome(values.home, homeOfEnvironment), options, words } };
};
