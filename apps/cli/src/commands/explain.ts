import { type Command, UsageError } from "../command.ts";
import { callControl } from "../controlClient.ts";
import { EXIT } from "../exitCodes.ts";
import { parseExplanation } from "../explanation.ts";
import { formatExplanation } from "../explanationText.ts";
import { print, printError, printJson } from "../output.ts";
import { isDone, reportFailure } from "./outcome.ts";

/** The management API takes request lines up to 64 KB. */
const MAX_QUERY_LENGTH = 60_000;

const queryOf = (url: string, options: Parameters<Command["run"]>[0]["options"]): string => {
  const parameters: string[] = [`url=${encodeURIComponent(url)}`];
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined) parameters.push(`${name}=${encodeURIComponent(value)}`);
  };
  add("method", options.method);
  for (const header of options.header ?? []) {
    if (!/^[^:\s]+:/.test(header))
      throw new UsageError(`-H ${JSON.stringify(header)} is not of the form 'Name: value'.`);
    add("header", header);
  }
  add("listen", options.listen);
  add("client", options.client);
  if (options.absolute) add("absolute", "1");
  const query = parameters.join("&");
  if (query.length > MAX_QUERY_LENGTH) {
    throw new UsageError(`URL and headers are together longer than ${MAX_QUERY_LENGTH} characters.`);
  }
  return query;
};

const canColour = (): boolean =>
  process.stdout.isTTY === true && (process.env.NO_COLOR ?? "") === "" && process.env.TERM !== "dumb";

export const explain: Command = {
  name: "explain",
  words: ["URL"],
  options: ["method", "header", "listen", "client", "absolute", "json"],
  doc: "Shows every decision for a request and the line that caused it; changes nothing. -H may be repeated.",
  run: async ({ home, options, words }) => {
    const outcome = await callControl(home, `/command/explain?${queryOf(words[0] ?? "", options)}`);
    if (outcome.kind === "answered" && outcome.httpStatus === 400) {
      reportFailure(home, outcome);
      return EXIT.usage;
    }
    if (outcome.kind !== "answered" || !isDone(outcome)) return reportFailure(home, outcome);
    if (options.json) {
      printJson(outcome.envelope.result);
      return EXIT.done;
    }
    const explanation = parseExplanation(outcome.envelope.result);
    if (explanation === undefined) {
      printError("The explanation could not be read; the instance may be of another version.");
      return EXIT.failed;
    }
    print(formatExplanation(explanation, canColour()));
    return EXIT.done;
  },
};
