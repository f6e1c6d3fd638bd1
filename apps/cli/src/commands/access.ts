import { randomBytes, scryptSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { type Command, parseWholeNumber, UsageError } from "../command.ts";
import { callControl } from "../controlClient.ts";
import { EXIT } from "../exitCodes.ts";
import { print } from "../output.ts";
import { isDone, reportFailure } from "./outcome.ts";

const LONGEST_SECONDS = 3_650 * 86_400;

export const sign: Command = {
  name: "sign",
  words: ["URL"],
  options: ["seconds", "prefix"],
  doc: "Signs a URL of a virtual host with SignedUrls, for an hour or --seconds; with --prefix for all paths below it.",
  run: async ({ home, words, options }) => {
    const seconds = parseWholeNumber(options.seconds ?? "3600", "SECONDS", 1, LONGEST_SECONDS);
    const query = new URLSearchParams({ url: words[0] ?? "", seconds: String(seconds) });
    if (options.prefix !== undefined) query.set("prefix", options.prefix);
    const outcome = await callControl(home, `/control/sign?${query}`);
    if (outcome.kind !== "answered" || !isDone(outcome)) return reportFailure(home, outcome);
    const { result } = outcome.envelope;
    print(typeof result === "string" ? result : JSON.stringify(result));
    return EXIT.done;
  },
};

/** 32 MB and some tens of milliseconds for each check. */
const COST_LOG2 = 15;
const BLOCK_SIZE = 8;
const PARALLELIZATION = 1;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

const withoutPadding = (bytes: Buffer): string => bytes.toString("base64").replace(/=+$/, "");

/** A line of users.txt. */
export const passwordLine = (user: string, password: string, salt = randomBytes(SALT_BYTES)): string => {
  const cost = 2 ** COST_LOG2;
  const maxmem = 256 * BLOCK_SIZE * cost;
  const hash = scryptSync(password, salt, HASH_BYTES, { N: cost, r: BLOCK_SIZE, p: PARALLELIZATION, maxmem });
  const parameters = `ln=${COST_LOG2},r=${BLOCK_SIZE},p=${PARALLELIZATION}`;
  return `${user}:$scrypt$${parameters}$${withoutPadding(salt)}$${withoutPadding(hash)}`;
};

export const htpasswd: Command = {
  name: "htpasswd",
  words: ["NAME"],
  options: [],
  doc: "Reads a password from the standard input and prints its line for users.txt.",
  run: ({ words }) => {
    const [user = ""] = words;
    if (user === "" || user.includes(":")) throw new UsageError("NAME must not be empty, nor hold a colon.");
    const password = readFileSync(0, "utf8").replace(/\r?\n$/, "");
    if (password === "") throw new UsageError("The password is empty.");
    print(passwordLine(user, password));
    return Promise.resolve(EXIT.done);
  },
};
