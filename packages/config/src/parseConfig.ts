import { createHash } from "node:crypto";
import { isAbsolute, resolve } from "node:path";
import { checkAlarms } from "./checkAlarms.ts";
import { checkDims } from "./checkDims.ts";
import { checkFtpClients, warnUnknownClients } from "./checkFtp.ts";
import { checkHttpsEntries } from "./checkHttpsPorts.ts";
import { checkLogs } from "./checkLogs.ts";
import { checkMedia } from "./checkMedia.ts";
import { checkMetricFilters } from "./checkMetricFilters.ts";
import { checkRewrites } from "./checkRewrites.ts";
import { checkSnmp } from "./checkSnmp.ts";
import { checkSubscriptions } from "./checkSubscriptions.ts";
import type {
  ConfigOutcome,
  ConfigSources,
  EdgeConfig,
  ServerSettings,
  VhostLogs,
  VhostOptions,
  VhostSettings,
} from "./contract.ts";
import { deepFreeze } from "./deepFreeze.ts";
import { completeHttps } from "./https/completeHttps.ts";
import { resolveInherited } from "./inheritedOptions.ts";
import { BlockMemo } from "./options/blockMemo.ts";
import { SERVER_OPTIONS } from "./options/serverOptions.ts";
import { VHOSTS_HEAD, type VhostsHead } from "./options/vhostsElements.ts";
import { resolveOptions } from "./options/walkTable.ts";
import { ProblemList, wholeFile } from "./problems.ts";
import { createProvenance } from "./provenance.ts";
import { readVhosts, type VhostsContent } from "./readVhosts.ts";
import { type SchemaNode, SERVER_SCHEMA, VHOSTS_SCHEMA } from "./schema.ts";
import { SERVER_FILE } from "./serverPlaces.ts";
import { validateFile } from "./validate.ts";
import { VHOSTS_FILE } from "./vhostsPlaces.ts";
import { WrittenPlaces } from "./writtenPlaces.ts";
import { parseXml } from "./xml/parseXml.ts";
import { findChild, findChildren, findDescendant, type XmlElement } from "./xml/xmlElement.ts";

/** What a configuration takes from its surroundings. */
export interface ConfigContext {
  /** Absolute path of the home folder; relative paths in the files start there. */
  readonly home: string;
  readonly generation: number;
  /** Resolves the 0 of `<Workers>` and `<TransformThreads>`. */
  readonly cores: number;
  /** Default of `<Host><Name>`. */
  readonly hostName: string;
}

const LOG_FOLDER = "log";

/** Stable for a home folder, different for any two of them on one machine. */
const nameMemoryPath = (home: string): string =>
  `/dev/shm/basalt-${createHash("sha256").update(resolve(home)).digest("hex").slice(0, 12)}`;

const readFile = (
  file: string,
  schema: SchemaNode,
  sources: ConfigSources,
  problems: ProblemList,
): XmlElement | undefined => {
  const text = sources.get(file);
  if (text === undefined) {
    const isReported = sources.problems?.some((problem) => problem.file === file) ?? false;
    if (!isReported) problems.error(wholeFile(file), "The file is missing.", `a file ${file} in the home folder`);
    return undefined;
  }
  const outcome = parseXml(text);
  if (!outcome.ok) {
    const { line, column, message } = outcome;
    problems.error({ file, line, column, element: "" }, message, `well-formed XML with the root <${schema.name}>`);
    return undefined;
  }
  validateFile(file, outcome.root, schema, problems);
  return outcome.root.name === schema.name ? outcome.root : undefined;
};

const completeServer = (settings: ServerSettings, context: ConfigContext): ServerSettings => {
  const { host, cache, ftp, https } = settings;
  return {
    host: {
      ...host,
      name: host.name === "" ? context.hostName : host.name,
      serviceAccess: {
        ...host.serviceAccess,
        geoIp: host.serviceAccess.geoIp === "" ? "" : resolve(context.home, host.serviceAccess.geoIp),
      },
    },
    cache: {
      ...cache,
      storage: {
        ...cache.storage,
        disks: cache.storage.disks.map(({ path, quotaBytes }) => ({
          path: path.startsWith("/") ? path : resolve(context.home, path),
          quotaBytes,
        })),
      },
      memoryPath: cache.memoryPath === "" ? nameMemoryPath(context.home) : resolve(context.home, cache.memoryPath),
      workers: cache.workers === 0 ? Math.max(1, context.cores) : cache.workers,
      transformThreads: cache.transformThreads === 0 ? Math.max(1, context.cores) : cache.transformThreads,
    },
    ftp,
    https: https.map((entry) => completeHttps(entry, context.home)),
  };
};

/** Paths become absolute; what hosts share they go on sharing. */
const completeVhosts = (
  vhosts: readonly VhostSettings[],
  { home }: ConfigContext,
  memo: BlockMemo,
): readonly VhostSettings[] => {
  const completed = new Map<object, VhostLogs>();
  const completeLogs = (logs: VhostLogs): VhostLogs => {
    let complete = completed.get(logs);
    if (complete === undefined) {
      complete = memo.share({ ...logs, dir: resolve(home, logs.dir === "" ? LOG_FOLDER : logs.dir) });
      completed.set(logs, complete);
    }
    return complete;
  };
  const completedOptions = new Map<object, VhostOptions>();
  const completeOptions = (options: VhostOptions): VhostOptions => {
    const { dims } = options;
    if (dims.composites.every(({ file }) => isAbsolute(file))) return options;
    let complete = completedOptions.get(options);
    if (complete === undefined) {
      const composites = dims.composites.map((each) => ({ ...each, file: resolve(home, each.file) }));
      complete = memo.share({ ...options, dims: { ...dims, composites } });
      completedOptions.set(options, complete);
    }
    return complete;
  };
  return vhosts.map((vhost) => {
    const { tls } = vhost.originOptions;
    const logs = completeLogs(vhost.logs);
    const options = completeOptions(vhost.options);
    if (tls.caFile === "" || isAbsolute(tls.caFile)) return { ...vhost, logs, options };
    const originOptions = { ...vhost.originOptions, tls: { ...tls, caFile: resolve(home, tls.caFile) } };
    return { ...vhost, logs, options, originOptions: memo.share(originOptions) };
  });
};

/** Of the last reading, so that the next one of the same files makes the same objects. */
let lastMemo: BlockMemo | undefined;

const checkDisks = (root: XmlElement, home: string, problems: ProblemList): void => {
  const lines = new Map<string, number>();
  for (const disk of findChildren(findDescendant(root, ["Cache", "Storage"]), "Disk")) {
    const path = resolve(home, disk.text);
    const first = lines.get(path);
    if (first === undefined) lines.set(path, disk.line);
    else {
      const place = { file: SERVER_FILE, line: disk.line, column: disk.column, element: "Server/Cache/Storage/Disk" };
      problems.error(place, `The folder ${disk.text} stands on line ${first} already.`, "every folder once");
    }
  }
};

/**
 * Turns the text of all files into a frozen configuration, or into everything that is wrong with them. Pure: touches
 * neither files nor the system.
 */
export const parseConfig = (sources: ConfigSources, context: ConfigContext): ConfigOutcome => {
  const problems = new ProblemList();
  for (const { severity, message, ...place } of sources.problems ?? []) {
    if (severity === "error") problems.error(place, message);
    else problems.warn(place, message);
  }
  const server = readFile(SERVER_FILE, SERVER_SCHEMA, sources, problems);
  const vhostsRoot = readFile(VHOSTS_FILE, VHOSTS_SCHEMA, sources, problems);
  if (server !== undefined) {
    checkDisks(server, context.home, problems);
    checkFtpClients(server, problems);
  }
  checkRewrites(
    SERVER_FILE,
    findDescendant(server, ["VHostDefault", "OriginOptions"]),
    "Server/VHostDefault/OriginOptions",
    problems,
  );
  checkLogs(SERVER_FILE, findDescendant(server, ["VHostDefault", "Log"]), "Server/VHostDefault/Log", problems);
  checkLogs(SERVER_FILE, findDescendant(server, ["Cache"]), "Server/Cache", problems);
  const written = { server: new WrittenPlaces(), inherited: new WrittenPlaces(), vhosts: new WrittenPlaces() };
  const settings = resolveOptions<ServerSettings>(SERVER_OPTIONS, server, undefined, written.server.noteBelow(""));
  if (server !== undefined) checkHttpsEntries(server, settings, problems);
  checkAlarms(SERVER_FILE, findDescendant(server, ["Host"]), problems);
  checkSnmp(SERVER_FILE, findDescendant(server, ["Host", "SNMP"]), problems);
  const sharedLogs = findDescendant(server, ["VHostDefault", "Log"]);
  checkMetricFilters(SERVER_FILE, sharedLogs, "Server/VHostDefault/Log", problems);
  checkSubscriptions(SERVER_FILE, sharedLogs, "Server/VHostDefault/Log", problems);
  checkSubscriptions(SERVER_FILE, findDescendant(server, ["Cache"]), "Server/Cache", problems);
  warnUnknownClients(SERVER_FILE, sharedLogs, "Server/VHostDefault/Log", settings.ftp, problems);
  warnUnknownClients(SERVER_FILE, findDescendant(server, ["Cache"]), "Server/Cache", settings.ftp, problems);
  const memo = new BlockMemo(lastMemo);
  let content: VhostsContent = { vhosts: [], defaultVhost: undefined, views: [], written: new Map() };
  let urlRewrites: EdgeConfig["urlRewrites"] = [];
  if (vhostsRoot !== undefined) {
    checkRewrites(VHOSTS_FILE, vhostsRoot, "Vhosts", problems);
    const head = resolveOptions<VhostsHead>(VHOSTS_HEAD, vhostsRoot, undefined, written.vhosts.noteBelow(""));
    urlRewrites = head.urlRewrites;
    const inherited = resolveInherited(findChild(server, "VHostDefault"), written.inherited, memo);
    const shared = inherited.byProfile[inherited.profile].options;
    const sharedLayer = findDescendant(server, ["VHostDefault", "Options"]);
    checkDims(SERVER_FILE, sharedLayer, "Server/VHostDefault/Options", shared, problems);
    const sharedMedia = { media: inherited.media, options: shared };
    checkMedia(SERVER_FILE, findChild(server, "VHostDefault"), "Server/VHostDefault", sharedMedia, problems);
    content = readVhosts(vhostsRoot, head, inherited, sources, settings, memo, problems);
  }
  if (problems.hasErrors) return { ok: false, problems: problems.all };
  lastMemo = memo;
  const config: EdgeConfig = {
    generation: context.generation,
    server: completeServer(settings, context),
    vhosts: completeVhosts(content.vhosts, context, memo),
    defaultVhost: content.defaultVhost,
    views: content.views,
    urlRewrites,
  };
  const provenance = createProvenance({ ...written, hosts: content.written });
  memo.end();
  return { ok: true, config: deepFreeze(config), warnings: problems.all, provenance };
};
