import { spawnSync } from "node:child_process";
import { print } from "../../infra/lib/print.ts";
import { connectAsker } from "../../infra/lib/rawAsker.ts";
import { runCheck } from "./check.ts";

if (spawnSync("promtool", ["--version"]).status !== 0) {
  print("skipped: promtool is not installed (Debian's prometheus package)");
  process.exit(0);
}

await runCheck({ workers: 2 }, async ({ port, managerPort, expect }) => {
  const asker = await connectAsker(port);
  for (const path of ["/bytes/1024/a", "/bytes/1024/a", "/bytes/65536/b"]) await asker.ask(path);
  asker.close();
  const answer = await fetch(`http://127.0.0.1:${managerPort}/metrics`);
  const text = await answer.text();
  const verdict = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
  expect(answer.status === 200, `/metrics answers ${answer.status} with ${text.split("\n").length} lines`);
  expect(
    verdict.status === 0,
    `promtool check metrics: ${`${verdict.stdout}${verdict.stderr}`.trim() || "no complaint"}`,
  );
});
