import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parseRecord } from "../../infra/lib/json.ts";
import { findFreePort } from "../../infra/lib/ports.ts";
import { formatTable, print, printError } from "../../infra/lib/print.ts";
import { runToEnd } from "../../infra/lib/processes.ts";
import { fetchHttps, makeCertificate, startEdge, startOrigin } from "../../packages/testkit/src/index.ts";

const HOST = "www.tls.test";

/** What testssl.sh says of a certificate of its own making, and of what the site sends, is not about the edge. */
const NOT_OURS = /^(cert|DNS_CAA|OCSP|HSTS|HPKP|banner|security_headers|cookie|overall_grade|grade_cap|final_score)/;
const SEVERITIES = ["INFO", "OK", "LOW", "MEDIUM", "HIGH", "CRITICAL", "WARN", "DEBUG", "FATAL"];
const BAD = new Set(["MEDIUM", "HIGH", "CRITICAL", "FATAL"]);

interface Finding {
  readonly id: string;
  readonly severity: string;
  readonly text: string;
}

const readFindings = async (path: string): Promise<readonly Finding[]> => {
  const list: unknown = JSON.parse(await readFile(path, "utf8"));
  if (!Array.isArray(list)) throw new Error("testssl.sh has written something else than findings");
  return list.map((entry) => {
    const record = parseRecord(JSON.stringify(entry));
    return { id: String(record.id), severity: String(record.severity), text: String(record.finding) };
  });
};

/** Extra attributes of both entries, to see what a setting changes. */
const { values } = parseArgs({ options: { attributes: { type: "string", default: "" } } });

const folder = await mkdtemp(join(tmpdir(), "basalt-check-tls-"));
const origin = await startOrigin();
const port = await findFreePort();
try {
  const entries: string[] = [];
  for (const keyType of ["ec", "rsa"] as const) {
    const made = makeCertificate({ names: [HOST], keyType });
    const [certificate, key] = [join(folder, `${keyType}.pem`), join(folder, `${keyType}.key`)];
    await writeFile(certificate, made.certificatePem);
    await writeFile(key, made.keyPem);
    entries.push(
      `<Https Listen="127.0.0.1:${port}" ${values.attributes}><Cert>${certificate}</Cert><Key>${key}</Key></Https>`,
    );
  }
  origin.on("/").reply(200, { "cache-control": "max-age=60" }, "page");
  const edge = await startEdge({
    vhosts: [{ name: HOST, origin: origin.address }],
    defaultVhost: HOST,
    rootXml: entries.join("\n"),
  });
  try {
    const report = join(folder, "report.json");
    const words = ["--quiet", "--color", "0", "--warnings", "batch", "--nodns", "none", "--jsonfile", report];
    // It ends with the number of findings.
    await runToEnd("testssl", [...words, `127.0.0.1:${port}`]).catch(() => "");
    const findings = await readFindings(report);
    const told = findings.filter(({ severity }) => BAD.has(severity) || severity === "LOW" || severity === "WARN");
    print(formatTable([["severity", "finding", ""], ...told.map(({ severity, id, text }) => [severity, id, text])]));
    for (const severity of SEVERITIES) {
      const count = findings.filter((finding) => finding.severity === severity).length;
      if (count > 0) print(`${severity}: ${count}`);
    }
    const rating = findings.filter(({ id }) => /^(overall_grade|final_score)/.test(id));
    for (const { id, text } of rating) print(`${id}: ${text}`);
    const bad = findings.filter(({ id, severity }) => BAD.has(severity) && !NOT_OURS.test(id));
    const { status } = await fetchHttps({ port, hostField: HOST });
    if (findings.length < 50) throw new Error(`only ${findings.length} findings: testssl.sh has not done its work`);
    if (status !== 200) throw new Error(`the edge answers ${status} after it`);
    if (bad.length > 0) throw new Error(`${bad.length} findings of medium severity or worse`);
    print("nothing of medium severity or worse");
  } finally {
    await edge.close();
  }
} catch (cause) {
  printError(cause instanceof Error ? cause.message : String(cause));
  process.exitCode = 1;
} finally {
  await origin.close();
  await rm(folder, { recursive: true, force: true });
}
