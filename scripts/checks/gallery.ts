import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { checkout } from "../../infra/lib/edge.ts";
import { print, printError } from "../../infra/lib/print.ts";
import { startEdge, startOrigin, type TestEdge } from "../../packages/testkit/src/index.ts";
import { sharp } from "../../packages/transform/src/images/decoders.ts";
import { drawSheet, type GalleryCell } from "./gallerySheet.ts";
import { makeGalleryOverlay, makeGallerySources } from "./gallerySources.ts";

const HOST = "www.gallery.test";

/** Every command of spec 17, and a few in a row. */
const CHAINS = [
  "resize/100x100",
  "resize/700x",
  "thumbnail/80x80!",
  "thumbnail/50%25x25%25",
  "thumbnail/4000@",
  "crop/150x150+0+0",
  "cropcenter/150x100",
  "resizec/100x100",
  "resizec/600x400",
  "extent/520x200",
  "resizecrop/100x100",
  "resizecrop/100x100,attention",
  "resizecrop/100x100,entropy",
  "trim",
  "format/png",
  "format/jpg",
  "format/gif",
  "format/webp",
  "format/avif",
  "quality/10",
  "quality/auto",
  "optimize",
  "strip/true",
  "composite/mark",
  "composite/half",
  "composite/ratio",
  "byoriginal/sizes",
  "annotation/title*note",
  "firstframeonly/on",
  "limit/2",
  "invert/true",
  "grayscale/true",
  "flipflop/vertical",
  "flipflop/horizontal",
  "bright/30",
  "rotate/90",
  "rotate/30",
  "sepia/0.8",
  "round/40",
  "autoorient/true",
  "describe/info",
  "describe/blurhash",
  "describe/color",
  "resize/200x200/crop/100x100+20+20/rotate/15/format/png",
  "grayscale/true/composite/half/round/30/resize/150x150",
  "autoorient/true/crop/200x200/sepia/0.7/annotation/title/quality/60",
];

const { values } = parseArgs({
  options: {
    out: { type: "string", default: join(checkout, ".basalt", "gallery") },
    rows: { type: "string" },
    columns: { type: "string" },
  },
});

const picks = (words: string | undefined, name: string): boolean =>
  words === undefined || words.split(",").some((word) => name.includes(word));

const dimsXml = (overlay: string): string => `<Options><Dims Status="Active" Keyword="dims">
  <Composite Name="mark" File="${overlay}" Gravity="se" Geometry="+10+10" Dissolve="100"/>
  <Composite Name="half" File="${overlay}" Gravity="c" Dissolve="50"/>
  <Composite Name="ratio" File="${overlay}" Gravity="s" Geometry="+0+25%" Dissolve="80"/>
  <ByOriginal Name="sizes">
    <Condition Width="300">/resize/60x60/</Condition>
    <Condition>/resize/100x100/</Condition>
  </ByOriginal>
  <Annotation Name="title" FontSize="36" FontColor="#FFFF00" Gravity="n" Geometry="+0+10" Dissolve="100">Basalt &lt;1&gt;</Annotation>
  <Annotation Name="note" FontSize="20" FontColor="#FFFFFF" BackgroundColor="#000000" BackgroundWidth="Origin" Gravity="s">two\\nlines</Annotation>
  <ExtraCommands>ON</ExtraCommands>
</Dims></Options>`;

/** Chains whose result is of another format than the source. */
const EXPECTED_TYPES: Readonly<Record<string, string>> = {
  "format/png": "image/png",
  "format/jpg": "image/jpeg",
  "format/gif": "image/gif",
  "format/webp": "image/webp",
  "format/avif": "image/avif",
};

/** What is wrong with an answer; undefined: nothing that a program sees. */
const findFault = async (chain: string, sourceType: string, contentType: string, bytes: Buffer) => {
  if (chain.startsWith("describe/")) return contentType === "application/json" ? undefined : contentType;
  const expected = EXPECTED_TYPES[chain] ?? (chain.includes("format/png") ? "image/png" : sourceType);
  if (contentType !== expected) return `${contentType} instead of ${expected}`;
  const { format, width } = await sharp(bytes).metadata();
  const name = format === "heif" ? "avif" : format;
  return `image/${name}` === contentType && width > 0 ? undefined : `the bytes are ${name}`;
};

const askFor = async (edge: TestEdge, source: { name: string; type: string }, chain: string): Promise<GalleryCell> => {
  const answer = await edge.get(`/${source.name}/dims/${chain}/`);
  const contentType = answer.field("content-type") ?? "";
  const bytes = answer.body;
  const fault =
    answer.status === 200
      ? await findFault(chain, source.type, contentType, bytes).catch((error: unknown) => String(error))
      : `${answer.status} ${bytes
          .toString()
          .replaceAll(/<[^>]*>|\s+/g, " ")
          .slice(0, 120)}`;
  const extension = contentType.split("/")[1] ?? "bin";
  return {
    source: source.name,
    chain,
    file: fault === undefined ? `${source.name}--${chain.replaceAll(/[^a-z0-9.]+/g, "-")}.${extension}` : undefined,
    contentType,
    bytes,
    remark: fault ?? `${Math.ceil(bytes.length / 1024)} KB`,
    isFailure: fault !== undefined,
  };
};

/** Few at a time: the queue of the pool has an end. */
const AT_ONCE = 4;

const mapSome = async <In, Out>(items: readonly In[], make: (item: In) => Promise<Out>): Promise<Out[]> => {
  const results: Out[] = [];
  const rest = items.entries();
  const work = async (): Promise<void> => {
    for (const [index, item] of rest) results[index] = await make(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
};

const renderPage = (sources: readonly string[], chains: readonly string[], cells: readonly GalleryCell[]): string => {
  const cellOf = (source: string, chain: string): string => {
    const cell = cells.find((one) => one.source === source && one.chain === chain);
    if (cell?.file === undefined) return `<td class="failed">${cell?.remark ?? ""}</td>`;
    const isPicture = cell.contentType.startsWith("image/");
    const shown = isPicture ? `<img src="${cell.file}" alt="" loading="lazy">` : `<pre>${cell.bytes.toString()}</pre>`;
    return `<td>${shown}<br>${cell.remark}</td>`;
  };
  const rows = sources.map(
    (source) =>
      `<tr><th>${source}<br><img src="${source}" alt=""></th>${chains.map((chain) => cellOf(source, chain)).join("")}</tr>`,
  );
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>DIMS gallery</title><style>
body{font:12px sans-serif} td,th{border:1px solid #ccc;padding:4px;text-align:center;vertical-align:top}
img{max-width:160px;max-height:160px;background:repeating-conic-gradient(#ccc 0 25%,#eee 0 50%) 0 0/16px 16px}
pre{max-width:160px;white-space:pre-wrap;word-break:break-all} .failed{background:#fcc} th{position:sticky;left:0;background:#fff}
</style></head><body><table><tr><th></th>${chains.map((chain) => `<th>${decodeURIComponent(chain)}</th>`).join("")}</tr>
${rows.join("\n")}</table></body></html>
`;
};

const main = async (): Promise<void> => {
  const sources = (await makeGallerySources()).filter(({ name }) => picks(values.rows, name));
  const chains = CHAINS.filter((chain) => picks(values.columns, chain));
  const out = resolve(values.out);
  const folder = await mkdtemp(join(tmpdir(), "basalt-gallery-"));
  const overlay = join(folder, "mark.png");
  await writeFile(overlay, await makeGalleryOverlay());
  await mkdir(out, { recursive: true });
  const origin = await startOrigin();
  const vhost = { name: HOST, origin: origin.address, xml: dimsXml(overlay) };
  const edge = await startEdge({ vhosts: [vhost], readyLimitMs: 60_000 });
  const cells: GalleryCell[] = [];
  try {
    for (const { name, type, bytes } of sources) {
      origin.on(`/${name}`).reply(200, { "Content-Type": type, ETag: '"1"' }, bytes);
      await writeFile(join(out, name), bytes);
    }
    for (const source of sources) {
      const row = await mapSome(chains, (chain) => askFor(edge, source, chain));
      for (const cell of row) {
        if (cell.isFailure) printError(`FAIL ${cell.source} ${cell.chain}: ${cell.remark}`);
        else if (cell.file !== undefined) await writeFile(join(out, cell.file), cell.bytes);
      }
      cells.push(...row);
    }
  } finally {
    await edge.close();
    await origin.close();
    await rm(folder, { recursive: true });
  }
  const names = sources.map(({ name }) => name);
  await writeFile(join(out, "index.html"), renderPage(names, chains, cells));
  await writeFile(join(out, "sheet.png"), await drawSheet(names, chains, cells));
  const failures = cells.filter(({ isFailure }) => isFailure).length;
  print(`${cells.length} pictures, ${failures} failed: ${join(out, "index.html")}, ${join(out, "sheet.png")}`);
  if (failures > 0) process.exitCode = 1;
};

await main();
