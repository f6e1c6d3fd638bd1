import { readFileSync } from "node:fs";
import { print } from "../../infra/lib/print.ts";
import { describeRun } from "../lib/testReport.ts";

const [path = "coverage/vitest.json"] = process.argv.slice(2);
for (const paragraph of describeRun(JSON.parse(readFileSync(path, "utf8")))) print(paragraph);
