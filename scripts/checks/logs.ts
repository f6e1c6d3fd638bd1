import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { writeRigHome } from "../../infra/lib/edge.ts";
import { print } from "../../infra/lib/print.ts";
import { connectAsker } from "../../infra/lib/rawAsker.ts";
import { runCheck, type Scene } from "./check.ts";
import { type AccessForm, FORMS, goaccess } from "./logForms.ts";

const WORKERS = 4;
const REQUESTS = 100_000;
const CONNECTIONS = 64;
const ROTATIONS = 50;
/** Each of them longer than a file may become. */
const BATCHES = 60;
/** A file that has become too long is noticed within this time. */
const ROTATION_MS = 300;
/** So long that the lines of all requests fill more than fifty files of a megabyte. */
const FILLER = "x".repeat(864);
const RETENTION = 1_000;
/** All requests are for one object. */
const OPTIONS = "<ApplyQueryString>OFF</ApplyQueryString>";
const VHOST = "rig.example";
const LINES_LIMIT_MS = 30_000;
const FORM_REQUESTS = 500;

const accessXml = (attributes: string, format = ""): string =>
  `<Log><Access Local="ON" Retention="${RETENTION}" ${attributes}>ON</Access>${format}<Origin>OFF</Origin></Log>`;

const ROTATING = accessXml('Type="size" Unit="1" Compression="ON"');

const logFolder = ({ edge }: Scene): string => join(edge.home, "log", VHOST);

const accessFiles = async (scene: Scene): Promise<readonly string[]> =>
  (await readdir(logFolder(scene)).catch(() => [])).filter((name) => /^access_.*\.log(\.gz)?$/.test(name)).toSorted();

const textOf = async (scene: Scene, name: string): Promise<string> => {
  const bytes = await readFile(join(logFolder(scene), name));
  return (name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("latin1");
};

const isRecord = (line: string): boolean => !line.startsWith("#");

const linesOf = (text: string): readonly string[] => text.split("\n").filter((line) => line !== "");

/** Requests for numbered targets over all connections; the first part of each target is its number. */
async function askAll(scene: Scene, count: number, filler: string, from = 0): Promise<void> {
  const askers = await Promise.all(Array.from({ length: CONNECTIONS }, () => connectAsker(scene.port)));
  let next = from;
  await Promise.all(
    askers.map(async (asker) => {
      while (next < from + count) await asker.ask(`/bytes/100/a?${next++}-${filler}`);
    }),
  );
  for (const asker of askers) asker.close();
}

async function countEverything(scene: Scene): Promise<void> {
  const batch = Math.ceil(REQUESTS / BATCHES);
  for (let from = 0; from < REQUESTS; from += batch) {
    await askAll(scene, Math.min(batch, REQUESTS - from), FILLER, from);
    await delay(ROTATION_MS);
  }
  const deadline = Date.now() + LINES_LIMIT_MS;
  let lines: readonly string[] = [];
  let names: readonly string[] = [];
  let isSettled = false;
  do {
    await delay(500);
    names = await accessFiles(scene);
    lines = (await Promise.all(names.map((name) => textOf(scene, name).catch(() => "")))).flatMap(linesOf);
    isSettled = names.filter((name) => name.endsWith(".log")).length <= 1;
  } while (!(isSettled && lines.filter(isRecord).length >= REQUESTS) && Date.now() < deadline);
  const records = lines.filter(isRecord).map((line) => line.split(" "));
  const numbers = new Set(records.map((columns) => columns[5]?.split("-")[0]));
  const torn = records.filter((columns) => columns.length !== 20 || !columns[5]?.endsWith(FILLER));
  scene.expect(records.length === REQUESTS, `${records.length} lines of ${REQUESTS} requests`);
  scene.expect(numbers.size === REQUESTS, `${numbers.size} different ones`);
  scene.expect(torn.length === 0, `${torn.length} torn lines`);
  scene.expect(names.length > ROTATIONS, `${names.length - 1} rotations, ${WORKERS} workers`);
  scene.expect(isSettled, "every rotated file is compressed");
}

async function checkForm(scene: Scene, form: AccessForm): Promise<void> {
  const before = new Set(await accessFiles(scene));
  const { xml = "" } = form;
  await writeRigHome(scene.edge.home, {
    port: scene.port,
    managerPort: scene.managerPort,
    originPort: scene.origin.port,
    workers: WORKERS,
    optionsXml: OPTIONS,
    vhostXml: accessXml(`Form="${form.form}"`, xml),
  });
  const answer = await fetch(`http://127.0.0.1:${scene.managerPort}/conf/reload`);
  scene.expect(answer.status === 200, `reload to the form ${form.form} answers ${answer.status}`);
  await askAll(scene, FORM_REQUESTS, "y");
  const deadline = Date.now() + LINES_LIMIT_MS;
  let fresh: string | undefined;
  let lines: readonly string[] = [];
  do {
    await delay(200);
    // The file of the form before may be compressed only now.
    fresh = (await accessFiles(scene)).find((name) => !before.has(name) && !name.endsWith(".gz"));
    lines = fresh === undefined ? [] : linesOf(await textOf(scene, fresh));
  } while (lines.filter(isRecord).length < FORM_REQUESTS && Date.now() < deadline);
  const records = lines.filter(isRecord);
  const read = fresh === undefined ? 0 : form.read(join(logFolder(scene), fresh), records);
  scene.expect(
    records.length === FORM_REQUESTS && read === FORM_REQUESTS,
    `${form.form}: ${read} of ${FORM_REQUESTS} lines read by ${form.reader}`,
  );
}

if (!existsSync(goaccess)) print("      goaccess is not installed: three forms are not read back");

await runCheck({ workers: WORKERS, optionsXml: OPTIONS, vhostXml: () => ROTATING }, async (scene) => {
  await countEverything(scene);
  for (const form of FORMS) await checkForm(scene, form);
});
