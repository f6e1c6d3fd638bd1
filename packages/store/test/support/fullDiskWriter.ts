/**
 * Run as a process whose files may not grow for ever: puts rows until the index refuses, and tells on standard output
 * how many it holds then and how often it complained of errors.
 */
import { systemClock } from "@basalt/types";
import { openDiskIndexReader } from "../../src/diskIndex/reader.ts";
import { openDiskIndexWriter } from "../../src/diskIndex/writer.ts";
import { sampleRow } from "./samples.ts";

const [path = ""] = process.argv.slice(2);
let errors = 0;
const index = openDiskIndexWriter(path, {
  clock: systemClock,
  onProblem: ({ severity }) => {
    if (severity === "error") errors += 1;
  },
});
const urlOf = (number: number): string => `/${number}/${"long".repeat(200)}`;
let written = 0;
let refused = false;
for (let number = 0; number < 40_000 && !refused; number += 100) {
  for (let row = number; row < number + 100; row += 1) index.put(sampleRow({ url: urlOf(row) }));
  await index.flush().then(
    () => {
      written = number + 100;
    },
    () => {
      refused = true;
    },
  );
}
await index.flush().catch(() => undefined);
const reader = openDiskIndexReader(path);
for (let number = 0; number < written; number += 97) {
  if (reader.find(sampleRow({ url: urlOf(number) }).key) === undefined) written = -1;
}
reader.close();
index.close();
process.stdout.write(JSON.stringify({ written, refused, errors }));
