import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isRecord } from "../../infra/lib/json.ts";
import { findFreePort } from "../../infra/lib/ports.ts";
import { print, printError } from "../../infra/lib/print.ts";
import { runToEnd } from "../../infra/lib/processes.ts";
import { makeCertificate, startEdge, startOrigin } from "../../packages/testkit/src/index.ts";

const HOST = "www.browser.test";
const OBJECTS = 100;

/**
 * A page that asks for its objects as a site does, and then writes into itself what the browser has noted of each: the
 * protocol, and how many bytes came.
 */
const page = (): string => {
  const images = Array.from({ length: OBJECTS }, (_, index) => `<img src="/object-${index}.svg" alt="">`).join("\n");
  return `<!doctype html><html><body>${images}
<pre id="seen"></pre>
<script>
addEventListener("load", () => {
  const seen = performance.getEntries()
    .filter((entry) => entry.entryType === "navigation" || entry.entryType === "resource")
    .map(({ name, nextHopProtocol, responseStatus, decodedBodySize }) => ({ name, nextHopProtocol, responseStatus, decodedBodySize }));
  const broken = [...document.images].filter((image) => !image.complete || image.naturalWidth === 0).length;
  document.getElementById("seen").textContent = JSON.stringify({ seen, broken });
});
</script></body></html>`;
};

const picture = (index: number): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><!-- ${index} ${"x".repeat(1000 + index * 20)} --><rect width="8" height="8"/></svg>`;

const folder = await mkdtemp(join(tmpdir(), "basalt-check-browser-"));
const origin = await startOrigin();
const port = await findFreePort();

const fields = (type: string) => ({ "Cache-Control": "max-age=3600", "Content-Type": type });
origin.on("/").reply(200, fields("text/html"), page());
for (let index = 0; index < OBJECTS; index++) {
  origin.on(`/object-${index}.svg`).reply(200, fields("image/svg+xml"), picture(index));
}

const show = (isTrue: boolean, what: string): void => {
  print(`${isTrue ? "ok   " : "FAIL "} ${what}`);
  if (!isTrue) process.exitCode = 1;
};

/** Browsers ask for an icon too, which the site does not have. */
const askedOfOrigin = (): number => origin.requests.filter(({ path }) => path !== "/favicon.ico").length;

/** What Chromium's page has written into itself. */
const visit = async (): Promise<{ readonly seen: readonly Record<string, unknown>[]; readonly broken: unknown }> => {
  const document = await runToEnd("chromium", [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--ignore-certificate-errors",
    `--user-data-dir=${join(folder, "profile")}`,
    `--host-resolver-rules=MAP ${HOST} 127.0.0.1`,
    "--virtual-time-budget=20000",
    "--dump-dom",
    `https://${HOST}:${port}/`,
  ]);
  const [, text = ""] = /<pre id="seen">([^<]*)<\/pre>/.exec(document) ?? [];
  const said: unknown = JSON.parse(text.replaceAll("&amp;", "&"));
  if (!isRecord(said) || !Array.isArray(said.seen)) throw new Error(`the page says nothing: ${document.slice(-500)}`);
  return { seen: said.seen.filter(isRecord), broken: said.broken };
};

try {
  const { certificatePem, keyPem } = makeCertificate({ names: [HOST] });
  const [certificate, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  await writeFile(certificate, certificatePem);
  await writeFile(key, keyPem);
  const edge = await startEdge({
    workers: 2,
    vhosts: [{ name: HOST, origin: origin.address }],
    rootXml: `<Https Listen="127.0.0.1:${port}"><Cert>${certificate}</Cert><Key>${key}</Key></Https>`,
  });
  try {
    for (const turn of ["first", "second"]) {
      const { seen, broken } = await visit();
      const objects = seen.filter(({ name }) => String(name).includes("/object-"));
      const overHttp2 = seen.filter(({ nextHopProtocol }) => nextHopProtocol === "h2").length;
      const whole = objects.filter(({ name, decodedBodySize }) => {
        const [, index = ""] = /object-(\d+)/.exec(String(name)) ?? [];
        return decodedBodySize === Buffer.byteLength(picture(Number(index)));
      });
      show(
        objects.length === OBJECTS && broken === 0,
        `Chromium, ${turn} visit: ${objects.length} objects, ${broken} broken`,
      );
      show(overHttp2 === seen.length, `Chromium's performance entries: ${overHttp2} of ${seen.length} by h2`);
      show(whole.length === OBJECTS, `${whole.length} of them with all their bytes`);
    }
    show(askedOfOrigin() === OBJECTS + 1, `the origin was asked ${askedOfOrigin()} times in all`);
    const urls = Array.from({ length: OBJECTS }, (_, index) => `https://${HOST}:${port}/object-${index}.svg`);
    const said = await runToEnd("curl", [
      "--http2",
      "--silent",
      "--insecure",
      "--parallel",
      "--header",
      "Accept-Encoding: gzip, deflate, br, zstd",
      "--connect-to",
      `${HOST}:${port}:127.0.0.1:${port}`,
      "--write-out",
      "%{http_version} %{http_code} %{size_download}\\n",
      ...urls.flatMap((url) => [url, "--output", "/dev/null"]),
    ]);
    // Some versions draw their progress in spite of --silent.
    const lines = said.split("\n").filter((line) => /^\S+ \d{3} \d+$/.test(line));
    const right = lines.filter((line) => line.startsWith("2 200 ")).length;
    show(right === OBJECTS, `curl: ${right} of ${lines.length} by HTTP/2 with 200`);
    show(askedOfOrigin() === OBJECTS + 1, "and the origin was not asked again");
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
