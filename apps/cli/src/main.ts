#!/usr/bin/env node
import { UsageError } from "./command.ts";
import { parseCommandLine } from "./commandLine.ts";
import { EXIT } from "./exitCodes.ts";
import { printError } from "./output.ts";

try {
  const { command, invocation } = parseCommandLine(process.argv.slice(2), process.env.BASALT_HOME);
  process.exitCode = await command.run(invocation);
} catch (error) {
  printError(error instanceof Error ? error.message : String(error));
  process.exitCode = error instanceof UsageError ? EXIT.usage : EXIT.failed;
}
